"""Where the project keeps its files; never the current folder."""

import os
import tempfile
from pathlib import Path

from .errors import SpecError

PACKAGE = Path(__file__).resolve().parent


def data_folder() -> Path:
    """Return `data/` beside the package, or the copy of it that a wheel carries."""
    beside = PACKAGE.parent / "data"
    return beside if (beside / "embedded").is_dir() else PACKAGE / "_data"


def cache_folder() -> Path:
    """Return the folder of trained models and laptop records: `UNLEARNLIB_CACHE` if set."""
    return named_folder("UNLEARNLIB_CACHE") or _home_cache()


def records_folder(scale: str) -> Path:
    """Return the folder of the records that runs write: `UNLEARNLIB_RECORDS`.

    If that is not set, it is `records` in the cache at laptop scale, in `data/` at the others.
    """
    return named_folder("UNLEARNLIB_RECORDS") or home_of_records(scale)


def home_of_records(scale: str) -> Path:
    """Return where runs write their records unless another folder is named."""
    return (cache_folder() if scale == "laptop" else data_folder()) / "records"


def committed_records() -> Path:
    """Return the folder of the records that belong to the repository: at every scale they stand."""
    return data_folder() / "records"


def download_folder() -> Path:
    """Return the folder of downloaded data sets: `UNLEARNLIB_DATA`, or `data` in the cache."""
    return named_folder("UNLEARNLIB_DATA") or cache_folder() / "data"


def named_folder(variable: str) -> Path | None:
    """Return the folder that an environment variable names; None if it is empty or not set.

    `~` stands for the home folder. A relative path is refused: each notebook runs in a folder of
    its own, so that it would name as many places.

    Raises:
        SpecError: The path is relative, or leads to or through something that is no folder.
    """
    given = os.environ.get(variable)
    if not given:
        return None
    path = Path(os.path.expanduser(given))  # leaves a `~` that it does not know
    if not path.is_absolute():
        raise SpecError(
            f"{variable}={given} is no absolute path, so what it names would change with the "
            f"current folder; write {path.absolute()}, or another that starts with / or with the ~ "
            "of a user who has a home folder."
        )
    nearest = _nearest(path)
    if not os.path.isdir(nearest):
        raise SpecError(f"{variable} names {path}, but {nearest} is no folder; name another.")
    return path


def _home_cache() -> Path:
    """Return the cache in the home folder, or among temporary files where there is no home.

    Daemons and containers have users without one, or with one that cannot be made.

    Raises:
        SpecError: The folder among temporary files belongs to another user.
    """
    home = Path(os.path.expanduser("~"))  # stays `~` for a user whom nobody knows
    cache = home / ".cache" / "unlearnlib"
    usable = cache.is_dir() or os.access(_nearest(cache), os.W_OK)
    if home.is_absolute() and home != Path("/") and usable:
        return cache
    cache = Path(tempfile.gettempdir(), f"unlearnlib-{os.getuid()}")
    if os.path.lexists(cache) and cache.lstat().st_uid != os.getuid():
        raise SpecError(
            f"There is no home folder, and {cache} belongs to another user. Let UNLEARNLIB_CACHE "
            "name the folder that shall keep trained models and records."
        )
    return cache


def _nearest(path: Path) -> Path:
    """Return the part of `path` that there is already."""
    return next(place for place in (path, *path.parents) if os.path.lexists(place))
