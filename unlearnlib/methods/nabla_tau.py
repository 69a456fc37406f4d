r"""NablaTau (∇τ): ascent as far as the loss of unseen data, descent on the rest.

Trippa, Campagnano, Bucarelli, Tolomei and Silvestri, "∇τ: Gradient-based and Task-Agnostic machine
Unlearning", 2024, arXiv:2403.14339.

A model that never saw the forget set would have the loss there that it has on held-out data,
:math:`\tau`. A batch to forget is pushed up as long as its loss is below, a batch to retain down:

.. math::
    L = \alpha \operatorname{ReLU}(\tau - \ell_f)^2 + (1 - \alpha) \ell_r,
    \qquad \tau = \ell(D_v),
    \qquad \alpha_e = \alpha_0 \left( 1 - \frac{e}{E} \right),
    \qquad \alpha_0 = \frac53 \frac{|D_f|}{|D|}

Each of the :math:`N_f` batches of :math:`D_f` is paired with one of the :math:`N_r` of
:math:`D_r`; :math:`E = \lfloor 3 N_r / N_f \rfloor` passes over :math:`D_f` cost about six over
:math:`D_r`. AdamW's rate falls linearly to a tenth. :math:`\tau` is a number, without gradient,
measured again every five passes.

Sees: :math:`D_f`, :math:`D_r` and :math:`D_v` with labels. Never sees: test data.

Departs from the paper: its body could not be read; this is the authors' code. There is one pass at
least, and :math:`\alpha_0 \le 1`; neither matters up to a share of 30 %.

Departs from the release (dnl-trpp/Nabla-Tau @ 1012093), whose notebooks on images this is:
    :math:`D_v` is held out of the training set; there it is half of the test set, whose other half
    the attacks use.
    `as_released_text`: on text the square is two-sided (the ReLU is of the square), alpha_0 is 1/2,
    the cost one pass, the rate constant, and the model in train mode.
    `train_mode`, `max_epochs=80`: so in its grid of shares and alphas (BatchNorm on batches). The
    net for text is rebuilt there without its own dropout; that inside an encoder stays on, as here.
    Not taken over: attacks on test data in every pass, a second seed for the forget set.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LinearLR

from ..access import copy_of
from ..checks.outputs import logits, settled
from ..data.tensors import Labelled, batch_count
from ..errors import SpecError
from ..fields import Checked, Count, NonNegative, Range, Share
from ..losses import losses
from ..training import seeded
from .parts.gaps import Match, gaps
from .parts.modes import train_without_own_dropout
from .parts.passes import passes, passes_per_order


@dataclass(frozen=True)
class NablaTau(Checked):
    r"""Ascent on the forget set as far as the loss of held-out data, descent on the rest.

    The validation examples, held out of the training set, say how high the loss on the forget set
    shall rise. Try `lr` from 1e-3 to 0.1, and `alpha` from 0.1 to 0.8 where the rule forgets too
    little.

    Attributes:
        alpha: First weight :math:`\alpha_0` of the forget set; None is the rule.
        budget: Cost in passes over the retain set; sets the passes :math:`E` over the forget set.
        lr: Learning rate of AdamW.
        lr_end: Share of it that is left at the end.
        batch_size: Forget examples, and retain examples, a step.
        refresh: Passes between two measurements of :math:`\tau`.
        two_sided: Square the difference itself, which also pulls the loss down to :math:`\tau`.
        train_mode: Take the steps in train mode, all but dropout among the model's own children.
        anneal: Lower :math:`\alpha` from pass to pass.
        max_epochs: Bound of :math:`E`.
        match: What of the losses is aligned: the mean; mean and variance; all quantiles.
    """

    alpha: Share | None = None
    budget: Annotated[float, Range(0, 1e6, beyond=True)] = 6.0
    lr: NonNegative = 1e-3
    lr_end: Share = 0.1
    batch_size: Count = 256
    refresh: Count = 5
    two_sided: bool = False
    train_mode: bool = False
    anneal: bool = True
    max_epochs: Count | None = None
    match: Match = "mean"

    @classmethod
    def as_released(cls, **fields: Any) -> "NablaTau":
        """Return the release's method on images: the defaults."""
        return cls(**fields)

    @classmethod
    def as_released_text(cls, **fields: Any) -> "NablaTau":
        """Return the release's method on text."""
        released: dict[str, Any] = {
            "alpha": 0.5, "budget": 1.0, "lr": 3e-4, "lr_end": 1.0, "batch_size": 128,
            "two_sided": True, "train_mode": True,
        }  # fmt: skip
        return cls(**(released | fields))

    def __call__(
        self, model: nn.Module, *, forget: Labelled, retain: Labelled, validation: Labelled,
        generator: torch.Generator,
    ) -> nn.Module:  # fmt: skip
        """Return a copy of `model` that fits the forget set like data that it never saw."""
        *_, unlearned = self.iterates(
            model, forget=forget, retain=retain, validation=validation, generator=generator
        )
        return settled(unlearned)

    def iterates(
        self, model: nn.Module, *, forget: Labelled, retain: Labelled, validation: Labelled,
        generator: torch.Generator,
    ) -> Iterator[nn.Module]:  # fmt: skip
        """Yield the model after every pass: one object, in eval mode; copy what is to last."""
        model = copy_of(model, forget=forget, retain=retain, validation=validation).eval()
        if not len(validation):
            raise SpecError(
                "NablaTau has no held-out data to measure tau on. Hold some of the training set "
                "out, such as `validation: 0.1` in a specification."
            )
        alphas = self.alphas(len(forget), len(retain))
        per_order = passes_per_order(self.batches(len(forget)), self.batches(len(retain)))
        adamw = AdamW(model.parameters(), self.lr)
        schedule = LinearLR(adamw, 1.0, self.lr_end, total_iters=len(alphas))
        for e, alpha in enumerate(alphas):
            if e % self.refresh == 0:
                l_v = held_out(model, validation, self.batch_size)  # tau is their mean
            if e % per_order == 0:  # D_r is used up but for less than a pass over D_f
                retained = retain.endless(self.batch_size, generator)
            if self.train_mode:
                train_without_own_dropout(model)
            with seeded(generator):
                for x, y in forget.batches(self.batch_size, generator):
                    x_r, y_r = next(retained)
                    l_f = losses(logits(model, x), y)  # one an example: `match` may want them
                    l_r = losses(logits(model, x_r), y_r).mean()
                    L = alpha * self.shortfall(l_f, l_v) + (1 - alpha) * l_r
                    adamw.zero_grad()
                    L.backward()
                    adamw.step()
            adamw.zero_grad()
            schedule.step()
            yield model.eval()

    def batches(self, n: int) -> int:
        """Return the number of batches of `n` examples."""
        return batch_count(n, self.batch_size)

    def alphas(self, n_f: int, n_r: int) -> list[float]:
        r"""Return :math:`\alpha_e` of every pass over `n_f` forget and `n_r` retain examples."""
        E = passes(self.batches(n_f), self.batches(n_r), self.budget, self.max_epochs)
        alpha_0 = min(1.0, 5 / 3 * n_f / (n_f + n_r)) if self.alpha is None else self.alpha
        return [alpha_0 * (1 - e / E) if self.anneal else alpha_0 for e in range(E)]

    def shortfall(self, l_f: Tensor, l_v: Tensor) -> Tensor:
        r"""Return :math:`\operatorname{ReLU}(\tau - \ell_f)^2` of losses, (b,) and (m,)."""
        gap = gaps(l_f, l_v, self.match)  # tau - l_f, and what else is aligned
        squares = (gap if self.two_sided else gap.relu()).square()
        return squares.mean() if self.match == "quantiles" else squares.sum()


@torch.no_grad()
def held_out(model: nn.Module, data: Labelled, batch_size: int) -> Tensor:
    """Return the losses of `data`, (m,), under a model in eval mode."""
    batches = data.batches(batch_size)  # parts of the data, which a layer in place would change
    return torch.cat([losses(logits(model, x.clone()), y) for x, y in batches])
