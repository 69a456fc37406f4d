"""What may befall the cache: flipped bits, other files, pipes, no rights."""

import errno
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from filelock import FileLock, Timeout

from unlearnlib import Moments, Recipe, Scenario, Statistic

from .made_cache import Maker, ask, place

pytestmark = pytest.mark.usefixtures("lab")


@pytest.fixture
def at_once() -> Iterator[None]:
    """End a test that waits for ever."""
    before = signal.signal(signal.SIGALRM, lambda *_: pytest.fail("it waits"))
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


class TestSeal:
    def test_any_flipped_bit_is_noticed(self, lab: Path) -> None:
        make = Maker()
        ask(make)
        path = place(lab)
        sound = path.read_bytes()
        places = [*range(0, len(sound), 61), *range(len(sound) - 66, len(sound))]
        for calls, i in enumerate(places, 2):
            spoilt = bytearray(sound)
            spoilt[i] ^= 1 << i % 8
            path.write_bytes(spoilt)
            with pytest.warns(UserWarning, match=f"{path.name} cannot be used .it is damaged.; it"):
                ask(make)
            assert make.calls == calls, i

    @pytest.mark.parametrize(
        "spoil", [lambda b: b[:-1], lambda b: b + b"\n", lambda b: b[1:], lambda b: b[-64:]]
    )
    def test_so_is_what_is_missing_or_too_much(self, lab: Path, spoil: Any) -> None:
        make = Maker()
        ask(make)
        place(lab).write_bytes(spoil(place(lab).read_bytes()))
        with pytest.warns(UserWarning, match="it is damaged"):
            ask(make)
        ask(make)
        assert make.calls == 2

    def test_a_file_under_another_name_is_refused(self, lab: Path) -> None:
        make = Maker()
        one, other = ask(make), ask(make, {"name": "b"})
        shutil.copy(place(lab, "b"), place(lab))
        with pytest.warns(UserWarning, match="it holds something else"):
            assert not torch.equal(ask(make)[0], other[0])
        assert torch.equal(ask(make, {"name": "b"})[0], other[0])
        assert not torch.equal(one[0], other[0])
        assert make.calls == 3

    def test_a_file_of_several_megabytes(self, lab: Path) -> None:
        make = Maker(700_001)
        found = ask(make)
        assert torch.equal(ask(make)[0], found[0])
        assert make.calls == 1
        with place(lab).open("rb+") as file:
            file.seek(2_500_000)
            file.write(b"?")
        with pytest.warns(UserWarning, match="it is damaged"):
            ask(make)

    def test_models_and_statistics_are_sealed(self, lab: Path) -> None:
        made = Scenario("toy", "mlp", "class:Boot", Recipe(1, lr=0.05, batch_size=32))
        found = [made.stored(Statistic("fisher")).seconds, made.stored(Moments()).seconds]
        paths = [
            path for kind in ("models", "statistics") for path in (lab / "cache" / kind).iterdir()
        ]
        assert len(paths) == 3
        for path in paths:
            spoilt = bytearray(path.read_bytes())
            spoilt[len(spoilt) // 2] ^= 64
            path.write_bytes(spoilt)
        again = Scenario("toy", "mlp", "class:Boot", Recipe(1, lr=0.05, batch_size=32))
        with pytest.warns(UserWarning, match="it is damaged") as caught:
            anew = [again.stored(Statistic("fisher")).seconds, again.stored(Moments()).seconds]
        assert len(caught) == 3
        assert anew[0] != found[0]
        assert anew[1] != found[1]


class TestStrangeFiles:
    @pytest.mark.parametrize(
        ("lay", "fault"),
        [
            (os.mkfifo, "it is no file"),
            (lambda path: path.symlink_to(path), "it is no file"),
            (lambda path: path.symlink_to("nowhere"), "it is no file"),
            (lambda path: path.symlink_to("/dev/null"), "it is no file"),
        ],
        ids=["pipe", "loop", "dangling", "device"],
    )
    @pytest.mark.usefixtures("at_once")
    def test_they_are_replaced(self, lab: Path, lay: Any, fault: str) -> None:
        place(lab).parent.mkdir(parents=True)
        lay(place(lab))
        make = Maker()
        with pytest.warns(UserWarning, match=fault):
            ask(make)
        ask(make)
        assert make.calls == 1

    def test_a_folder_stays(self, lab: Path) -> None:
        place(lab).mkdir(parents=True)
        (place(lab) / "mine").touch()
        make = Maker()
        said = f"^{place(lab)} cannot be written .Is a directory.*not kept"
        with pytest.warns(UserWarning, match=said), pytest.warns(UserWarning, match="is no file"):
            ask(make)
        assert [path.name for path in place(lab).iterdir()] == ["mine"]
        assert list(place(lab).parent.iterdir()) == [place(lab)]

    def test_an_unreadable_file(self, lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        make, real = Maker(), Path.open
        ask(make)

        def deny(path: Path, mode: str = "r", *rest: Any) -> Any:
            if path == place(lab) and mode == "rb":
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            return real(path, mode, *rest)

        monkeypatch.setattr(Path, "open", deny)
        with pytest.warns(UserWarning, match="cannot be used .Permission denied.; it is computed"):
            ask(make)
        assert make.calls == 2

    @pytest.mark.parametrize("name", ["numbers", "locks"])
    def test_a_file_in_place_of_a_folder(self, lab: Path, name: str) -> None:
        """Without the one, nothing is kept; without the other, all is."""
        make = Maker()
        (lab / "cache").mkdir()
        (lab / "cache" / name).touch()
        if name == "locks":
            ask(make)
        else:
            with pytest.warns(UserWarning, match="cannot be written .*used, but not kept"):
                ask(make)
        ask(make)
        assert make.calls == (1 if name == "locks" else 2)

    @pytest.mark.parametrize("lay", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to(path)])
    @pytest.mark.usefixtures("at_once")
    def test_strange_locks(self, lab: Path, lay: Any) -> None:
        lock = lab / "cache" / "locks" / place(lab).with_suffix(".lock").name
        lock.parent.mkdir(parents=True)
        lay(lock)
        make = Maker()
        assert torch.equal(ask(make)[0], ask(make)[0])
        assert make.calls == 1


def test_who_makes_holds_the_lock(lab: Path) -> None:
    lock = lab / "cache" / "locks" / place(lab).with_suffix(".lock").name

    def make() -> list[torch.Tensor]:
        other = FileLock(lock, timeout=0)
        with pytest.raises(Timeout), other:
            pytest.fail("nobody holds the lock")
        return [torch.ones(1)]

    ask(make)  # type: ignore[arg-type]
    with FileLock(lock, timeout=0):
        assert lock.exists()
