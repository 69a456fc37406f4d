"""Data sets put where they belong: downloaded or unpacked, by one process at a time."""

import gzip
import resource
import signal
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from unlearnlib.__main__ import main
from unlearnlib.data import files, sources
from unlearnlib.data.files import Source
from unlearnlib.errors import DataError

from .made_files import PARTS, tiny, write


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder, and the local address that serves it."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    folder = tmp_path / "site"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def pack(folder: Path, contents: dict[str, bytes] = PARTS) -> Path:
    """Write the archive `tiny.tar.gz` into `folder`."""
    write(folder / "tiny", contents)
    with tarfile.open(folder / "tiny.tar.gz", "w:gz") as archive:
        archive.add(folder / "tiny", "tiny")
    return folder / "tiny.tar.gz"


def test_download_of_an_archive(root: Path, site: tuple[Path, str]) -> None:
    folder, address = site
    archive = pack(folder)
    assert files.read(tiny(f"{address}/tiny.tar.gz")) == PARTS
    assert {path.name for path in root.rglob("*")} == {"tiny", *PARTS}
    archive.unlink()  # once there, the files are not downloaded again
    assert files.read(tiny(f"{address}/tiny.tar.gz")) == PARTS


def test_download_of_files(root: Path, site: tuple[Path, str]) -> None:
    folder, address = site
    write(folder, {f"{name}.gz": gzip.compress(data) for name, data in PARTS.items()})
    assert files.read(tiny(*(f"{address}/{name}.gz" for name in PARTS))) == PARTS


@pytest.mark.parametrize("failure", ["absent", "truncated", "incomplete", "other content"])
def test_failed_download_leaves_nothing(root: Path, site: tuple[Path, str], failure: str) -> None:
    folder, address = site
    if failure == "incomplete":
        pack(folder, {"train.bin": PARTS["train.bin"]})
    elif failure == "other content":
        pack(folder, {**PARTS, "test.bin": b"other"})
    elif failure == "truncated":
        archive = pack(folder)
        archive.write_bytes(archive.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"Try again, or put the official files into .*tiny\."):
        files.read(tiny(f"{address}/tiny.tar.gz"))
    assert list(root.iterdir()) == []


def test_a_folder_without_its_files_is_filled(root: Path, site: tuple[Path, str]) -> None:
    """Not downloaded at each try and thrown away; what else is there stays."""
    folder, address = site
    archive = pack(folder)
    write(root / "tiny", {"notes.txt": b"mine"})
    assert files.read(tiny(f"{address}/tiny.tar.gz")) == PARTS
    archive.unlink()
    assert files.read(tiny(f"{address}/tiny.tar.gz")) == PARTS
    assert {path.name for path in root.rglob("*")} == {"tiny", "notes.txt", *PARTS}


def test_a_folder_on_another_disk_is_filled(root: Path, site: tuple[Path, str]) -> None:
    folder, address = site
    shared = Path("/dev/shm")
    if not shared.is_dir() or shared.stat().st_dev == root.stat().st_dev:
        pytest.skip("needs a second file system")
    pack(folder)
    with TemporaryDirectory(dir=shared) as other:
        (root / "tiny").symlink_to(other)
        assert files.read(tiny(f"{address}/tiny.tar.gz")) == PARTS
        assert {path.name for path in Path(other).iterdir()} == {*PARTS}


@pytest.mark.parametrize("place", ["", "tiny"])
def test_an_archive_that_lies_there_is_unpacked(root: Path, place: str) -> None:
    (root / place).mkdir(exist_ok=True)
    archive = pack(root)
    (root / "tiny").rename(root / "elsewhere")
    (root / place).mkdir(exist_ok=True)
    archive.rename(root / place / archive.name)
    assert files.read(tiny()) == PARTS
    assert (root / place / archive.name).is_file()
    (root / place / archive.name).unlink()
    assert files.read(tiny()) == PARTS


def test_a_broken_archive_that_lies_there_is_named(root: Path) -> None:
    (root / "tiny.tar.gz").write_bytes(b"half a download")
    with pytest.raises(
        DataError,
        match=r"root/tiny.tar.gz is truncated or corrupt.*Delete .*root/tiny.tar.gz and try",
    ) as caught:
        files.read(tiny())
    assert caught.value.__suppress_context__
    assert [path.name for path in root.iterdir()] == ["tiny.tar.gz"]


