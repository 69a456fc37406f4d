"""Which model something was computed at: a hash of its numbers."""

import hashlib
import re
from typing import Any

import torch
from torch import Tensor, nn

from .cost import off_the_clock


@off_the_clock()
def fingerprint(model: nn.Module) -> str:
    """Return a hash of the parameters and buffers of `model`; device and mode are not in it.

    An extra state that is no tensor is in it as it is printed, without addresses.
    """
    digest = hashlib.sha256()
    for name, value in model.state_dict().items():
        if not isinstance(value, Tensor):
            digest.update(f"{name} {re.sub(' at 0x[0-9a-f]+', '', repr(value))}".encode())
            continue
        flat: Any = value.detach().cpu().contiguous().flatten()
        digest.update(f"{name} {tuple(value.shape)} {value.dtype}".encode())
        digest.update(memoryview(flat.view(torch.uint8).numpy()))
    return digest.hexdigest()[:16]
