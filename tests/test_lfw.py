"""Faces in the official layout: who is in, which photographs are tests, what is refused."""

import io
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from unlearnlib.data import lfw, load
from unlearnlib.errors import DataError

HERE = Path(os.environ.get("UNLEARNLIB_DATA", "/nonexistent")) / lfw.FOLDER


def photograph(red: int) -> bytes:
    """A JPEG of 250 x 250 pixels with a red middle and a blue frame."""
    pixels = np.zeros((250, 250, 3), np.uint8)
    pixels[..., 2] = 255
    pixels[40:210, 40:210] = (red, 0, 0)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two people with enough photographs, one with too few, as the official folder has them."""
    paths, contents = [], []
    for name, count, red in (("Ada_One", 20, 60), ("Bob_Few", 19, 120), ("Cy_Two", 24, 250)):
        folder = tmp_path / lfw.FOLDER / name
        folder.mkdir(parents=True)
        for i in range(1, count + 1):
            (folder / f"{name}_{i:04}.jpg").write_bytes(photograph(red))
            if count >= lfw.LEAST:
                paths.append(folder / f"{name}_{i:04}.jpg")
                contents.append(photograph(red))
    monkeypatch.setenv("UNLEARNLIB_DATA", str(tmp_path))
    monkeypatch.setattr(lfw, "SHA1", lfw._digest(paths, contents))
    return tmp_path


def test_the_people_with_enough_photographs(root: Path) -> None:
    data = load("lfw_people")
    assert data.classes == ("Ada_One", "Cy_Two")
    assert data.train.y.bincount().tolist() == [16, 20]  # every fifth is a test image
    assert data.test.y.bincount().tolist() == [4, 4]
    assert data.train.x.shape == (36, 3, 32, 32)
    assert data.train.x.dtype == torch.float32


def test_the_middle_is_what_is_seen(root: Path) -> None:
    (images, labels), _, _ = lfw.read(root)
    for label, red in ((0, 60), (1, 250)):
        middle = images[labels == label].astype(float).mean((0, 2, 3))
        np.testing.assert_allclose(middle, [red, 0, 0], atol=4)


def test_other_contents_are_refused(root: Path) -> None:
    changed = root / lfw.FOLDER / "Ada_One" / "Ada_One_0003.jpg"
    changed.write_bytes(photograph(200))
    with pytest.raises(DataError, match=r"found are 2 and 44.*lfw-deepfunneled.tgz"):
        load("lfw_people")


def test_only_regular_files_are_photographs_and_no_more_is_read_than_one_has(root: Path) -> None:
    """A pipe would hang, and a file of a terabyte fill the memory."""
    whole = lfw.read(root)
    folder = root / lfw.FOLDER
    os.mkfifo(folder / "Ada_One" / "Ada_One_0000.jpg")
    os.mkfifo(folder / "Dee_Pipe")
    (folder / "Ada_One" / "Ada_One_0021.jpg").symlink_to("/nonexistent")
    for found, expected in zip(lfw.read(root)[0], whole[0], strict=True):
        np.testing.assert_array_equal(found, expected)
    os.truncate(folder / "Ada_One" / "Ada_One_0003.jpg", 1 << 40)
    with pytest.raises(DataError, match=r"found are 2 and 44, or other contents"):
        lfw.read(root)


def test_a_photograph_that_may_not_be_read_is_named(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbid(path: Path, mode: str) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", forbid)
    with pytest.raises(DataError, match=r"Ada_One_0001.jpg cannot be read: Permission denied\. M"):
        lfw.read(root)


def test_without_pillow_one_is_told_to_get_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(DataError, match=r"pip install pillow\.$"):
        lfw.read(root)


def test_a_missing_folder_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNLEARNLIB_DATA", str(tmp_path))
    with pytest.raises(DataError, match="found are 0 and 0"):
        load("lfw_people")


@pytest.mark.skipif(not HERE.is_dir(), reason="needs UNLEARNLIB_DATA with lfw-deepfunneled")
def test_the_official_faces() -> None:
    data = load("lfw_people")
    assert len(data.classes) == 62
    assert len(data.train) + len(data.test) == 3023
