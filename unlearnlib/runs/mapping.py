"""The strict reader of specifications: JSON, and YAML 1.2 where PyYAML is installed.

A key stands once, text is UTF-8, only `true` and `false` are truth values, `1e-3` is a number, a
date is text. What YAML can do besides (tags of one's own, merge keys, several documents) is
refused, and so is what is too large to be a specification, whatever its aliases stand for.
"""

import json
import math
import re
from pathlib import Path
from typing import Any

from ..errors import SpecError
from ..fields import _named as named

BYTES = 1_000_000
"""The largest file that is read."""
VALUES = 20_000
"""The most keys and values of a file; those behind an alias count at each place."""
DEPTH = 50
"""The deepest nesting."""

# What a plain word stands for: the core schema, section 10.3.2 of YAML 1.2.2.
CORE = {
    "null": r"~|null|Null|NULL|",
    "bool": r"true|True|TRUE|false|False|FALSE",
    "int": r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+",
    "float": r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
    r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
}
TAG = "tag:yaml.org,2002:"
TOO_LONG = "a number has more digits than can be read"
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"(?:\s*:)?|[\[\]{}\n]|[^\s\[\]{}",:]+')
"""A text of JSON (a colon behind it makes it a key), a bracket, a new line, a number or a word."""


def mapping(path: str | Path) -> dict[str, Any]:
    """Return the mapping in a file of JSON or YAML.

    Raises:
        SpecError: The file cannot be read, or holds something else.
    """
    content = values(path)
    if not isinstance(content, dict):
        held = "nothing" if content is None else named(type(content))
        raise SpecError(f"{path} holds {held}; a grid is a mapping.")
    return content


def values(path: str | Path) -> Any:
    """Return what is in a file of JSON or YAML.

    Raises:
        SpecError: The file cannot be read; the sentence names the line.
    """
    text = _text(Path(path))
    try:
        try:
            content = json.loads(text)
        except json.JSONDecodeError:
            return _yaml(text)
        _check(text)
        return content
    except RecursionError:
        raise SpecError(f"{path} is nested deeper than {DEPTH} levels.") from None
    except _MistakeError as mistake:
        line = f", line {mistake.line}" if mistake.line else ""
        raise SpecError(f"{path}{line}: {mistake}") from None
    except (ValueError, OverflowError) as error:  # or a character beyond the last
        long = "digits" in str(error) and TOO_LONG
        raise SpecError(f"{path}: {long or error}.") from None


class _MistakeError(Exception):
    """What is wrong, and in which line."""

    def __init__(self, sentence: str, line: int = 0) -> None:
        super().__init__(sentence)
        self.line = line


