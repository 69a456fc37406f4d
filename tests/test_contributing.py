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
