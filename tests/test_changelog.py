"""What the changelog says has moved is where it says."""

import re
from importlib import import_module
from pathlib import Path

import pytest

import unlearnlib

ROOT = Path(unlearnlib.__file__).parents[1]
ROOMS = "runs|stored|checks|methods|metrics|audit|report|data|models|sweep"
MODULE = re.compile(rf"(?:cost|request|fingerprint|(?:{ROOMS})(?:\.[a-z_]+)+)(?:\.[A-Za-z_]+)?")


def new_places() -> list[str]:
    """Every dotted name in the column of new paths."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    cells = [line.split("|")[2] for line in text.splitlines() if line.startswith("| `")]
    words = [word for cell in cells for word in re.findall(r"`([^`(]+)[^`]*`", cell)]
    return sorted({word for word in words if MODULE.fullmatch(word)})


@pytest.mark.parametrize("place", new_places())
def test_it_is_there(place: str) -> None:
    home, _, name = f"unlearnlib.{place}".rpartition(".")
    try:
        import_module(f"unlearnlib.{place}")
    except ModuleNotFoundError:
        assert hasattr(import_module(home), name)


def test_there_are_such_places() -> None:
    assert len(new_places()) > 30
