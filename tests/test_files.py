"""The files of data sets: found, missing, broken, or no files at all."""

import gzip
import os
from pathlib import Path

import pytest

from unlearnlib.data import fetch, files
from unlearnlib.errors import DataError

from .made_files import PARTS, tiny, write


@pytest.mark.parametrize("folder", ["", "tiny"])
@pytest.mark.parametrize("compress", [None, gzip.compress])
def test_files_are_found(root: Path, folder: str, compress: object) -> None:
    if callable(compress):
        write(root / folder, {f"{name}.gz": compress(data) for name, data in PARTS.items()})
    else:
        write(root / folder)
    assert files.read(tiny()) == PARTS


def test_the_folder_of_the_set_comes_first(root: Path) -> None:
    write(root, {"train.bin": b"of another set"})
    write(root / "tiny")
    assert files.read(tiny()) == PARTS


@pytest.mark.parametrize(
    ("broken", "found"),
    [(PARTS["train.bin"][:-1], "found 199 bytes"), (b"x" + PARTS["train.bin"][1:], "found 200")],
    ids=["truncated", "corrupt"],
)
def test_broken_file(root: Path, broken: bytes, found: str) -> None:
    write(root / "tiny", {**PARTS, "train.bin": broken})
    with pytest.raises(DataError, match=f"train.bin .*expected 200 bytes .*{found}.*Delete .*tiny"):
        files.read(tiny())


def test_truncated_gzip(root: Path) -> None:
    squeezed = {f"{name}.gz": gzip.compress(data) for name, data in PARTS.items()}
    write(root / "tiny", {**squeezed, "test.bin.gz": squeezed["test.bin.gz"][:-9]})
    with pytest.raises(DataError, match=r"test\.bin\.gz is truncated or corrupt.*Delete"):
        files.read(tiny())


def test_missing_file(root: Path) -> None:
    write(root / "tiny", {"train.bin": PARTS["train.bin"]})
    with pytest.raises(DataError, match=r"should hold 2 files, but test\.bin cannot be found"):
        files.read(tiny())


def test_of_a_longer_file_no_more_is_read_than_shows_it(root: Path) -> None:
    write(root / "tiny")
    os.truncate(root / "tiny" / "train.bin", 1 << 40)  # nobody's memory holds it
    with pytest.raises(DataError, match=r"train.bin .*expected 200 bytes .*found more\. Delete"):
        files.read(tiny())
    write(root / "tiny", {"train.bin.gz": gzip.compress(bytes(201))})
    with pytest.raises(DataError, match=r"train.bin.gz .*expected 200 bytes .*found more\. Delete"):
        files.read(tiny())


def odd_things(path: Path, kind: str) -> None:
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "nowhere":
        path.symlink_to("/nonexistent/file")
    elif kind == "file":
        path.write_text("a file")


@pytest.mark.parametrize("name", ["test.bin", "train.bin.xz"])
@pytest.mark.parametrize("kind", ["fifo", "folder", "nowhere"])
def test_only_regular_files_are_read(root: Path, kind: str, name: str) -> None:
    (root / "tiny").mkdir()
    odd_things(root / "tiny" / name, kind)
    with pytest.raises(DataError, match=rf"tiny/{name} is no regular file.*Remove"):
        files.read(tiny())
    assert os.path.lexists(root / "tiny" / name)
    write(root / "tiny", {"train.bin": PARTS["train.bin"]})  # and where another part is there
    with pytest.raises(DataError, match=r"test\.bin cannot be found"):
        files.read(tiny())


@pytest.mark.parametrize("kind", ["fifo", "file", "nowhere"])
def test_the_folder_of_a_set_is_a_folder(root: Path, kind: str) -> None:
    odd_things(root / "tiny", kind)
    with pytest.raises(DataError, match=r"root/tiny should be a folder that you may read"):
        files.read(tiny())
    assert [path.name for path in root.iterdir()] == ["tiny"]


def test_a_folder_that_may_not_be_used(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "tiny").mkdir()
    modes = []
    monkeypatch.setattr(os, "access", lambda path, mode: modes.append(mode))
    with pytest.raises(DataError, match=r"root/tiny should be a folder that you may read"):
        files.read(tiny())
    assert modes == [os.R_OK | os.W_OK | os.X_OK]


def test_a_file_that_may_not_be_read_is_not_called_corrupt(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbid(path: Path, mode: str) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    write(root / "tiny")
    monkeypatch.setattr(files, "open", forbid, raising=False)
    with pytest.raises(
        DataError, match=r"tiny/train\.bin cannot be read: Permission denied\. Make"
    ):
        files.read(tiny())


def test_missing_embedded_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "data_folder", lambda: tmp_path)
    with pytest.raises(DataError, match=r"fashion_small should hold 4 files.*Restore"):
        fetch("fashion_small")
