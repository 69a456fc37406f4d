"""The command line."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from unlearnlib import __main__, records
from unlearnlib.__main__ import main
from unlearnlib.errors import DataError
from unlearnlib.locations import PACKAGE

SPEC: dict[str, Any] = {
    "note": "tiny", "part": "try", "scale": "workstation", "dataset": "toy", "model": "mlp",
    "requests": ["class:boot", "random:9"], "training": {"epochs": 1}, "seeds": [0],
    "methods": {"Original": {}, "Retrain": {}, "JiT": {"noises": 2}},
}  # fmt: skip


def spec(lab: Path, **changes: Any) -> Path:
    path = lab / "page.workstation.yaml"
    path.write_text(json.dumps(SPEC | changes))
    return path


def test_run_makes_the_grid_and_packs_it(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = spec(lab)
    assert main(["run", str(path)]) == 0
    packed = lab / "data" / "records" / "try" / "workstation.jsonl"
    assert capsys.readouterr().out == f"{path}: 6 runs\n6 runs in {packed}\n"
    assert len(packed.read_text().splitlines()) == 6
    table = records.read("try", "workstation")
    assert table["run_id"].nunique() == 6
    assert set(table["method"]) == {"Original", "Retrain", "JiT"}
    before = packed.read_text()
    assert main(["run", str(path), str(path)]) == 0
    assert packed.read_text() == before


def test_every_spec_is_read_before_anything_runs(
    lab: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = spec(lab)
    wrong = lab / "wrong.yaml"
    wrong.write_text(json.dumps(SPEC | {"methods": {"Jit": {}}}))
    assert main(["run", str(path), str(wrong)]) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith("error: There is no method 'Jit'. Known are: Original, ")
    assert not (lab / "data").exists()


def test_a_spec_that_is_not_there(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(lab / "none.yaml")]) == 1
    assert "none.yaml" in capsys.readouterr().err


def test_runs_that_fail_are_told(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A request that the data set does not have fails; the other is recorded."""
    path = spec(lab, requests=["class:boot", "class:sandal"])
    with pytest.raises(ExceptionGroup, match="3 of 6 runs are recorded"):
        main(["run", str(path)])
    assert records.read("try", "workstation")["run_id"].nunique() == 3


def test_data_are_loaded_and_counted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        __main__, "load", lambda name: SimpleNamespace(train=range(12), test=range(3))
    )
    assert main(["data", "cifar10", "cifar100"]) == 0
    assert capsys.readouterr().out == "cifar10: 12 + 3 examples\ncifar100: 12 + 3 examples\n"


def test_data_that_fail_to_load(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(name: str) -> None:
        raise DataError(f"{name} is truncated")

    monkeypatch.setattr(__main__, "load", fail)
    assert main(["data", "cifar10"]) == 1
    assert capsys.readouterr().err == "error: cifar10 is truncated\n"


@pytest.mark.parametrize("arguments", [[], ["run"], ["data", "cifar11"], ["walk"]])
def test_usage_errors(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: python -m unlearnlib" in capsys.readouterr().err


def test_the_core_needs_four_packages() -> None:
    """A machine with torch, numpy, pandas and scikit-learn alone can run grids."""
    optional = ["matplotlib", "yaml", "torchvision", "timm", "tqdm", "IPython", "jupyter_core"]
    code = (
        f"import sys; [sys.modules.setdefault(n, None) for n in {optional}]; "
        "import unlearnlib, unlearnlib.__main__, unlearnlib.search"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=PACKAGE.parent, timeout=60)
