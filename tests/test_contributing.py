"""The example of CONTRIBUTING.md is the library's own file, and its test is a test."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    "name", ["unlearnlib/methods/gradient_ascent.py", "tests/test_gradient_ascent.py"]
)
def test_the_example_stands_as_it_is_in_the_file(name: str) -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    blocks = re.findall(rf"\*\*\d\. `{re.escape(name)}`\*\*.*?```python\n(.*?)```", text, re.DOTALL)
    assert blocks == [(ROOT / name).read_text(encoding="utf-8")]


def test_every_place_that_it_names_is_there() -> None:
    """Words in capitals, such as PART, stand for a name; what is `in` a file is a name in it."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    prose = re.sub("```.*?```", "", text, flags=re.DOTALL)
    names = set(re.findall(r"`((?:[a-z_]+/)+[\w.]*)`", prose))
    places = {name for name in names if not re.search("[A-Z]{4}", name)} - {"records/"}
    assert len(places) > 15
    assert not [name for name in sorted(places) if not (ROOT / name).exists()]
    for name, place in re.findall(r"`(\w+)` in `([\w/.]+\.py)`", text):
        assert name in (ROOT / place).read_text(encoding="utf-8")
