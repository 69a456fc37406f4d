r"""l1-sparse: fine-tuning on the retain set towards sparse weights.

Jia, Liu, Ram, Yao, Liu, Liu, Sharma and Liu, "Model Sparsity Can Simplify Machine Unlearning",
NeurIPS 2023, arXiv:2304.04934.

A penalty that is large at first and falls in a straight line drives out what the retain set does
not hold on to. In epoch :math:`e = 0, \dots, E - 1`:

.. math:: \min_\theta \mathop{\mathrm{mean}}_{(x, y) \in D_r} \ell(f_\theta(x), y)
    + \gamma_e \lVert \theta \rVert_1, \qquad
    \gamma_e = \gamma \max\left( 0, 1 - \frac{e}{E - E_0} \right)

so that the last :math:`E_0` epochs are free of it. Nothing here is a proximal step: a weight near 0
jitters about it by :math:`\eta \gamma_e`, and none becomes 0. The penalty is added in each step, so
it weighs more where there are more steps. Steps are in train mode, so that the statistics of
BatchNorm move, and in bf16 on CUDA, as training does; weights of BatchNorm are in the norm too.

Sees: :math:`D_r`. Never sees: :math:`D_f`.

Departs from the paper: its body could not be read; this follows the release. By an issue of the
release the paper's table has a batch size of 128.

Departs from the release (OPTML-Group/Unlearn-Sparse @ 80ba55d): nowhere known in the method.
    Not taken over: with :math:`E_0 = E` it keeps the penalty constant, here there is none then;
    augmented images.
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.optim import SGD

from ..access import copy_of
from ..checks.outputs import settled
from ..data.tensors import Labelled
from ..fields import Checked, Count, NonNegative, Part, Whole
from ..losses import mean_loss
from ..training import forward, seeded


@dataclass(frozen=True)
class L1Sparse(Checked):
    r"""Fine-tuning on the retain set with an l1 penalty.

    The defaults are the settings of a later release (JingWu321/Scissorhands @ 73ae065) for all of
    its data sets; they run the code of the first. A few steps with them are no more than
    fine-tuning: on small data try a `gamma` from 1e-2 to 0.1 with an `lr` of 0.1.

    Attributes:
        gamma: Weight :math:`\gamma` of the penalty in the first epoch; 0 is fine-tuning.
        epochs: Passes :math:`E` over the retain set.
        free: Passes :math:`E_0` at the end without a penalty.
        lr: Learning rate :math:`\eta` of SGD.
        momentum: Momentum of SGD.
        weight_decay: L2 penalty of SGD.
        batch_size: Examples a step.
    """

    gamma: NonNegative = 1e-4
    epochs: Count = 10
    free: Whole = 0
    lr: NonNegative = 0.01
    momentum: Part = 0.9
    weight_decay: NonNegative = 5e-4
    batch_size: Count = 256

    def __call__(
        self, model: nn.Module, *, retain: Labelled, generator: torch.Generator
    ) -> nn.Module:
        """Return a copy of `model`, trained further on the retain set, with smaller weights."""
        model = copy_of(model, retain=retain).train()
        parameters = [theta for theta in model.parameters() if theta.requires_grad]
        sgd = SGD(parameters, self.lr, self.momentum, weight_decay=self.weight_decay)
        E, E_0 = self.epochs, self.free
        with seeded(generator):
            for e in range(E):
                gamma_e = self.gamma * (1 - e / (E - E_0)) if e < E - E_0 else 0.0
                for x, y in retain.batches(self.batch_size, generator):
                    sgd.zero_grad()
                    loss = mean_loss(forward(model, x), y)
                    (loss + gamma_e * sum(theta.abs().sum() for theta in parameters)).backward()
                    sgd.step()
        return settled(model)
