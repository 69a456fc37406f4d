"""Tiny-ImageNet: the official layout on a small archive, and what is wrong with others."""

import io
import os
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from unlearnlib.data import load, sources
from unlearnlib.data.tiny_imagenet import read
from unlearnlib.errors import DataError

WNIDS = ["n03", "n01", "n02"]


def jpeg(level: int, mode: str = "RGB") -> bytes:
    file = io.BytesIO()
    Image.new(mode, (64, 64), level if mode == "L" else (level,) * 3).save(file, "JPEG")
    return file.getvalue()


def archive(leave_out: str = "") -> bytes:
    """Two training images a class and one test image; the level tells which it is."""
    files: dict[str, str | bytes] = {
        "wnids.txt": "\n".join(WNIDS),
        "words.txt": "n01\tbullfrog, Rana\nn02\tcat\nn03\tdesk, table\nn99\tnothing",
        "val/val_annotations.txt": "".join(
            f"val_{i}.JPEG\t{w}\t0\t0\t9\t9\n" for i, w in enumerate(sorted(WNIDS))
        ),
        "test/images/test_0.JPEG": jpeg(250),
    }
    for c, wnid in enumerate(WNIDS):
        for number in (10, 2):
            mode = "L" if number == 2 else "RGB"
            files[f"train/{wnid}/images/{wnid}_{number}.JPEG"] = jpeg(40 * c + number, mode)
        files[f"train/{wnid}/{wnid}_boxes.txt"] = "boxes"
        files[f"val/images/val_{sorted(WNIDS).index(wnid)}.JPEG"] = jpeg(40 * c)
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as made:
        for name, content in files.items():
            if name != leave_out:
                made.writestr(f"tiny-imagenet-200/{name}", content)
    return written.getvalue()


def test_labels_follow_wnids_and_images_their_numbers() -> None:
    (x, y), (x_test, y_test), names = read(archive(), 200)
    assert names == ("desk", "bullfrog", "cat")
    assert x.shape == (6, 3, 64, 64)
    assert x.dtype == np.uint8
    assert y.tolist() == [1, 1, 2, 2, 0, 0]
    np.testing.assert_allclose(x.mean((1, 2, 3)), [42, 50, 82, 90, 2, 10], atol=1.5)
    assert (x[0, 0] == x[0, 2]).all()  # a grey image has three equal channels
    np.testing.assert_allclose(x_test.mean((1, 2, 3)), 40 * y_test, atol=1.5)
    assert sorted(y_test) == [0, 1, 2]


def test_the_first_classes_alone() -> None:
    (_, y), (_, y_test), names = read(archive(), 2)
    assert names == ("desk", "bullfrog")
    assert sorted(y) == [0, 0, 1, 1]
    assert sorted(y_test) == [0, 1]


@pytest.mark.parametrize("missing", ["wnids.txt", "words.txt", "val/images/val_1.JPEG"])
def test_an_archive_of_another_layout(missing: str) -> None:
    with pytest.raises(DataError, match=r"cannot be read: .*as the official"):
        read(archive(missing), 200)


def test_no_archive() -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read(b"not a zip", 200)


def test_without_pillow_one_is_told_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """And not that the archive is broken."""
    whole = archive()
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(DataError, match=r"^Tiny-ImageNet is made of JPEG.*pip install pillow\.$"):
        read(whole, 200)


@pytest.mark.parametrize(
    "break_it",
    [
        lambda b: b[: len(b) // 2],
        lambda b: b.replace(b"JFIF", b"JUNK"[::-1]),
        lambda b: b.replace(b"n01\tbullfrog", b"n01\t\xe9\xe9\xe9frog"),
        lambda b: b.replace(b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01"),
    ],
    ids=["truncated", "corrupt", "not UTF-8", "encrypted"],
)
def test_a_broken_archive_is_one_sentence(break_it: Callable[[bytes], bytes]) -> None:
    broken = break_it(archive())
    assert broken != archive()
    with pytest.raises(DataError, match=r"cannot be read: [^\n]*Download that again") as caught:
        read(broken, 200)
    assert caught.value.__suppress_context__


def test_names_are_read_as_utf_8() -> None:
    changed = io.BytesIO(archive())
    with zipfile.ZipFile(changed) as old, zipfile.ZipFile(made := io.BytesIO(), "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b"bullfrog", "bœuf".encode()))
    assert read(made.getvalue(), 200)[2][1] == "bœuf"


def test_a_corrupt_file_is_told_by_its_md5(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNLEARNLIB_DATA", str(tmp_path))
    (tmp_path / "tiny-imagenet-200.zip").write_bytes(archive())
    with pytest.raises(DataError, match=r"248,100,043 bytes with MD5 90528d7c.*Delete"):
        load("tiny_imagenet")
    with pytest.raises(DataError, match="248,100,043 bytes with MD5"):
        load("tiny_imagenet_20")


FOLDER = Path(os.environ.get("UNLEARNLIB_DATA", "/nonexistent"))
PLACES = [FOLDER, FOLDER / "tiny-imagenet"]


@pytest.mark.skipif(
    not any((place / "tiny-imagenet-20.zip").is_file() for place in PLACES),
    reason="needs UNLEARNLIB_DATA with tiny-imagenet-20.zip",
)
def test_twenty_classes() -> None:
    data = load("tiny_imagenet_20")
    assert data.train.x.shape == (10_000, 3, 64, 64)
    assert data.train.y.bincount().tolist() == [500] * 20
    assert data.test.y.bincount().tolist() == [50] * 20
    assert data.classes[:2] == ("Egyptian cat", "reel")
    assert abs(data.train.x.mean()) < 0.3
    assert torch.isfinite(data.train.x).all()
    assert len(sources.TINY_IMAGENET_20.parts) == 1
