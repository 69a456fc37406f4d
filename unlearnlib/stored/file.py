"""What was written to a file by `save` is read again, or refused in one sentence."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import DataError, first_line


def read(path: Path, kind: str, fields: Collection[str], device: torch.device | str) -> Any:
    """Return the fields in a file; only tensors, numbers and text are read from it.

    Raises:
        DataError: There is no such file, or it is truncated, or of another kind.
    """
    try:
        stored = torch.load(path, map_location=device, weights_only=True)
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # of whatever kind: torch's, pickle's, the system's
        raise DataError(
            f"{path} cannot be read as a stored {kind} ({first_line(error)}). Give a file that its "
            "save has written, or store it again."
        ) from error
    tensors = isinstance(stored, dict) and any(_tensors(v) for v in stored.values())
    if not isinstance(stored, dict) or stored.keys() != set(fields) or not tensors:
        raise DataError(
            f"{path} holds something else than a stored {kind}. Give a file that its save has "
            "written, or store it again."
        )
    return stored


def _tensors(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(t, Tensor) for t in value.values())
