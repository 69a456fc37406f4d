"""On what code, with what versions and on what machine something was computed."""

import hashlib
import os
import platform
import subprocess
from functools import lru_cache
from importlib import metadata
from typing import Any

import torch

from ..locations import PACKAGE


@lru_cache(maxsize=1)
def environment() -> dict[str, Any]:
    """Return the code, the versions and the device; no host name and no path."""

    def git(*command: str) -> str | None:
        try:
            answer = subprocess.run(
                ["git", "-C", str(PACKAGE), *command], capture_output=True, text=True, check=True
            )
        except (OSError, subprocess.CalledProcessError):
            return None
        return answer.stdout.strip()

    cuda = torch.cuda.is_available()
    changed = git("status", "--porcelain", "--", str(PACKAGE))
    return {
        "commit": git("rev-parse", "--short=12", "HEAD"),
        "dirty": None if changed is None else bool(changed),
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in ("torch", "numpy", "pandas", "scikit-learn")},
        "device": torch.cuda.get_device_name() if cuda else f"CPU ({platform.machine()})",
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
    }


@lru_cache(maxsize=1)
def library_hash() -> str:
    """Return a hash of the library's source: other code, other runs."""
    source = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*.py")):
        source.update(path.relative_to(PACKAGE).as_posix().encode() + path.read_bytes())
    return source.hexdigest()[:12]
