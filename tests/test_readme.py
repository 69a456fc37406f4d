"""What the README says of verdicts is counted from the records."""

import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def readme(of_book: Callable[[str], ModuleType]) -> ModuleType:
    """book/readme.py."""
    return of_book("readme")


def test_the_verdicts_are_those_of_the_records(readme: ModuleType) -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert readme.with_verdicts(text) == text, "make readme"


def test_no_other_number_of_the_readme_is_a_result() -> None:
    """A share or a count of models outside of the marks could drift."""
    text = (ROOT / "README.md").read_text("utf-8")
    prose = re.sub(r"<!-- verdicts.*<!-- /verdicts -->", "", text, flags=re.DOTALL)
    assert not re.findall(r"\d[\d.]* ?(?:%|per cent|points|of \d+ models)", prose)
