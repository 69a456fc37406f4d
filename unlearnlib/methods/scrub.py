r"""SCRUB and SCRUB+R: a student that disobeys its teacher on the forget set.

Kurmanji, Triantafillou, Hayes and Triantafillou, "Towards Unbounded Machine Unlearning", NeurIPS
2023, arXiv:2302.09880.

The student starts as a copy of its teacher, the original :math:`\theta_o`. In each of the first
epochs it leaves the teacher's outputs on :math:`D_f`; in every epoch it then returns to them, and
to the labels, on :math:`D_r`:

.. math::
    d(x; \theta) = \operatorname{KL}\left( p_{\theta_o}(x) \,\Vert\, p_\theta(x) \right), \qquad
    \max_\theta \; \mathop{\mathrm{mean}}_{x \in D_f} d(x; \theta), \qquad
    \min_\theta \; \mathop{\mathrm{mean}}_{(x, y) \in D_r}
        \alpha \, d(x; \theta) + \gamma \, \ell(f_\theta(x), y)

If an example has several labels, :math:`d` is the sum of such divergences, one for each label.

At first :math:`d` is 0, its minimum, and has no slope: without dropout or BatchNorm, which make the
student differ, the first ascent waits for a step of the second kind. Later it may go too far, and a
loss that is too high gives a forget set away. SCRUB+R rewinds to the epoch whose error on
:math:`D_f` is nearest to the error of the last epoch on held-out data of the same classes.

Sees: :math:`D_f` without labels, :math:`D_r`; SCRUB+R also the labels of :math:`D_f`, and
:math:`D_v`. Never sees: test data.

Departs from the paper: it was read in part; the settings are those of the second release.

Departs from the releases (meghdadk/SCRUB @ 98ffb11; dnl-trpp/Nabla-Tau @ 1012093), by
`as_released`:
    `temperature=4`: logits are divided by 4, the divergence is multiplied by 16.
    `rewind=False` (the second): the errors on held-out data are never measured, so that SCRUB+R
    returns the last epoch, which is SCRUB.
    Not taken over: the model before the first epoch as a candidate (there is no checkpoint of it);
    held-out errors that count classes as often as they come.
"""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.optim import SGD
from torch.optim.lr_scheduler import MultiStepLR

from ..access import copy_of, handed
from ..checks.outputs import logits, settled
from ..data.tensors import Inputs, Labelled, batched
from ..fields import Checked, Count, NonNegative, Positive, Whole
from ..losses import losses
from ..training import seeded
from .parts.distillation import divergence_from_teacher
from .parts.rewinding import rewound


@dataclass(frozen=True)
class Distillation(Checked):
    r"""What SCRUB and SCRUB+R share.

    Attributes:
        epochs: Passes over the retain set.
        ascents: Epochs that begin with a pass over the forget set.
        alpha: Weight :math:`\alpha` of the teacher on the retain set.
        gamma: Weight :math:`\gamma` of the labels.
        lr: Learning rate of SGD (momentum 0.9, weight decay 5e-4); a tenth after epochs 3, 5 and 9.
        batch_size: Examples a step.
        temperature: Divides the logits of :math:`d`, which is multiplied by its square.
    """

    epochs: Count = 6
    ascents: Whole = 3
    alpha: NonNegative = 0.5
    gamma: NonNegative = 1.0
    lr: NonNegative = 5e-4
    batch_size: Count = 256
    temperature: Positive = 1.0

    @classmethod
    def as_released(cls, **fields: Any) -> Self:
        """Return the method with every departure of the releases."""
        return cls(**({"temperature": 4.0} | fields))

    def iterates(
        self, model: nn.Module, *, forget_inputs: Inputs, retain: Labelled,
        generator: torch.Generator,
    ) -> Iterator[nn.Module]:  # fmt: skip
        """Yield the student after every epoch: one object, in eval mode; copy what is to last."""
        student = copy_of(model, forget_inputs=forget_inputs, retain=retain)
        teacher = deepcopy(student).eval()  # theta_o
        several = retain.y.is_floating_point()
        sgd = SGD(student.parameters(), self.lr, momentum=0.9, weight_decay=5e-4)
        schedule = MultiStepLR(sgd, [3, 5, 9], gamma=0.1)

        def step(x: Tensor, y: Tensor | None = None) -> None:
            z = logits(student, x.clone())  # a first layer may work in place
            with torch.no_grad():
                z_o = teacher(x.clone())
            d = divergence_from_teacher(z, z_o, self.temperature, several)  # mean of d(x; theta)
            sgd.zero_grad()
            if y is None:  # max d on D_f, which needs no labels
                (-d).backward()
            else:  # min alpha d + gamma l on D_r
                (self.alpha * d + self.gamma * losses(z, y).mean()).backward()
            sgd.step()

        for epoch in range(self.epochs):
            student.train()
            with seeded(generator):
                if epoch < self.ascents:
                    n = len(forget_inputs)
                    order = torch.randperm(n, generator=generator, device=generator.device)
                    for index in batched(order.to(forget_inputs.x.device), self.batch_size):
                        step(forget_inputs.x[index])
                for x, y in retain.batches(self.batch_size, generator):
                    step(x, y)
            sgd.zero_grad()
            schedule.step()
            yield student.eval()


@dataclass(frozen=True)
class SCRUB(Distillation):
    """SCRUB: the last epoch of the student.

    Needs no more than the training set, what is to be forgotten without labels. Its fields are
    those of `Distillation`: try `lr` from a hundredth to all of what the model was trained with.
    """

    def __call__(
        self, model: nn.Module, *, forget_inputs: Inputs, retain: Labelled,
        generator: torch.Generator,
    ) -> nn.Module:  # fmt: skip
        """Return a copy of `model` that has unlearned its own outputs on the forget set."""
        *_, last = self.iterates(
            model, forget_inputs=forget_inputs, retain=retain, generator=generator
        )
        return settled(last)


@dataclass(frozen=True)
class SCRUBRewind(Distillation):
    """SCRUB+R: the epoch of the student that gets the forget set wrong as often as unseen data.

    The validation examples, held out of the training set, are the unseen data. The other fields are
    those of `Distillation`, see `SCRUB`.

    Attributes:
        rewind: Choose the epoch; else the last one is returned.
    """

    rewind: bool = True

    @property
    def needs_validation(self) -> bool:
        """Whether there must be validation examples."""
        return self.rewind

    @classmethod
    def as_released(cls, **fields: Any) -> Self:
        """Return the method with every departure of the releases: SCRUB itself."""
        return super().as_released(**({"rewind": False} | fields))

    def __call__(
        self, model: nn.Module, *, forget: Labelled, retain: Labelled, validation: Labelled,
        generator: torch.Generator,
    ) -> nn.Module:  # fmt: skip
        """Return the student of the epoch that is chosen."""
        handed(forget=forget, retain=retain, validation=validation)
        epochs = self.iterates(
            model, forget_inputs=forget.inputs, retain=retain, generator=generator
        )
        students = [settled(deepcopy(student)) for student in epochs]  # one that diverged is told
        # the epoch whose error on D_f is nearest to that of the last epoch on D_v; or the last
        return rewound(students, forget, validation) if self.rewind else students[-1]
