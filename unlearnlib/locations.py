"""Where the project keeps its files; never the current folder."""

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def data_folder() -> Path:
    """Return `data/` beside the package, or the copy of it that a wheel carries."""
    beside = PACKAGE.parent / "data"
    return beside if (beside / "embedded").is_dir() else PACKAGE / "_data"


def cache_folder() -> Path:
    """Return the folder of trained models and laptop records, `UNLEARNLIB_CACHE` if set."""
    return Path(os.environ.get("UNLEARNLIB_CACHE") or Path.home() / ".cache" / "unlearnlib")
