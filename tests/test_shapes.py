"""What signatures say of shapes is so: equations are tested once more with each call checked.

In a run of its own, since refusals in our words would be jaxtyping's there: see tests/checked.py.
"""

import subprocess
import sys
from pathlib import Path

FILES = ["attack", "impostors", "information", "losses", "metrics", "representation", "tensors"]
METHODS = "test_conformance.py::test_parameters_move_unless_nothing_is_meant_to"
PYTEST = "-m pytest -q -p no:cacheprovider -p tests.checked"


def checked(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run pytest with the plugin, from the folder above this one."""
    return subprocess.run(
        [sys.executable, *PYTEST.split(), *arguments],
        cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_shapes_are_as_the_signatures_say() -> None:
    paths = [f"tests/{name}" for name in (*(f"test_{file}.py" for file in FILES), METHODS)]
    ended = checked("-m", "not wrong_shapes", *paths)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert " passed" in ended.stdout


def test_the_check_is_on() -> None:
    """What is refused in our words elsewhere is refused by jaxtyping in this run."""
    ended = checked("tests/test_losses.py", "-m", "wrong_shapes")
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert "3 failed" in ended.stdout
    assert "jaxtyping.TypeCheckError" in ended.stdout
