r"""Influence unlearning by WoodFisher ("IU"): one step that takes the forget set's weight away.

Jia, Liu, Ram, Yao, Liu, Liu, Sharma and Liu, "Model Sparsity Can Simplify Machine Unlearning",
NeurIPS 2023, arXiv:2304.04934, as a baseline; the inverse is that of Singh and Alistarh,
"WoodFisher", NeurIPS 2020, arXiv:2004.14340.

If the examples of :math:`D_f` lost their weight in the mean loss of :math:`D`, the optimum would
move by a Newton step. Its Hessian is taken as the Fisher information of N retained examples:

.. math::
    v = \frac{n_f}{n} \left( \mathop{\mathrm{mean}}_{D_f} g_i - \mathop{\mathrm{mean}}_{D_r} g_i
        \right), \qquad
    \theta \leftarrow \theta + \alpha \left( \lambda I + \frac1N G G^\top \right)^{-1} v

where :math:`g_i` is the gradient of an example's loss, and the columns of G are N of them. By
Woodbury's identity, with no matrix larger than N by N,

.. math:: (\lambda I + G G^\top / N)^{-1} v
    = \left( v - G (\lambda N I + G^\top G)^{-1} G^\top v \right) / \lambda

All gradients are of eval mode, so that BatchNorm keeps its statistics, and in full precision.

Sees: :math:`D_f` and :math:`D_r` with labels, of which the first N make the Fisher; draws nothing,
takes one step. Never sees: test data.

Departs from the papers: their bodies could not be read; the step is that of the release, the
inverse is what WoodFisher's recursion is equal to.

Departs from the release (OPTML-Group/Unlearn-Saliency @ a6e89fd), by `as_released`:
    `one_vector`: the recursion keeps one vector in the place of a matrix, so that all it takes from
    v is a multiple of the first retained gradient: nearly a plain gradient step.
    `alpha=10`; `examples=1000`, and N is that also if there are fewer; it sees two more.
    Not taken over: a mask on the step; on ImageNet, :math:`D_f` in the place of :math:`D_r` in v.
"""

from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn

from ..access import copy_of
from ..checks.outputs import logits, settled
from ..data.tensors import Labelled
from ..fields import BOUNDS_MEMORY, Checked, Count, NonNegative, Positive
from ..losses import losses


@dataclass(frozen=True)
class WoodFisher(Checked):
    r"""One step of influence, with the inverse Fisher information in the place of the Hessian's.

    The default `lam` is the start of the release's recursion, I, beside which the Fisher
    information of a trained network is small: a step of `alpha` 1 is then nearly a plain gradient
    step and changes little. Try `lam` from 0.1 down to 1e-3, or `alpha` 10 with 0.1.

    Attributes:
        alpha: Length :math:`\alpha` of the step; 1 is Newton's. A later release runs this one's
            code with 10 for a tenth of CIFAR-10, 20 of CIFAR-100 and 15 of SVHN
            (JingWu321/Scissorhands @ 73ae065), which is where that of `as_released` is from.
        lam: Damping :math:`\lambda`; not used if `one_vector`.
        examples: Retained examples N of the Fisher, the first ones, or all if there are fewer.
        one_vector: See what departs from the release.
        chunk: Gradients at once; bounds the memory. What is kept of them is made anew when needed.
    """

    alpha: NonNegative = 1.0
    lam: Positive = 1.0
    examples: Count = 256
    one_vector: bool = False
    chunk: Count = field(default=32, metadata=BOUNDS_MEMORY)

    @classmethod
    def as_released(cls, alpha: float = 10.0, **fields: Any) -> "WoodFisher":
        """Return the method with the departures of the release (Scissorhands' alpha, CIFAR-10)."""
        return cls(alpha, **({"examples": 1000, "one_vector": True} | fields))

    def __call__(self, model: nn.Module, *, forget: Labelled, retain: Labelled) -> nn.Module:
        """Return a copy of `model` after one step away from the forget set."""
        model = copy_of(model, forget=forget, retain=retain).eval()
        n_f, n = len(forget), len(forget) + len(retain)
        v = n_f / n * (self.mean_gradient(model, forget) - self.mean_gradient(model, retain))
        product = self.product_of_release if self.one_vector else self.product
        step, start = self.alpha * product(model, retain, v), 0
        with torch.no_grad():
            for theta in learned(model):
                theta.add_(step[start : start + theta.numel()].view_as(theta))
                start += theta.numel()
        return settled(model)

    def mean_gradient(self, model: nn.Module, data: Labelled) -> Tensor:
        """Return the mean of the gradients of all examples, (p,)."""
        sums = (gradient(model, x, y) for x, y in data.batches(self.chunk))
        return sum(sums, torch.zeros(())) / len(data)

    def product(self, model: nn.Module, retain: Labelled, v: Tensor) -> Tensor:
        """Return the inverse of the damped Fisher information, times `v`, by Woodbury."""
        N = min(self.examples, len(retain))
        parts = torch.arange(N).split(self.chunk)
        K, G_v = torch.zeros(N, N, dtype=torch.float64), torch.zeros(N, dtype=torch.float64)
        for i, some in enumerate(parts):  # the lower half of K = G^T G, block by block
            rows = gradients(model, retain[some])
            G_v[some] = (rows @ v).cpu().double()
            for j, others in enumerate(parts[: i + 1]):
                columns = rows if i == j else gradients(model, retain[others])
                K[some[:, None], others] = (rows @ columns.T).cpu().double()
        K = K.tril() + K.tril(-1).T
        K.diagonal().add_(self.lam * N)
        u = torch.linalg.solve(K, G_v).to(v)
        for some in parts:
            v = v - u[some] @ gradients(model, retain[some])
        return v / self.lam

    def product_of_release(self, model: nn.Module, retain: Labelled, v: Tensor) -> Tensor:
        """Return what the release's recursion makes of `v`: less a multiple of one gradient."""
        N, o = self.examples, None
        for x, y in islice(retain.batches(1), N + 2):
            g = gradient(model, x, y)
            if o is None:
                o = g
            else:  # WoodFisher has here (F_t^-1 g)(F_t^-1 g)^T, of this g, and not o of the first
                v = v - (v @ g) / (N + o @ g) * o
                o = o - (o @ g) / (N + o @ g) * o
        return v


def learned(model: nn.Module) -> list[nn.Parameter]:
    """Return the parameters of `model` that may move."""
    return [theta for theta in model.parameters() if theta.requires_grad]


def gradient(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """Return the gradient of the sum of the losses of a batch, (p,)."""
    loss = losses(logits(model, x.clone()), y).sum()
    each = torch.autograd.grad(loss, learned(model), materialize_grads=True)
    return torch.cat([g.to_dense().flatten() for g in each])


def gradients(model: nn.Module, data: Labelled) -> Tensor:
    """Return the gradient of the loss of each example, a row each, (n, p)."""
    return torch.stack([gradient(model, x, y) for x, y in data.batches(1)])
