r"""The original model, as a method that does nothing.

It sees nothing and forgets nothing: the row that every other row is read against.

.. math:: \theta_u = \theta_o
"""

from dataclasses import dataclass

from torch import nn

from ..access import copy_of
from ..checks.outputs import settled


@dataclass(frozen=True)
class Original:
    """Keep the original model."""

    def __call__(self, model: nn.Module) -> nn.Module:
        """Return a copy of `model`."""
        return settled(copy_of(model))
