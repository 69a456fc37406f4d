r"""Random labels for the forget set ("Amnesiac" in the tables of other papers).

Graves, Nagisetty and Ganesh, "Amnesiac Machine Learning", AAAI 2021, arXiv:2010.10981: the simpler
of its two methods.

Each forget example is given a wrong label once, drawn evenly from the others, and training goes on
for a few epochs on all examples:

.. math:: \min_\theta \mathop{\mathrm{mean}}_{(x, y) \in \tilde D} \ell(f_\theta(x), y), \qquad
    \tilde D = D_r \cup \{ (x, \tilde y) : (x, y) \in D_f \}, \qquad
    \tilde y \sim \mathcal U (\mathcal Y \setminus \{ y \})

If an example has several labels, its new one is none of them. The classes :math:`\mathcal Y` are
those up to the largest label of an example: a model's outputs beyond it are never drawn.

Sees: :math:`D_f` and :math:`D_r` with labels. Never sees: test data.

Departs from the paper: its body could not be read; optimiser and settings are those of SSD's
release (if-loops/selective-synaptic-dampening @ cdfdc0e), from which later papers took them.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot
from torch.optim import Adam

from ..access import copy_of
from ..checks.outputs import logits, settled
from ..data.tensors import Labelled
from ..errors import DataError
from ..fields import Checked, Count, NonNegative
from ..losses import losses
from ..training import seeded


@dataclass(frozen=True)
class RandomLabel(Checked):
    """Training on all examples, those to forget with wrong labels.

    Needs no more than the training set. Try `lr` from 1e-4 to 1e-2, and a few `epochs`.

    Attributes:
        epochs: Passes over all examples.
        lr: Learning rate of Adam.
        batch_size: Examples a step.
    """

    epochs: Count = 3
    lr: NonNegative = 1e-4
    batch_size: Count = 128

    def __call__(
        self, model: nn.Module, *, forget: Labelled, retain: Labelled, generator: torch.Generator
    ) -> nn.Module:
        """Return a copy of `model` that has learned wrong labels for the forget set."""
        model = copy_of(model, forget=forget, retain=retain, generator=generator).train()
        adam = Adam(model.parameters(), self.lr)
        y = torch.cat([forget.y, retain.y])
        y[: len(forget)] = wrong_labels(y, len(forget), generator)
        data = Labelled(torch.cat([forget.x, retain.x]), y)
        with seeded(generator):
            for _ in range(self.epochs):
                for x, y in data.batches(self.batch_size, generator):
                    adam.zero_grad()
                    losses(logits(model, x), y).mean().backward()
                    adam.step()
        return settled(model)


def wrong_labels(y: Tensor, n: int, generator: torch.Generator, right_too: bool = False) -> Tensor:
    """Return a label that it does not have for each of the first `n` examples.

    Args:
        y: Labels of all examples, (m,) or, 0 or 1 in floats, (m, classes).
        n: Examples to draw for.
        generator: Draws; on the device of `y`.
        right_too: Draw from all labels, those that the example has too.

    Raises:
        DataError: An example has every label that there is.
    """
    has = y if y.is_floating_point() else one_hot(y)
    free = (has[:n] == 0) | right_too
    if not free.any(1).all():
        raise DataError(
            f"There is no wrong label for example {int(free.any(1).int().argmin())} of the forget "
            f"set, which has all {has.shape[1]} that occur in the data. Leave such examples "
            "out, or take a method that needs no other label."
        )
    drawn = torch.multinomial(free.double(), 1, generator=generator).squeeze(1)
    return one_hot(drawn, has.shape[1]).to(y.dtype) if y.is_floating_point() else drawn
