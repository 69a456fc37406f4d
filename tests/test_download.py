"""Servers that fail in every way, and archives that are not what they should be."""

import io
import socketserver
import tarfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from unlearnlib.data import download
from unlearnlib.errors import DataError

OK = b"HTTP/1.1 200 OK\r\n"


class Server:
    """Answers every request with bytes, and holds the line if it is told to until the test ends."""

    def __init__(self) -> None:
        self.says: dict[str, bytes] = {}
        self.silent = False
        self.asked: list[str] = []
        self.end = threading.Event()
        server = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                line = self.rfile.readline().decode()
                server.asked.append(line)
                while self.rfile.readline().strip():
                    pass
                self.wfile.write(server.says.get(line.split()[1], b""))
                self.wfile.flush()
                if server.silent:
                    server.end.wait(30)

        self.tcp = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.tcp.daemon_threads = True
        self.thread = threading.Thread(target=self.tcp.serve_forever)
        self.thread.start()
        self.address = f"http://127.0.0.1:{self.tcp.server_address[1]}"

    def close(self) -> None:
        self.end.set()
        self.tcp.shutdown()
        self.thread.join()
        self.tcp.server_close()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("urllib.request._opener", None)  # which has the proxies of its first use
    made = Server()
    yield made
    made.close()


def get(server: Server, tmp_path: Path, says: bytes, limit: int = 100) -> bytes:
    server.says["/x.bin"] = says
    download.download(f"{server.address}/x.bin", tmp_path / "x.bin", limit)
    return (tmp_path / "x.bin").read_bytes()


def refusal(server: Server, tmp_path: Path, says: bytes, limit: int = 100) -> str:
    """Return the one sentence, with nothing chained to it, that a download ends with."""
    with pytest.raises(DataError) as caught:
        get(server, tmp_path, says, limit)
    assert caught.value.__suppress_context__
    assert caught.value.__cause__ is None
    (line,) = str(caught.value).splitlines()
    start, end = f"{server.address}/x.bin cannot be downloaded: ", "."
    assert line.startswith(start)
    assert line.endswith(end)
    return line[len(start) : -1]


def test_what_is_served_is_written(server: Server, tmp_path: Path) -> None:
    assert get(server, tmp_path, OK + b"Content-Length: 3\r\n\r\nabc") == b"abc"
    assert get(server, tmp_path, OK + b"\r\nabc") == b"abc"
    assert get(server, tmp_path, OK + b"Content-Length: 0\r\n\r\n") == b""
    chunked = b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
    assert get(server, tmp_path, OK + chunked) == b"abc"


def test_a_redirection_is_followed(server: Server, tmp_path: Path) -> None:
    server.says["/there"] = OK + b"\r\nabc"
    assert get(server, tmp_path, b"HTTP/1.1 302 Found\r\nLocation: /there\r\n\r\n") == b"abc"


@pytest.mark.parametrize("says", [b"", OK[:9], OK + b"\r\n", OK + b"Content-Length: 9\r\n\r\na"])
def test_a_server_that_stalls_is_given_up(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: bytes
) -> None:
    monkeypatch.setattr(download, "WAIT", 0.3)
    server.silent = True
    assert refusal(server, tmp_path, says) == "nothing came for 0.3 seconds"