@pytest.mark.parametrize("other", ["tiny-python", "tiny-python.tar.gz"])
def test_another_form_of_the_set_is_mentioned(root: Path, other: str) -> None:
    source = tiny(others=("tiny-python.tar.gz", "tiny-python"))
    with pytest.raises(DataError) as without:
        files.read(source)
    assert "python" not in str(without.value)
    (root / other).mkdir()
    with pytest.raises(
        DataError,
        match=rf"Connection refused\. Try again.*root/{other} is there, but that form of the set "
        r"is not read \(pickles are never opened\); the one to get is http.*/tiny\.tar\.gz\.$",
    ):
        files.read(source)


@pytest.mark.parametrize(
    ("source", "other"),
    [
        (sources.CIFAR10, "cifar-10-batches-py"),
        (sources.CIFAR10, "cifar-10-python.tar.gz"),
        (sources.CIFAR100, "cifar-100-python"),
        (sources.CIFAR100, "cifar-100-python.tar.gz"),
    ],
)
def test_the_python_archives_of_cifar_are_known(source: Source, other: str) -> None:
    assert other in source.others


def test_a_data_set_that_cannot_be_had_is_one_line(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy")
    monkeypatch.setattr("urllib.request._opener", None)
    (root / "cifar-10-batches-py").mkdir()
    assert main(["data", "cifar10"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    (line,) = printed.err.splitlines()
    assert "cifar-10-binary.tar.gz cannot be downloaded: Connection refused. Try again, or" in line
    assert "cifar-10-batches-py is there" in line
    monkeypatch.setattr("urllib.request._opener", None)


def test_a_full_disk_is_told_by_its_path(root: Path, site: tuple[Path, str]) -> None:
    folder, address = site
    pack(folder)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(
            DataError,
            match=r"root/tiny cannot be read or written: File too large\. Let UNLEARNLIB_DATA",
        ) as caught:
            files.read(tiny(f"{address}/tiny.tar.gz"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.__suppress_context__
    assert list(root.iterdir()) == []


def test_a_place_that_cannot_be_made_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNLEARNLIB_DATA", "/proc/unlearnlib")  # where not even root makes folders
    with pytest.raises(
        DataError, match=r"/proc/unlearnlib cannot be read or written: .*Let UNLEARN"
    ):
        files.read(tiny())


class Slow(SimpleHTTPRequestHandler):
    """Serves nothing before it is told to go on."""

    asked: threading.Semaphore
    go: threading.Event

    def do_GET(self) -> None:
        self.asked.release()
        self.go.wait(30)
        super().do_GET()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def slow(site: tuple[Path, str]) -> Iterator[tuple[type[Slow], str]]:
    """What serves the packed set, once it is told to, and its address."""
    pack(site[0])
    handler: Any = type(
        "Handler", (Slow,), {"asked": threading.Semaphore(0), "go": threading.Event()}
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(site[0])))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield handler, f"http://127.0.0.1:{server.server_port}/tiny.tar.gz"
    handler.go.set()
    server.shutdown()
    thread.join()
    server.server_close()


def test_who_comes_second_waits_for_the_download_of_the_first(
    root: Path, slow: tuple[type[Slow], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, address = slow
    came, alone, found = threading.Semaphore(0), files._alone, []

    def watched(path: Path) -> object:
        came.release()
        return alone(path)

    monkeypatch.setattr(files, "_alone", watched)
    both = [
        threading.Thread(target=lambda: found.append(files.read(tiny(address)))) for _ in range(2)
    ]
    both[0].start()
    assert server.asked.acquire(timeout=30)
    both[1].start()
    for _ in both:
        assert came.acquire(timeout=30)
    assert not server.asked.acquire(timeout=0.3)  # the second asks for nothing
    server.go.set()
    for thread in both:
        thread.join()
    assert found == [PARTS, PARTS]
    assert not server.asked.acquire(blocking=False)
    assert {path.name for path in root.rglob("*")} == {"tiny", *PARTS}


def test_what_a_killed_download_left_is_removed(root: Path, slow: tuple[type[Slow], str]) -> None:
    server, address = slow
    code = f"""
from unlearnlib.data import files
files.read(files.Source("tiny", (files.Part("train.bin", 1, "0"),), ("{address}",)))
"""
    child = subprocess.Popen([sys.executable, "-c", code])
    assert server.asked.acquire(timeout=60)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert len(list(root.glob(".tiny-*"))) == 1
    (root / ".tiny-imagenet-abcdefgh").mkdir()  # of another set
    server.go.set()
    assert files.read(tiny(address)) == PARTS
    assert {path.name for path in root.iterdir()} == {"tiny", ".tiny-imagenet-abcdefgh"}
