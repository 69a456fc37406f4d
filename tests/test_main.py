"""The command line: `data`, and what is no command or option."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from unlearnlib import __main__, data
from unlearnlib.__main__ import main
from unlearnlib.errors import DataError
from unlearnlib.locations import PACKAGE


def test_data_are_loaded_and_counted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(data, "load", lambda _: SimpleNamespace(train=range(12), test=range(3)))
    assert main(["data", "cifar10", "cifar100"]) == 0
    assert capsys.readouterr().out == "cifar10: 12 + 3 examples\ncifar100: 12 + 3 examples\n"


def test_data_that_fail_to_load(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(name: str) -> SimpleNamespace:
        if name == "cifar10":
            raise DataError(f"{name} is truncated")
        return SimpleNamespace(train=range(12), test=range(3))

    monkeypatch.setattr(data, "load", fail)
    assert main(["data", "cifar10", "cifar100"]) == 1
    captured = capsys.readouterr()
    assert captured.out == "cifar100: 12 + 3 examples\n"
    assert captured.err == "error: cifar10 is truncated\n"


@pytest.mark.parametrize("error", [RuntimeError("Could not determine home directory."), KeyError()])
def test_no_error_is_a_traceback(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(__main__, "cache_folder", fail)
    assert main(["sweep", "a.ipynb", "--grid", "b.yaml"]) == 1
    told = f"{type(error).__name__}: {str(error) or 'no message'}"
    assert capsys.readouterr().err == f"error: {told} (--verbose shows the traceback)\n"
    assert main(["sweep", "a.ipynb", "--grid", "b.yaml", "--verbose"]) == 1
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["run"], ["data"], ["walk"]])
def test_usage_errors(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: python -m unlearnlib" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("--jobs", value) for value in ("0", "-1", "1.5", "two", "", "1" * 30)),
        *(("--sample", value) for value in ("0", "-1", "1e3")),
        *(("--timeout", value) for value in ("0", "-5", "1m")),
        *(("--seed", value) for value in ("-1", "x")),
        *(("--budget", value) for value in ("1.2.3", "nan", "-1", "", "m", ".", "1d", "inf", "٣")),
    ],
)
def test_numbers_that_are_none(option: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["sweep", "a.ipynb", "--grid", "b.yaml", f"{option}={value}"])
    assert caught.value.code == 2
    kind = "no time; write 90s, 25m or 2h" if option == "--budget" else "no whole number from"
    assert f"argument {option}: '{value}' is {kind}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "value"),
    [("90", 90), ("90s", 90), ("25m", 1500), ("2h", 7200), (".5m", 30), ("1.5h", 5400), ("2.s", 2)],
)
def test_times(text: str, value: float) -> None:
    assert __main__.seconds(text) == value


def test_the_core_needs_no_optional_package() -> None:
    """What no extra has brought is not imported where grids are run."""
    optional = ["matplotlib", "yaml", "torchvision", "timm", "IPython", "jupyter_core"]
    code = (
        f"import sys; [sys.modules.setdefault(n, None) for n in {optional}]; "
        "import unlearnlib, unlearnlib.__main__, unlearnlib.runs.declared_search"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=PACKAGE.parent, timeout=60)


@pytest.mark.parametrize("command", [[], ["run"], ["data"], ["sweep"]])
def test_help_does_not_wait_for_torch(command: list[str]) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "unlearnlib", *command, "--help"],
        check=True, cwd=PACKAGE.parent, timeout=60, capture_output=True, text=True,
        env=os.environ | {"PYTHONPROFILEIMPORTTIME": "1"},
    )  # fmt: skip
    assert told.stdout.startswith("usage: python -m unlearnlib")
    imported = {line.rpartition("|")[2].strip() for line in told.stderr.splitlines()}
    assert {"argparse", "unlearnlib"} <= imported
    assert not {"torch", "numpy", "pandas", "sklearn"} & imported
