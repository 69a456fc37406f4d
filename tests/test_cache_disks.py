"""The cache on a disk that is full or takes nothing: what was made is used all the same."""

import errno
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from filelock import FileLock
from torch import nn

from unlearnlib import cache
from unlearnlib.cache import atomic, cached, kept, locked
from unlearnlib.errors import StorageError

from .made_cache import Maker, ask, load, place

CPU = torch.device("cpu")
pytestmark = pytest.mark.usefixtures("lab")


def ask_model(make: Maker, name: str = "a") -> Any:
    return cached({"name": name}, lambda: nn.Linear(3, 2), make.model, CPU)[0]


@pytest.fixture
def disk(lab: Path) -> Iterator[Callable[[str], None]]:
    """A disk of 64 kB in place of the cache, and what changes its options."""
    root = lab / "cache"
    root.mkdir()

    def mount(options: str) -> None:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(root)]
        subprocess.run(command, check=True, capture_output=True)

    try:
        mount("size=64k")
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no small disk can be mounted here: {error}")
    yield mount
    subprocess.run(["umount", "--lazy", str(root)], check=True)


class TestNoRoom:
    def test_what_was_made_on_a_full_disk_is_used(
        self, lab: Path, disk: Callable[[str], None]
    ) -> None:
        make = Maker(100_000)
        with pytest.warns(UserWarning, match="not kept") as caught:
            found = ask(make)
        assert len(found[0]) == 100_000
        assert [str(warning.message) for warning in caught] == [
            f"{place(lab)} cannot be written (No space left on device). What was there is as it "
            "was; make room, or the folder writable, and try again. What was made is used, but not "
            "kept."
        ]
        assert list(place(lab).parent.iterdir()) == []
        (lab / "cache" / "record").write_bytes(bytes(40_000))  # the room is given back
        disk("remount,size=1m")
        ask(make)
        ask(make)
        assert make.calls == 2

    def test_a_model_is_trained_once(self, lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """It is held, nobody can change it, and it is written as soon as there is room."""
        make = Maker()
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", self.full)
            with pytest.warns(UserWarning, match=f"{place(lab, folder='models')} .*not kept"):
                first = ask_model(make)
            expected = first.weight.detach().clone()
            for _ in range(2):
                nn.init.zeros_(first.weight)
                first = ask_model(make)
                assert torch.equal(first.weight, expected)
            assert list(place(lab, folder="models").parent.iterdir()) == []
        assert torch.equal(ask_model(make).weight, expected)
        assert make.calls == 1
        assert load(place(lab, folder="models"))["cost"] == {"seconds": 0.5}
        assert not any(lab in path.parents for path in cache._unwritten)
        place(lab, folder="models").unlink()
        ask_model(make)
        assert make.calls == 2

    @pytest.mark.filterwarnings("ignore:.*not kept")
    def test_the_last_eight_are_held(self, monkeypatch: pytest.MonkeyPatch) -> None:
        make = Maker()
        monkeypatch.setattr(os, "fsync", self.full)
        for name in "abcdefgh":
            ask_model(make, name)
        ask_model(make, "a")
        assert make.calls == 8
        ask_model(make, "i")  # in the place of b, which nobody asked for since
        ask_model(make, "a")
        assert make.calls == 9
        ask_model(make, "b")
        assert make.calls == 10
        assert len(cache._unwritten) == 8

    @staticmethod
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def test_what_torch_cannot_write_for_another_reason_is_told(self, lab: Path) -> None:
        def write(made: Any, path: Path) -> None:
            raise RuntimeError("no such kind of tensor")

        with pytest.warns(UserWarning, match=f"{place(lab)} cannot be written .no such kind of te"):
            assert kept("numbers", {"name": "a"}, load, lambda: 3, write) == 3
        assert list(place(lab).parent.iterdir()) == []

    @pytest.mark.parametrize("name", ["fsync", "replace"])
    def test_atomic_says_where_and_leaves_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        path = tmp_path / "file.txt"
        path.write_text("old")
        monkeypatch.setattr(os, name, self.full)
        said = rf"^{path} cannot be written \(No space left on device\)\. What was there"
        with pytest.raises(StorageError, match=said) as caught, atomic(path) as temporary:
            temporary.write_text("new")
        assert caught.value.errno == errno.ENOSPC
        assert path.read_text() == "old"
        assert list(tmp_path.iterdir()) == [path]

    def test_contents_are_on_the_disk_before_the_name_is(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        done, replace = list[str](), os.replace
        monkeypatch.setattr(
            os, "fsync", lambda number: done.append(os.readlink(f"/proc/self/fd/{number}"))
        )

        def noted(source: Any, target: Any) -> None:
            done.append(str(source))
            replace(source, target)

        monkeypatch.setattr(os, "replace", noted)
        with atomic(tmp_path / "file.txt") as temporary:
            temporary.write_text("new")
        assert done == [str(temporary)] * 2


class TestReadOnly:
    @pytest.fixture
    def frozen(self, disk: Callable[[str], None]) -> Maker:
        """A cache that has one thing and takes no other."""
        make = Maker()
        ask(make)
        disk("remount,ro")
        return make

    def test_what_is_there_is_read(self, frozen: Maker) -> None:
        ask(frozen)
        assert frozen.calls == 1

    def test_what_is_not_is_made_and_told_once(self, lab: Path, frozen: Maker) -> None:
        said = rf"{place(lab, 'b')} cannot be written \(Read-only file system\).* but not kept"
        with pytest.warns(UserWarning, match=said):
            ask(frozen, {"name": "b"})
        ask(frozen, {"name": "b"})  # without a warning, which would be an error here
        assert frozen.calls == 3

    def test_without_rights(self, lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """As above where nothing can be mounted: neither lock nor file can be made."""
        make = Maker()
        ask(make)

        def deny(*_: Any, **__: Any) -> None:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

        monkeypatch.setattr(FileLock, "acquire", deny)
        monkeypatch.setattr(tempfile, "mkstemp", deny)
        ask(make)
        assert make.calls == 1
        with pytest.warns(UserWarning, match="Permission denied.* but not kept"):
            ask(make, {"name": "b"})
        lock = lab / "x.lock"
        with pytest.raises(StorageError, match=f"^{lock} cannot be written .Perm"), locked(lock):
            pytest.fail("no lock is held")
