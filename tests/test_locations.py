"""The folders of the project: what the environment may say, and what it may leave out."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from unlearnlib.data import files, sources
from unlearnlib.errors import SpecError
from unlearnlib.locations import cache_folder, data_folder, download_folder, records_folder

FOLDERS: dict[str, Callable[[], Path]] = {
    "UNLEARNLIB_CACHE": cache_folder,
    "UNLEARNLIB_DATA": download_folder,
    "UNLEARNLIB_RECORDS": lambda: records_folder("paper"),
}
each = pytest.mark.parametrize(("variable", "folder"), FOLDERS.items())
Folder = Callable[[], Path]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder, and no variable of ours."""
    for name in FOLDERS:
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


def test_without_a_word_everything_is_in_the_home_folder(home: Path) -> None:
    assert cache_folder() == home / ".cache" / "unlearnlib"
    assert download_folder() == home / ".cache" / "unlearnlib" / "data"
    assert list(home.iterdir()) == []  # asking makes nothing


def test_data_is_in_the_cache_unless_it_has_a_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNLEARNLIB_CACHE", str(tmp_path / "c"))
    assert (cache_folder(), download_folder()) == (tmp_path / "c", tmp_path / "c" / "data")
    monkeypatch.setenv("UNLEARNLIB_DATA", str(tmp_path / "d"))
    assert (cache_folder(), download_folder()) == (tmp_path / "c", tmp_path / "d")
    assert files.root_of(sources.CIFAR10) == tmp_path / "d"
    assert files.root_of(sources.FASHION_SMALL).name == "embedded"


def test_records_of_all_scales_have_one_place_if_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert records_folder("laptop") == cache_folder() / "records"
    assert records_folder("paper") == records_folder("search") == data_folder() / "records"
    monkeypatch.setenv("UNLEARNLIB_RECORDS", str(tmp_path / "r"))
    assert records_folder("laptop") == records_folder("paper") == tmp_path / "r"


@each
def test_a_tilde_is_the_home_folder(
    variable: str, folder: Folder, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "~/d")
    assert folder() == home / "d"
    monkeypatch.setenv(variable, "~")
    assert folder() == home


@each
def test_an_empty_variable_is_none(
    variable: str, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = folder()
    monkeypatch.setenv(variable, "")
    assert folder() == usual


@each
@pytest.mark.parametrize("given", ["d", "./d", "../d", " ", "~nobody-of-this-name/d"])
def test_a_place_that_moves_with_the_current_folder_is_refused(
    variable: str, folder: Folder, given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, given)
    with pytest.raises(
        SpecError, match=rf"{variable}={given} is no absolute path.*write {tmp_path}/"
    ):
        folder()


@each
@pytest.mark.parametrize("below", ["", "/x/y"])
def test_a_file_is_no_folder(
    variable: str, folder: Folder, below: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind, make in (("file", Path.touch), ("fifo", os.mkfifo)):
        make(tmp_path / kind)
        monkeypatch.setenv(variable, f"{tmp_path}/{kind}{below}")
        with pytest.raises(
            SpecError, match=rf"{variable} names .*, but {tmp_path}/{kind} is no fol"
        ):
            folder()


def test_a_link_to_a_folder_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "home")
    monkeypatch.setenv("UNLEARNLIB_CACHE", f"{tmp_path}/link")
    assert cache_folder() == tmp_path / "link"


@pytest.mark.parametrize("told", ["unknown", "", "relative", "/", "/proc/nowhere"])
def test_without_a_home_folder_there_is_one_among_temporary_files(
    told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("t" * 120)  # sockets would not fit; folders do
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    monkeypatch.setenv("HOME", told)
    if told == "unknown":
        monkeypatch.delenv("HOME")
        monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)
    if told == "/proc/nowhere":  # a superuser may write everywhere, but not make this
        monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    assert cache_folder() == long / f"unlearnlib-{os.getuid()}"


def test_a_cache_that_is_there_need_not_be_writable(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert cache_folder() != home / ".cache" / "unlearnlib"
    (home / ".cache" / "unlearnlib").mkdir(parents=True)
    assert cache_folder() == home / ".cache" / "unlearnlib"


def test_a_home_that_is_not_there_yet_may_be_made(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(home / "new"))
    assert cache_folder() == home / "new" / ".cache" / "unlearnlib"


def test_a_temporary_folder_of_somebody_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("HOME", "/")
    own = cache_folder()
    own.mkdir()
    assert cache_folder() == own
    monkeypatch.setattr(os, "getuid", lambda: 4711)
    own.rename(tmp_path / "unlearnlib-4711")
    with pytest.raises(
        SpecError, match=r"unlearnlib-4711 belongs to another user\. Let UNLEARNLIB_C"
    ):
        cache_folder()
