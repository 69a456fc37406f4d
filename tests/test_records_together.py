"""Records that others write and pack meanwhile: none is lost."""

import errno
import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock, Timeout

from unlearnlib.cache import atomic
from unlearnlib.errors import RecordError, StorageError
from unlearnlib.runs import records

from .made_records import lines_of, loose, put, record, repack, values

pytestmark = pytest.mark.usefixtures("lab")


class TestTogether:
    @pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
    def test_processes_that_write_and_merge_at_once_lose_nothing(self, lab: Path) -> None:
        fork = multiprocessing.get_context("fork")
        start = fork.Barrier(4)

        def work(i: int) -> None:
            start.wait(30)
            for j in range(6):
                records.write(record(f"{i} {j}"))
                records.merge("try", "paper")

        children = [fork.Process(target=work, args=(i,), daemon=True) for i in range(4)]
        for child in children:
            child.start()
        for child in children:
            child.join(60)
        assert [child.exitcode for child in children] == [0] * 4
        assert values().keys() == {f"{i} {j}" for i in range(4) for j in range(6)}
        assert loose(lab) == []

    def test_what_is_written_and_merged_within_a_merge(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One process, the other at the worst of times."""
        records.write(record("R0"))
        real = records.load_all

        def slow(*place: str) -> dict[str, records.Record]:
            known = real(*place)
            monkeypatch.setattr(records, "load_all", real)
            records.write(record("R1"))
            records.merge("try", "paper")
            return known

        monkeypatch.setattr(records, "load_all", slow)
        records.merge("try", "paper")
        assert values().keys() == {"R0", "R1"}

    def packing(self, monkeypatch: pytest.MonkeyPatch, meanwhile: Any) -> None:
        """Merge, and do something when all is read and the packed file is about to be written."""
        real = atomic

        @contextmanager
        def slow(path: Path) -> Iterator[Path]:
            monkeypatch.setattr(records, "atomic", real)
            meanwhile()
            with real(path) as temporary:
                yield temporary

        monkeypatch.setattr(records, "atomic", slow)
        records.merge("try", "paper")

    def test_what_is_written_while_others_are_packed_stays(
        self, lab: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("a", "b"):
            records.write(record(name))

        def meanwhile() -> None:
            records.write(record("a", 0.75))  # the same run, remade
            records.write(record("c"))

        self.packing(monkeypatch, meanwhile)
        assert {path.stem for path in loose(lab)} == {record(name)["run_id"] for name in "ac"}
        assert values() == {"a": 0.75, "b": 0.5, "c": 0.5}

    def test_what_vanishes_meanwhile_is_packed_all_the_same(
        self, lab: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        records.write(record())
        self.packing(monkeypatch, loose(lab)[0].unlink)
        assert values() == {"a": 0.5}

    def test_so_is_what_vanishes_before_it_is_deleted(
        self, lab: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = Path.unlink

        def twice(path: Path, missing_ok: bool = False) -> None:
            if path.exists():
                os.remove(path)
            real(path, missing_ok)

        records.write(record())
        monkeypatch.setattr(Path, "unlink", twice)
        records.merge("try", "paper")
        assert loose(lab) == []
        assert values() == {"a": 0.5}

    def test_who_packs_holds_the_lock(self, lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        lock = lab / "data" / "records" / "try" / "paper.lock"

        def meanwhile() -> None:
            with pytest.raises(Timeout), FileLock(lock, timeout=0):
                pytest.fail("nobody holds the lock")

        records.write(record())
        self.packing(monkeypatch, meanwhile)
        with FileLock(lock, timeout=0):
            assert values() == {"a": 0.5}

    def test_what_is_packed_while_it_is_read_is_not_missed(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("a", "b"):
            records.write(record(name))
        real = Path.glob

        def slow(path: Path, pattern: str) -> list[Path]:
            listed = list(real(path, pattern))
            monkeypatch.setattr(Path, "glob", real)
            records.merge("try", "paper")
            return listed

        monkeypatch.setattr(Path, "glob", slow)
        assert values().keys() == {"a", "b"}

    def test_nothing_is_written_where_nothing_is_loose(
        self, lab: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert records.merge("try", "paper") is None
        assert not (lab / "data").exists()
        records.write(record())
        packed = records.merge("try", "paper")
        monkeypatch.setattr(records, "atomic", pytest.fail)
        monkeypatch.setattr(records, "locked", pytest.fail)
        assert records.merge("try", "paper") == packed == lab / "data/records/try/paper.runs.csv.gz"

    @pytest.mark.parametrize("name", ["fsync", "replace"])
    def test_a_full_disk_is_told_and_loses_nothing(
        self, lab: Path, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        records.write(record())
        (path,) = loose(lab)

        def full(*_: Any) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with monkeypatch.context() as patch:
            patch.setattr(os, name, full)
            said = r"\S* cannot be written \(No space left on device\)"
            with pytest.raises(StorageError, match=f"^{lab}/data/records/try/paper.rows.csv{said}"):
                records.merge("try", "paper")
            with pytest.raises(StorageError, match=rf"^{path.parent}/\w+.json{said}"):
                records.write(record("b"))
        assert loose(lab) == [path]
        assert values() == {"a": 0.5}

    def test_without_a_lock_nothing_is_packed(
        self, lab: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def deny(*_: Any, **__: Any) -> None:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))

        records.write(record())
        monkeypatch.setattr(FileLock, "acquire", deny)
        with pytest.raises(StorageError, match=r"paper\.lock cannot be written .Read-only file"):
            records.merge("try", "paper")
        assert len(loose(lab)) == 1


class TestOfTwo:
    """Two records of one run."""

    @pytest.mark.parametrize(
        ("old", "new", "value"),
        [
            ("2026-11-21T12:25:14+00:00", "2026-11-21T12:25:15+00:00", 0.75),
            ("2026-11-21T12:25:14+00:00", "2026-11-21T12:25:14+00:00", 0.75),
            ("2026-11-21T12:25:14+00:00", "2026-11-20T23:59:59+00:00", 0.5),
            (None, None, 0.75),
            ("2026-11-21T12:25:14+00:00", None, 0.5),
        ],
    )
    def test_the_later_one_counts(
        self, lab: Path, old: str | None, new: str | None, value: float
    ) -> None:
        records.write(record("a", 0.5, old))
        records.merge("try", "paper")
        records.write(record("a", 0.75, new))
        assert values() == {"a": value}
        records.merge("try", "paper")
        assert values() == {"a": value}
        assert loose(lab) == []

    def test_copies_are_one(self, lab: Path) -> None:
        text = put(lab, record()).read_text()
        records.merge("try", "paper")
        put(lab, text, "one")
        put(lab, text, "two")
        assert values() == {"a": 0.5}

    def test_files_that_differ_are_refused(self, lab: Path) -> None:
        one, two = put(lab, record(), "one"), put(lab, record("a", 0.75), "two")
        said = f"^{two}: of the same run as {one}. Delete the one that is wrong.$"
        with pytest.raises(RecordError, match=said):
            values()

    def test_lines_are_refused(self, lab: Path) -> None:
        records.write(record())
        packed = records.merge("try", "paper")
        assert packed is not None
        lines = lines_of(packed)
        repack(packed, [*lines, lines[1]])
        said = f"^{packed}, line 3: of the same run as {packed}, line 2. Delete the one that is w"
        with pytest.raises(RecordError, match=said):
            values()