@pytest.mark.parametrize(("seconds", "slow"), [(61.9, False), (62.1, True)])
def test_a_server_that_trickles_is_given_up(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, slow: bool
) -> None:
    """2,000 bytes may take 60 seconds, and 2 more at 1,000 bytes a second."""
    clock = iter([5.0] + [5.0 + seconds] * 9)
    monkeypatch.setattr(download, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    says = OK + b"\r\n" + bytes(2000)
    if slow:
        assert "fewer than 1000 bytes a second" in refusal(server, tmp_path, says)
    else:
        assert get(server, tmp_path, says) == bytes(2000)


@pytest.mark.parametrize(
    ("says", "why"),
    [
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "HTTP Error 404: Not Found"),
        (b"HTTP/1.1 503 Busy\r\n\r\n", "HTTP Error 503: Busy"),
        (OK + b"Content-Length: 4\r\n\r\nabc", "it ended after 3 of 4 bytes"),
        (OK + b"Content-Length: many\r\n\r\nabc", "invalid literal for int"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n9\r\nabc", "IncompleteRead"),
        (b"", "Remote end closed connection without response"),
        (b"220 this is mail\r\n", "220 this is mail"),
        (b"HTTP/1.1 302 Found\r\nLocation: /x.bin\r\n\r\n", "infinite loop"),
        (b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\n\r\n", "not allowed"),
    ],
)
def test_a_failure_is_one_sentence(server: Server, tmp_path: Path, says: bytes, why: str) -> None:
    assert why in refusal(server, tmp_path, says)


def test_no_server_and_no_proxy(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socketserver.TCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler) as closed:
        nobody = f"http://127.0.0.1:{closed.server_address[1]}"
    with pytest.raises(
        DataError, match=rf"^{nobody}/x cannot be downloaded: Connection refused\.$"
    ):
        download.download(f"{nobody}/x", tmp_path / "x", 9)
    monkeypatch.setenv("http_proxy", nobody)
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setattr("urllib.request._opener", None)
    assert refusal(server, tmp_path, OK + b"\r\n") == "Connection refused"
    monkeypatch.setattr("urllib.request._opener", None)
    monkeypatch.setenv("http_proxy", server.address)
    server.says["http://far.away/x"] = b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"
    with pytest.raises(DataError, match=r"far.away/x cannot be downloaded: HTTP Error 407: Proxy"):
        download.download("http://far.away/x", tmp_path / "x", 9)


def test_no_more_is_taken_than_a_set_can_have(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "SLACK", 10)
    assert get(server, tmp_path, OK + b"\r\n" + bytes(110), limit=100) == bytes(110)
    assert "more than 110 bytes" in refusal(server, tmp_path, OK + b"\r\n" + bytes(111))


def test_progress_is_for_terminals(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    get(server, tmp_path, OK + b"\r\nabc")
    assert capsys.readouterr().err == ""
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stderr", terminal)
    get(server, tmp_path, OK + b"Content-Length: 3\r\n\r\nabc")
    assert "3.00/3.00" in terminal.getvalue() or "100.0%" in terminal.getvalue()
    monkeypatch.setattr("sys.stderr", None)  # as where there is no console
    assert get(server, tmp_path, OK + b"\r\nabc") == b"abc"


# --- archives ---------------------------------------------------------------------------------


def pack(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for member, content in members:
            archive.addfile(member, io.BytesIO(content))
    return path


def member(name: str, content: bytes = b"", **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in fields.items():
        setattr(info, key, value)
    return info, content


def test_only_what_is_wanted_is_unpacked(tmp_path: Path) -> None:
    """No path, link, device or size in the archive decides where or how much is written."""
    folder = tmp_path / "in" / "folder"
    folder.mkdir(parents=True)
    archive = pack(
        tmp_path / "x.tar.gz",
        member("../../evil.bin", b"evil"),
        member("/tmp/absolute.bin", b"evil"),
        member("set/readme.html", b"hello"),
        member("set/link.bin", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        member("set/fifo.bin", type=tarfile.FIFOTYPE),
        member("set/folder.bin", type=tarfile.DIRTYPE),
        member("set/long.bin", b"123456789"),
        member("./set/right.bin", b"abc"),
        member("../../../right2.bin", b"def"),
    )
    names = ("link.bin", "fifo.bin", "folder.bin", "right.bin", "right2.bin")
    download.unpack(archive, folder, dict.fromkeys(names, 3) | {"long.bin": 4})
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        "right.bin": b"abc", "right2.bin": b"def", "long.bin": b"12345",
    }  # fmt: skip
    assert {path.name for path in tmp_path.iterdir()} == {"in", "x.tar.gz"}


@pytest.mark.parametrize("change", [lambda b: b[:90], lambda b: b"", lambda b: b[:40] + b"?" * 99])
def test_a_broken_archive_is_one_sentence(tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    archive = pack(tmp_path / "x.tar.gz", member("a.bin", bytes(range(256)) * 9))
    archive.write_bytes(change(archive.read_bytes()))
    with pytest.raises(DataError, match=r"x\.tar\.gz is truncated or corrupt: .*\.$") as caught:
        download.unpack(archive, tmp_path, {"a.bin": 256 * 9})
    assert caught.value.__suppress_context__


def test_what_cannot_be_written_is_no_fault_of_the_network(server: Server, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        get(server, tmp_path / "missing", OK + b"\r\nabc")
