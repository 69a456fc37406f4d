"""The data sets: hold-out, labels, formats, and files that are missing, broken or downloaded."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from unlearnlib.data import Dataset, fetch, files, load, names, sets, sources
from unlearnlib.data.files import Source
from unlearnlib.errors import DataError
from unlearnlib.locations import data_folder

from .made_files import part, write


def official(source: Source) -> pytest.MarkDecorator:
    """Skip where the official files are not at hand: tests never use the network."""
    folder = Path(os.environ.get("UNLEARNLIB_DATA", "/nonexistent")) / source.folder
    return pytest.mark.skipif(
        not folder.is_dir(), reason=f"needs UNLEARNLIB_DATA with {source.folder}"
    )


# --- the sets ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small() -> Dataset:
    return load("fashion_small")


def test_small_is_stratified_and_normalised(small: Dataset) -> None:
    assert small.train.x.shape == (12_000, 1, 28, 28)
    assert small.test.x.shape == (2_000, 1, 28, 28)
    assert small.train.y.bincount().tolist() == [1200] * 10
    assert small.test.y.bincount().tolist() == [200] * 10
    assert (small.train.x.dtype, small.train.y.dtype) == (torch.float32, torch.int64)
    # 0 and 255, the extreme grey values, under mean 0.2860 and standard deviation 0.3530
    assert small.train.x.min().item() == pytest.approx(-0.2860 / 0.3530)
    assert small.train.x.max().item() == pytest.approx((1 - 0.2860) / 0.3530)
    assert small.train.x.mean().item() == pytest.approx(0, abs=0.01)
    assert small.train.x.std().item() == pytest.approx(1, abs=0.01)
    assert (small.classes, small.subclasses) == (names.FASHION, ())


@pytest.mark.parametrize(
    ("name", "train", "test"),
    [
        ("fashion_small", "22aaa73c8ff03c00", "677b67be3a6866e8"),
        ("fashion_small_super", "ad445abbfe2bea93", "f6ace5f290567be7"),
    ],
)
def test_the_tensors_are_those_of_the_records(name: str, train: str, test: str) -> None:
    """Bit for bit: every recorded result depends on them."""
    data = load(name)
    tensors = (data.train.x, data.test.x, data.train.y, data.test.y)
    found = [hashlib.sha256(t.numpy().tobytes()).hexdigest()[:16] for t in tensors]
    assert found == ["4fe42795cf630ba9", "3df7e92cfad9f55b", train, test]


def test_small_has_no_image_twice(small: Dataset) -> None:
    train, test = ({x.tobytes() for x in split.x.numpy()} for split in (small.train, small.test))
    assert (len(train), len(test)) == (12_000, 2_000)
    assert not train & test


def test_super_classes_relabel_the_same_images(small: Dataset) -> None:
    coarse = load("fashion_small_super")
    assert coarse.classes == ("tops", "layers", "full-length", "shoes", "bags")
    assert coarse.subclasses == small.classes
    for half, fine, reference in (
        (coarse.train, coarse.train_subclass, small.train),
        (coarse.test, coarse.test_subclass, small.test),
    ):
        assert fine is not None
        assert torch.equal(half.x, reference.x)
        assert torch.equal(fine, reference.y)
        for y, sub in zip(half.y[:50].tolist(), fine[:50].tolist(), strict=True):
            assert names.FASHION[sub] in names.FASHION_SUPER[coarse.classes[y]]
    assert coarse.train.y.bincount().tolist() == [2400, 2400, 2400, 3600, 1200]


def test_every_fashion_class_has_one_super_class() -> None:
    assert sorted(sum(names.FASHION_SUPER.values(), ())) == sorted(names.FASHION)


def test_class_names_are_complete() -> None:
    lengths = [len(set(n)) for n in (names.CIFAR10, names.CIFAR100, names.CIFAR20)]
    assert lengths == [10, 100, 20]
    assert list(names.CIFAR100) == sorted(names.CIFAR100)  # the official order
    assert list(names.CIFAR20) == sorted(names.CIFAR20)


def test_unknown_set_names_the_known_ones() -> None:
    with pytest.raises(DataError, match=r"no data set 'cifar11'.*cifar10, cifar100"):
        load("cifar11")
    for name, close in (("fashion_smal", "fashion_small"), ("CIFAR10", "cifar10")):
        for ask in (load, fetch):
            with pytest.raises(DataError, match=rf"no data set '{name}'. Did you mean {close}\?"):
                ask(name)


@official(sources.FASHION)
def test_embedded_set_is_remade_from_the_official_files(tmp_path: Path) -> None:
    script = tmp_path / "make_fashion_small.py"
    script.write_bytes((data_folder() / "embedded" / script.name).read_bytes())
    folder = Path(os.environ["UNLEARNLIB_DATA"]) / sources.FASHION.folder
    printed = subprocess.check_output([sys.executable, script, folder], text=True)
    for expected in sources.FASHION_SMALL.parts:
        assert f'"{expected.name}", {expected.size:_}, "{expected.digest}"' in printed
    files._contents(sources.FASHION_SMALL, tmp_path, remedy="")  # what was written is that, too


@pytest.mark.parametrize(
    ("name", "per_class", "channel_mean"),
    [
        pytest.param("fashion_mnist", (6000, 1000), 0, marks=official(sources.FASHION)),
        pytest.param("cifar10", (5000, 1000), -0.02, marks=official(sources.CIFAR10)),
        pytest.param("cifar100", (500, 100), 0, marks=official(sources.CIFAR100)),
        pytest.param("cifar20", (2500, 500), 0, marks=official(sources.CIFAR100)),
    ],
)
def test_official_sets(name: str, per_class: tuple[int, int], channel_mean: float) -> None:
    dataset = load(name)
    for split, count in zip((dataset.train, dataset.test), per_class, strict=True):
        assert split.y.bincount().tolist() == [count] * len(dataset.classes)
    assert dataset.train.x.mean().item() == pytest.approx(channel_mean, abs=0.005)
    if name == "cifar20":
        assert dataset.train_subclass is not None
        rocket = dataset.train_subclass == dataset.subclasses.index("rocket")
        assert {dataset.classes[y] for y in dataset.train.y[rocket].tolist()} == {"vehicles_2"}
        pairs = torch.stack([dataset.train_subclass, dataset.train.y]).unique(dim=1)
        assert pairs[1].bincount().tolist() == [5] * 20  # each class in one super-class, 5 in each


# --- formats ----------------------------------------------------------------------------------


@pytest.mark.parametrize("label_bytes", [1, 2])
def test_cifar_rows(label_bytes: int) -> None:
    generator = np.random.default_rng(0)
    images = generator.integers(256, size=(5, 3, 32, 32), dtype=np.uint8)
    labels = generator.integers(10, size=(5, label_bytes), dtype=np.uint8)
    rows = [bytes(labels[i]) + images[i].tobytes() for i in range(5)]

    split = sets.cifar_split([b"".join(rows[:3]), b"".join(rows[3:])], label_bytes)

    np.testing.assert_array_equal(split.images, images)
    np.testing.assert_array_equal(split.fine, labels[:, -1])
    np.testing.assert_array_equal(split.coarse, labels[:, 0])


def test_cifar_sets_read_their_files_in_order(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One image a file; its label, and its first pixel, say which file it came from."""
    contents = {
        p.name: bytes([i]) + bytes([i]) + bytes(3071) for i, p in enumerate(sources.CIFAR10.parts)
    }
    write(root / sources.CIFAR10.folder, contents)
    fake = Source(
        sources.CIFAR10.folder, tuple(part(*item) for item in contents.items()), ("http://home/x",)
    )
    scale = ((0.5,) * 3, (2.0,) * 3)
    loader = sets.images_of(fake, sets._read_cifar10, scale, names.CIFAR10)
    monkeypatch.setitem(sets._LOADERS, "cifar10", loader)

    dataset = load("cifar10")

    assert dataset.train.y.tolist() == [0, 1, 2, 3, 4]
    assert dataset.test.y.tolist() == [5]
    expected = (torch.arange(6) / 255 - 0.5) / 2
    torch.testing.assert_close(dataset.train.x[:, 0, 0, 0], expected[:5])
    torch.testing.assert_close(dataset.test.x[:, 0, 0, 0], expected[5:])


def test_idx_array() -> None:
    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    data = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4]) + array.tobytes()
    np.testing.assert_array_equal(sets.idx_array(data), array)
