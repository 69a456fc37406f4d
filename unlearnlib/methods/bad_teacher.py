r"""Bad Teacher ("blindspot" in the tables of other papers).

Chundawat, Tarun, Mandal and Kankanhalli, "Can Bad Teaching Induce Forgetting? Unlearning in Deep
Networks Using an Incompetent Teacher", AAAI 2023, arXiv:2205.08096.

A student that starts as a copy of the original :math:`\theta_o` learns from two teachers: from an
untrained network :math:`\theta_b` on :math:`D_f`, from the original on a part of :math:`D_r`:

.. math:: \min_\theta \mathop{\mathrm{mean}}_{x \in D_f \cup R} (1 - l_u)
    \operatorname{KL}\left( p_{\theta_o}(x) \,\Vert\, p_\theta(x) \right) + l_u
    \operatorname{KL}\left( p_{\theta_b}(x) \,\Vert\, p_\theta(x) \right), \qquad
    l_u = [x \in D_f], \qquad R \subset D_r

where all logits are divided by a temperature :math:`T`. The student can do no better on
:math:`D_f` than to answer as :math:`\theta_b`. It is in train mode, so that BatchNorm's statistics
become those of :math:`D_f \cup R`; both teachers are in eval mode. On CUDA all three run in bf16
autocast.

Sees: :math:`D_f` and :math:`D_r` without labels, untrained networks. Never sees: a label.

Departs from the paper: its body could not be read; this is the release's algorithm. Outputs are
those of a softmax, also where examples have several labels: without labels nothing tells.

Departs from the release (vikram2000b/bad-teaching-unlearning @ f1aa988), by `as_released`:
    `class_mean`: the divergence is also averaged over the classes, so it is C times smaller, which
    Adam hardly notices.
    Not taken over: a student in the mode in which it is handed over, which there is train mode.
"""

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Adam

from ..access import copy_of, handed
from ..checks.outputs import settled
from ..data.tensors import Inputs, Labelled
from ..fields import Checked, Count, NonNegative, Positive, Share
from ..models import Factory
from ..training import forward, seeded
from .parts.distillation import divergence_from_teacher


@dataclass(frozen=True)
class BadTeacher(Checked):
    """Distillation from an untrained network on the forget set, from the original on the rest.

    The defaults are those of the release's notebook, for tens of thousands of examples; try `lr`
    from 1e-5 to 1e-3 and, where there are hundreds, `epochs` up to 20. `fresh_model` is a function
    that makes an untrained network of a generator; `OwnScenario` makes it of a factory.

    Attributes:
        epochs: Passes over the forget set and the part of the retain set.
        lr: Learning rate of Adam.
        batch_size: Examples a step.
        fraction: Of the retain set, the part :math:`R` that is drawn, once.
        temperature: Divides the logits, :math:`T`; the slope shrinks with its square.
        class_mean: Average the divergence over the classes too.
    """

    epochs: Count = 1
    lr: NonNegative = 1e-4
    batch_size: Count = 256
    fraction: Share = 0.3
    temperature: Positive = 1.0
    class_mean: bool = False

    @classmethod
    def as_released(cls, **fields: Any) -> "BadTeacher":
        """Return the method with every departure of the release."""
        return cls(**({"class_mean": True} | fields))

    def __call__(
        self, model: nn.Module, *, forget_inputs: Inputs, retain_inputs: Inputs,
        fresh_model: Factory, generator: torch.Generator,
    ) -> nn.Module:  # fmt: skip
        """Return a copy of `model` that answers on the forget set as if it were untrained."""
        handed(fresh_model=fresh_model, generator=generator)
        student = copy_of(model, forget_inputs=forget_inputs, retain_inputs=retain_inputs).train()
        good, bad = deepcopy(student).eval(), fresh_model(generator).eval()  # theta_o, theta_b
        order = torch.randperm(len(retain_inputs), generator=generator, device=generator.device)
        R = retain_inputs[order[: int(self.fraction * len(order))].to(retain_inputs.x.device)]
        x = torch.cat([forget_inputs.x, R.x])
        data = Labelled(x, (torch.arange(len(x), device=x.device) < len(forget_inputs)).long())
        adam = Adam(student.parameters(), self.lr)
        with seeded(generator):
            for _ in range(self.epochs):
                for x, l_u in data.batches(self.batch_size, generator):
                    z = forward(student, x.clone())  # a first layer may work in place
                    with torch.no_grad():
                        z_o, z_b = forward(good, x.clone()), forward(bad, x.clone())
                    adam.zero_grad()
                    self.loss(z, z_o, z_b, l_u).backward()
                    adam.step()
        return settled(student)

    def loss(self, z: Tensor, z_o: Tensor, z_b: Tensor, l_u: Tensor) -> Tensor:
        """Return the loss of a batch, a scalar.

        Args:
            z: Logits of the student, (b, classes).
            z_o: Those of the original.
            z_b: Those of the untrained network.
            l_u: Whether the example is to be forgotten, (b,), 0 or 1.
        """
        taught = torch.where(l_u[:, None] == 1, z_b, z_o)  # l_u is 0 or 1: one term is left
        kl = divergence_from_teacher(z / self.temperature, taught / self.temperature)
        return kl / z.shape[1] if self.class_mean else kl