def _text(path: Path) -> str:
    """Return the text of a file."""
    if path.exists() and not path.is_file():
        raise SpecError(f"{path} is not a file; a specification is a file of JSON or YAML.")
    try:
        with path.open("rb") as file:
            data = file.read(BYTES + 1)
    except OSError as error:
        raise SpecError(f"{path} cannot be read: {error.strerror}.") from None
    if len(data) > BYTES:
        raise SpecError(f"{path} has more than {BYTES:,} bytes; a specification is short.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, byte = data.count(b"\n", 0, error.start) + 1, data[error.start]
        raise SpecError(
            f"{path}, line {line}: the byte 0x{byte:02x} is not UTF-8. Save the file as UTF-8."
        ) from None
    if not text.strip():
        raise SpecError(f"{path} is empty.")
    return text


def _check(text: str) -> None:
    """Refuse what is JSON and yet no specification."""
    line, count = 1, 0
    inside: list[dict[str, int]] = []  # the mappings and lists around a token: key -> its line
    for token in TOKEN.findall(text):
        count += token not in "\n]}"
        if token == "\n":
            line += 1
        elif token in "[{":
            inside.append({})
        elif token in "]}":
            inside.pop()
        elif token.endswith(":"):
            _add(json.loads(token[:-1]), line, inside[-1])
        elif token[0] != '"' and token not in ("true", "false", "null"):
            _finite(float(token), token, line)
        line += token.count("\n") * (token != "\n")  # between a key and its colon
        _bounded(count, len(inside), line)


def _add(key: str, line: int, known: dict[str, int]) -> None:
    """Note the line of a key; refuse one that stands there already."""
    if key in known:
        raise _MistakeError(
            f"the key {key!r} stands twice in one mapping, first in line {known[key]}. Keep one.",
            line,
        )
    known[key] = line


def _finite(number: float, word: str, line: int) -> float:
    """Return a number that is finite."""
    if not math.isfinite(number):
        raise _MistakeError(f"{word} is not a finite number.", line)
    return number


def _bounded(count: int, depth: int, line: int) -> None:
    """Refuse what is too large."""
    if depth > DEPTH:
        raise _MistakeError(f"this is nested deeper than {DEPTH} levels.", line)
    if count > VALUES:
        raise _MistakeError(
            f"these are more than {VALUES:,} values, those of aliases included.", line
        )


def _yaml(text: str) -> Any:
    """Return what is in a text of YAML."""
    try:
        import yaml
    except ImportError:
        raise _MistakeError(
            "this is not JSON, and PyYAML, which reads other YAML, is not installed; "
            "pip install pyyaml."
        ) from None

    class Loader(yaml.SafeLoader):
        """Reads the core schema of YAML 1.2, where PyYAML knows that of 1.1."""

        composed = 0

        def compose_node(self, parent: Any, index: Any) -> Any:
            """Return a node; the count ends what would take minutes."""
            self.composed += 1
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            _bounded(self.composed, 0, mark.line + 1)
            return super().compose_node(parent, index)

    Loader.yaml_implicit_resolvers = {}
    for kind, words in CORE.items():
        Loader.add_implicit_resolver(TAG + kind, re.compile(f"(?:{words})$"), None)
    try:
        loader = Loader(text)
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        tab = "; indent with spaces" if "'\\t'" in str(error.problem) else ""
        raise _MistakeError(f"{error.problem}{tab}.", mark.line + 1 if mark else 0) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise _MistakeError(
            f"the character {chr(error.character)!r} is not allowed.", line
        ) from None
    if node is None:
        raise _MistakeError("there is nothing but remarks.")
    count = 0

    def value(node: Any, depth: int) -> Any:
        """Return what a node stands for."""
        nonlocal count
        count, line = count + 1, node.start_mark.line + 1
        _bounded(count, depth, line)
        kind = node.tag.removeprefix(TAG)
        if isinstance(node, yaml.SequenceNode) and kind == "seq":
            return [value(item, depth + 1) for item in node.value]
        if isinstance(node, yaml.MappingNode) and kind == "map":
            items, lines = {}, dict[str, int]()
            for key, item in node.value:
                line = key.start_mark.line + 1
                if not isinstance(key, yaml.ScalarNode) or key.tag != TAG + "str":
                    shown = getattr(key, "value", "")
                    shown = f"{shown!r} " if isinstance(shown, str) else ""
                    raise _MistakeError(f"the key {shown}is not text; put it in quotes.", line)
                if key.value == "<<":
                    raise _MistakeError("merge keys (<<) are not read; write the keys out.", line)
                _add(key.value, line, lines)
                items[key.value] = value(item, depth + 1)
            return items
        if isinstance(node, yaml.ScalarNode) and kind in (*CORE, "str"):
            return _scalar(kind, node.value, line)
        raise _MistakeError(f"the tag {node.tag.replace(TAG, '!!')} is not known here.", line)

    return value(node, 0)


def _scalar(kind: str, word: str, line: int) -> Any:
    """Return the value of a word of the core schema."""
    if kind == "str":
        return word
    if not re.fullmatch(CORE[kind], word):
        raise _MistakeError(f"{word!r} is no {kind}.", line)
    if kind == "null":
        return None
    if kind == "bool":
        return word.lower() == "true"
    if kind == "int" and len(word) > 1000:  # Python reads longer ones in base 16, and no further
        raise _MistakeError(f"{TOO_LONG}.", line)
    if kind == "int":
        return int(word, {"0o": 8, "0x": 16}.get(word[:2], 10))
    special = word.lower().endswith((".inf", ".nan"))
    return _finite(math.nan if special else float(word), word, line)
