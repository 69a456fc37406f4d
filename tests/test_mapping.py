"""Specifications are read strictly: what is ambiguous is refused, in one sentence with the line."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from unlearnlib.errors import SpecError
from unlearnlib.locations import PACKAGE
from unlearnlib.runs import mapping as reader
from unlearnlib.runs.mapping import mapping, values


def write(folder: Path, content: str | bytes) -> Path:
    path = folder / "grid.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("1e-3", 1e-3), ("1E3", 1e3), ("-1.5e+2", -150.0), (".5", 0.5), ("5.", 5.0), ("+7", 7),
        ("010", 10), ("0o17", 15), ("0x1F", 31), ("1_000", "1_000"), ("1:30", "1:30"),
        ("0b1", "0b1"), ("true", True), ("False", False), ("yes", "yes"), ("no", "no"),
        ("on", "on"), ("y", "y"), ("null", None), ("~", None), ("", None), ("None", "None"),
        ("2026-01-01", "2026-01-01"), ("2026-01-01 10:00:00", "2026-01-01 10:00:00"),
        ("nan", "nan"), ("Infinity", "Infinity"), ("=", "="), ("'1'", "1"), ("!!str 1", "1"),
        ("!!float 1", 1.0), ("e3", "e3"), ("1e", "1e"), ("--1", "--1"), ("1.2.3", "1.2.3"),
    ],
)  # fmt: skip
def test_words_are_those_of_yaml_1_2(tmp_path: Path, word: str, value: Any) -> None:
    found = mapping(write(tmp_path, f"a: {word}\n"))["a"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("methods: {JiT: {a: 1}, JiT: {a: 2}}", "line 1: the key 'JiT' .* first in line 1"),
        ("a: 1\nb: 2\na: 3\n", "line 3: the key 'a' stands twice .* first in line 1"),
        ('{"a": {"b": 1,\n"b": 2}}', "line 2: the key 'b' stands twice .* first in line 1"),
        ('{"b": {"b": "}"},\n\n"\\u0062" : 2}', "line 3: the key 'b' .* first in line 1"),
        ('{"a"\n:\n1,\n"a": 2}', "line 4: the key 'a' .* first in line 1"),
        ('{"a": [1,\nNaN]}', "line 2: NaN is not a finite number"),
        ('{"a": -Infinity}', "line 1: -Infinity is not a finite"),
        ('{"a": 1e999}', "line 1: 1e999 is not a finite"),
        ("a: 1\nb: .nan", "line 2: .nan is not a finite"),
        ("b: -.INF", "line 1: -.INF is not a finite"),
        ("b: 1e999", "line 1: 1e999 is not a finite"),
        ("a:\n\tb: 1", "line 2: .*indent with spaces"),
        ("a: !ruby {}", "line 1: the tag !ruby is not known"),
        ("a: !!python/object/apply:os.system [ls]", "line 1: the tag !!python/object/apply:os"),
        ("a: !!binary aGk=", "the tag !!binary is not known"),
        ("a: !!set {b}", "the tag !!set is not known"),
        ("a: !!timestamp 2026-01-01", "the tag !!timestamp"),
        ("a: !!str [1]", "the tag !!str is not known"),
        ("a: !!map x", "the tag !!map"),
        ("a: !!seq {}", "the tag !!seq"),
        ("a: !!int x", "'x' is no int"),
        ("a: !!bool yes", "'yes' is no bool"),
        ("a: [1", "line 1: .*expected"),
        ("a: *b", "line 1: .*undefined alias"),
        ("a: 1\n--- \nb: 1", "line 2: .*another document"),
        ("a: {<<: {b: 1}}", "line 1: merge keys"),
        ("1: x", "line 1: the key '1' is not text"),
        ("a: 1\ntrue: x", "line 2: the key 'true' is not text"),
        ("~: x", "the key '~' is not text"),
        ("? [a]\n: x", "line 1: the key is not text"),
        ("[a: 1, 2]", "holds a list; a grid is a mapping"),
        ("3", "holds a whole number; a grid is a mapping"),
        ("null", "holds nothing; a grid is a mapping"),
        ('a: "\\UFFFFFFFF"', "too large"),
        ("a: 1\nb: 0x" + 5000 * "f", "line 2: a number has more digits than can be read"),
        ("", "is empty"),
        (" \n", "is empty"),
        ("# remark", "nothing but remarks"),
        (b"\xef\xbb\xbf", "is empty"),
        ("a: caf\u00e9".encode("latin-1"), "line 1: the byte 0xe9 is not UTF-8"),
        ("a: 1\nb: \u00e9".encode("latin-1"), "line 2: the byte 0xe9"),
        ("a: 1".encode("utf-16"), "line 1: the byte 0xff is not UTF-8"),
        ("a: 1\nb: \x00", r"line 2: the character '\\x00' is not allowed"),
        ("a: " + 60 * "[" + 60 * "]", "line 1: .*nested deeper than 50"),
        ('{"a": ' + 60 * "[" + 60 * "]" + "}", "line 1: .*nested deeper than 50"),
        (9000 * "[" + 9000 * "]", "nested deeper than 50"),
        ("a: " + 9000 * "[" + 9000 * "]", "nested deeper than 50"),
        ("a: &a [*a]", "nested deeper than 50"),
        ('{"a": ' + 5000 * "9" + "}", "more digits than can be read"),
        ("a: " + 5000 * "9", "more digits than can be read"),
    ],
)  # fmt: skip
def test_what_is_refused(tmp_path: Path, content: str | bytes, message: str) -> None:
    path = write(tmp_path, content)
    with pytest.raises(SpecError, match=message) as caught:
        mapping(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_aliases_are_bounded(tmp_path: Path) -> None:
    """Each level stands for ten of the one before: 10 ** 9 values in ten lines."""
    few = "a: &a {lr: 0.1}\nb: *a\n"
    assert mapping(write(tmp_path, few)) == {"a": {"lr": 0.1}, "b": {"lr": 0.1}}
    bomb = "a0: &a0 [1]\n" + "".join(
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 10)
    )
    with pytest.raises(SpecError, match="more than 20,000 values, those of aliases included"):
        mapping(write(tmp_path, bomb))


def test_what_an_alias_repeats_is_a_copy(tmp_path: Path) -> None:
    found = mapping(write(tmp_path, "a: &a {lr: 0.1}\nb: *a\n"))
    found["a"]["lr"] = 2
    assert found["b"]["lr"] == 0.1


@pytest.mark.parametrize("start", ['{"a": [', "a: ["])
def test_values_and_bytes_are_bounded(
    tmp_path: Path, start: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = "]}" if start[0] == "{" else "]"
    monkeypatch.setattr(reader, "VALUES", 103)  # the mapping, the list and its values
    path = write(tmp_path, start + ",".join(["1"] * 100) + end)
    assert len(mapping(path)["a"]) == 100
    path = write(tmp_path, start + ",".join(["1"] * 102) + end)
    with pytest.raises(SpecError, match="more than 103 values"):
        mapping(path)
    monkeypatch.setattr(reader, "BYTES", path.stat().st_size)
    with pytest.raises(SpecError, match="more than 103 values"):
        mapping(path)
    monkeypatch.setattr(reader, "BYTES", path.stat().st_size - 1)
    with pytest.raises(SpecError, match="bytes; a specification is short"):
        mapping(path)


def test_fifty_levels_are_read(tmp_path: Path) -> None:
    for text in ('{"a": ' + 49 * "[" + 49 * "]" + "}", "a: " + 49 * "[" + 49 * "]"):
        assert mapping(write(tmp_path, text))["a"]


def test_a_byte_order_mark_and_tabs_in_json(tmp_path: Path) -> None:
    assert mapping(write(tmp_path, b"\xef\xbb\xbfa: \xc3\xa9")) == {"a": "é"}
    assert mapping(write(tmp_path, '{\n\t"a": "\\ud83d\\ude00"}')) == {"a": "😀"}
    assert mapping(write(tmp_path, '{"a": "b\\": {", "c": [{}, {"a": null}]}'))["c"][1] == {
        "a": None
    }


def test_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"missing\.yaml cannot be read: No such file"):
        mapping(tmp_path / "missing.yaml")
    with pytest.raises(SpecError, match="is not a file"):
        mapping(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SpecError, match="is not a file"):
        mapping(tmp_path / "pipe")


def test_json_needs_no_yaml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    assert mapping(write(tmp_path, '{"a": 1e-3}')) == {"a": 1e-3}
    with pytest.raises(SpecError, match="stands twice"):
        mapping(write(tmp_path, '{"a": 1, "a": 1}'))
    with pytest.raises(SpecError, match="pip install pyyaml"):
        mapping(write(tmp_path, "a: 1"))


def test_the_committed_files_are_read_as_before() -> None:
    """PyYAML reads them in the same way: none holds a word that YAML 1.1 and 1.2 tell apart."""
    import yaml

    root = PACKAGE.parent
    found = [*root.glob("*.yml"), *root.glob("data/*.yaml"), *root.glob("notebooks/**/*.yaml")]
    assert len(found) > 60
    for path in found:
        assert values(path) == yaml.safe_load(path.read_text("utf-8")), path
