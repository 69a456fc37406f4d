"""What the README says of verdicts is counted from the records."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def readme() -> ModuleType:
    """book/readme.py."""
    specification = importlib.util.spec_from_file_location("readme", ROOT / "book" / "readme.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_the_verdicts_are_those_of_the_records(readme: ModuleType) -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert readme.with_verdicts(text) == text, "make readme"


def test_no_other_number_of_the_readme_is_a_result() -> None:
    """A share or a count of models outside of the marks could drift."""
    text = (ROOT / "README.md").read_text("utf-8")
    prose = re.sub(r"<!-- verdicts.*<!-- /verdicts -->", "", text, flags=re.DOTALL)
    assert not re.findall(r"\d[\d.]* ?(?:%|per cent|points|of \d+ models)", prose)
