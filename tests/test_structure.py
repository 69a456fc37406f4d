"""Imports go down: no circle, and nothing imports what lies above it."""

import ast
import re
from pathlib import Path

import pytest

import unlearnlib

ROOT = Path(unlearnlib.__file__).parent
LAYERS = [
    {
        "errors",
        "locations",
        "fields",
        "checks",
        "cost",
        "deadline",
        "cache",
        "fingerprint",
        "losses",
    },
    {"progress"},
    {"models"},
    {"data"},
    {"access", "checkpoint", "request"},
    {"training"},
    {"stored", "metrics"},
    {"methods", "audit"},
    {"scenario", "offers", "own"},
    {"runs"},
    {"report", "sweep"},
]
"""What stands together may be imported by all that stands below it here."""


def imports() -> dict[str, set[str]]:
    """Return the modules that each module of the package imports, wherever in it."""
    files = {path: path.relative_to(ROOT).with_suffix("").parts for path in ROOT.rglob("*.py")}
    names = {path: ".".join(p for p in parts if p != "__init__") for path, parts in files.items()}
    known = set(names.values())
    found: dict[str, set[str]] = {name: set() for name in known}
    for path, parts in files.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ImportFrom) or not node.level:
                continue
            base = [*parts[: len(parts) - node.level], *(node.module or "").split(".")]
            home = ".".join(filter(None, base))
            for alias in node.names:
                inner = f"{home}.{alias.name}".lstrip(".")
                found[names[path]].add(inner if inner in known else home)
    return found


ROOMS = sorted(path.parent.relative_to(ROOT).as_posix() for path in ROOT.rglob("__init__.py"))
"""Folders whose `__init__` says, in a line each, what is in them."""


@pytest.mark.parametrize("room", ROOMS)
def test_the_map_of_a_room_names_its_files(room: str) -> None:
    text = ast.get_docstring(ast.parse((ROOT / room / "__init__.py").read_text(encoding="utf-8")))
    files = {path.stem for path in (ROOT / room).glob("*.py")} - {"__init__"}
    files |= {path.parent.name for path in (ROOT / room).glob("*/__init__.py")}
    assert not [name for name in sorted(files) if f"`{name}`" not in str(text)]
    entries = re.findall(r"^- `(\w+)`", str(text), re.MULTILINE)
    assert len(entries) == len(set(entries))


@pytest.mark.parametrize("room", ["stored", "sweep"])
def test_a_readme_names_what_there_is(room: str) -> None:
    """Functions, files and options in backquotes; words in capitals stand for a name."""
    text = (ROOT / room / "README.md").read_text(encoding="utf-8")
    words = {word for code in re.findall("`([^`]+)`", text) for word in re.findall(r"[\w.]+", code)}
    files = [*ROOT.rglob("*.py"), *Path(__file__).parent.glob("*.py")]
    source = "".join(path.name + path.read_text(encoding="utf-8") for path in files)
    names = {word.removesuffix(".py").rpartition(".")[2] for word in words if not word.isupper()}
    assert len(names) > 20
    assert not [name for name in sorted(names) if name.upper() != name and name not in source]


def test_no_circle_of_imports() -> None:
    left = imports()
    while True:
        done = {name for name, needs in left.items() if not needs & left.keys() - {name}}
        if not done:
            break
        left = {name: needs for name, needs in left.items() if name not in done}
    assert not left


def test_imports_go_down() -> None:
    place = {name: i for i, layer in enumerate(LAYERS) for name in layer}
    up = [
        f"{name} imports {other}"
        for name, others in imports().items()
        for other in others
        if name not in ("", "__main__")
        and place[name.split(".")[0]] < place.get(other.split(".")[0], 0)
    ]
    assert not up


def test_metrics_see_no_model() -> None:
    for name, others in imports().items():
        if name.startswith("metrics"):
            assert not {other.split(".")[0] for other in others} & {"models", "stored", "audit"}
            source = (ROOT / name.replace(".", "/")).with_suffix(".py")
            if source.is_file():
                assert "nn.Module" not in source.read_text(encoding="utf-8")
