"""What is to be forgotten, the rest, and what the model never saw have no example in common."""

import math
import warnings

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..errors import DataError

Part = tuple[Tensor, Tensor]
"""Examples, (n, ...), and their labels, (n,) or (n, classes)."""


def refuse_overlap(forget: Part, retain: Part, test: Part, validation: Part) -> None:
    """Refuse a retain set that has what is to be forgotten; warn if what is held out was learned.

    Examples are the same if all of their numbers and their labels are.

    Raises:
        DataError: An example of the forget set is in the retain set too.
    """
    to_forget, rest = _hashes(*forget), _hashes(*retain)
    place = {example: i for i, example in enumerate(rest)}
    shared = [i for i, example in enumerate(to_forget) if example in place]
    if shared:
        raise DataError(
            f"{len(shared)} of {len(to_forget)} examples to forget are in the retain set too, such "
            f"as forget[{shared[0]}], which is retain[{place[to_forget[shared[0]]]}]: a model that "
            "is retrained on that set learns them again. Leave them out of it; of an example that "
            "the data hold several times, forget every copy."
        )
    learned = {*to_forget, *rest}
    for name, part in {"test": test, "validation": validation}.items():
        seen = sum(example in learned for example in _hashes(*part))
        if seen:
            warnings.warn(
                f"{seen} of {len(part[0])} {name} examples are in the forget or in the retain set "
                "too, so that what is measured on them is memory. Hold out examples that the model "
                "was not trained on.",
                stacklevel=3,
            )


def _hashes(x: Tensor, y: Tensor) -> list[int]:
    """Return a hash of each example with its label."""
    batches = zip(x.detach().split(1024), y.split(1024), strict=True)  # copied one by one
    return [
        hash(of_x.tobytes() + of_y.tobytes())
        for some, labels in batches
        for of_x, of_y in zip(_bytes(some), _bytes(labels), strict=True)
    ]


def _bytes(t: Tensor) -> npt.NDArray[np.uint8]:
    """Return the bytes of each row, (n, bytes)."""
    rows = t.cpu().reshape(len(t), math.prod(t.shape[1:]))
    return rows.view(torch.uint8).numpy()
