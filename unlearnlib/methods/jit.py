r"""Just in Time unlearning (JiT).

Foster, Fogarty, Schoepf, Dugue, Oztireli and Brintrup, "An Information Theoretic Approach to
Machine Unlearning", TMLR 2025, arXiv:2402.01401.

A model that has not memorised an example is smooth around it. JiT lowers the local Lipschitz ratio
of the logits around each forget example, by plain SGD in one pass over the forget set:

.. math::
    \ell(x) = \frac1N \sum_{j=1}^N
        \frac{\lVert f_\theta(x) - f_\theta(x + \xi_j) \rVert_2}{\lVert \xi_j \rVert_2},
    \qquad \xi_j \sim \mathcal N(0, \sigma^2 I),
    \qquad \theta \leftarrow \theta - \eta \nabla_\theta \, \ell

(Algorithm 1.) The noisy output is a constant target, as in the release.

Sees: :math:`D_f` without labels. Never sees: :math:`D_r`.

Departs from the paper: one step a mini-batch; the text is ambiguous, the release does the same.

Departs from the release (jwf40/Information-Theoretic-Unlearning @ c967614), which has each of
these switched on; `JiT.as_released` sets them all:
    `accumulate`: gradients are never zeroed, so step t moves along g_1 + ... + g_t.
    `reduction="sum"`: the loss is the sum over the batch, which ties eta to the batch size.
    `clamp`: noisy inputs are clamped to the range of the batch, which shortens the noise.
    `train_mode`: dropout is active and BatchNorm uses and updates batch statistics.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.optim import SGD

from ..access import copy_of
from ..checks.outputs import logits, settled
from ..data.tensors import Inputs
from ..errors import NonFiniteError, SpecError
from ..fields import BOUNDS_MEMORY, Checked, Count, NonNegative, Positive
from ..training import seeded
from .parts.noise import Noise, draws


@dataclass(frozen=True)
class JiT(Checked):
    r"""Just in Time unlearning.

    Needs nothing but `Inputs.of` what is to be forgotten, and a generator such as that of `rng`.
    The defaults are those of no other model: search `lr` in steps of three until the accuracy on
    the forget set falls, for a `sigma` of a tenth to three times the spread of the inputs.

    Attributes:
        sigma: Standard deviation :math:`\sigma` of the noise, in units of the normalised input.
        lr: Step size :math:`\eta`.
        noises: Noisy copies :math:`N` of each example.
        batch_size: Forget examples a step.
        accumulate: Never zero the gradients between steps.
        reduction: Mean or sum over the batch.
        clamp: Clamp the noisy inputs to the range of the batch.
        train_mode: Keep the model in train mode.
        stop_gradient: Treat the noisy output as a constant; else differentiate through it too.
        squared: Square both norms.
        chunk: Noisy inputs a forward pass: bounds the memory, changes nothing else where an output
            is a function of its input alone; None is what is fast: a copy of the batch on a CPU,
            up to 2048 inputs on a GPU.
        noise: Shape of the noise, see `parts.noise`; its standard deviation is `sigma` in each.
    """

    sigma: Positive = 0.5
    lr: NonNegative = 0.01
    noises: Count = 25
    batch_size: Count = 128
    accumulate: bool = False
    reduction: Literal["mean", "sum"] = "mean"
    clamp: bool = False
    train_mode: bool = False
    stop_gradient: bool = True
    squared: bool = False
    chunk: Count | None = field(default=None, metadata=BOUNDS_MEMORY)
    noise: Noise = "gaussian"

    @classmethod
    def as_released(cls, sigma: float = 0.5, lr: float = 3e-4, **fields: Any) -> "JiT":
        """Return JiT with every departure of the release (its full-class VGG values by default)."""
        released: dict[str, Any] = {
            "accumulate": True, "reduction": "sum", "clamp": True, "train_mode": True,
        }  # fmt: skip
        return cls(sigma, lr, **(released | fields))

    def __call__(
        self, model: nn.Module, *, forget_inputs: Inputs, generator: torch.Generator
    ) -> nn.Module:
        """Return a copy of `model` that is smoother around the forget examples.

        Raises:
            SpecError: The inputs are tokens.
            NonFiniteError: The noise vanished, or the steps diverged.
        """
        model = copy_of(model, forget_inputs=forget_inputs).train(self.train_mode)
        if not forget_inputs.x.is_floating_point():
            raise SpecError(
                f"JiT adds noise to real-valued inputs; these are tokens ({forget_inputs.x.dtype})."
                " Use another method, or features in their place."
            )
        sgd, shortest = SGD(model.parameters(), self.lr), []
        with seeded(generator):
            for x in forget_inputs.batches(self.batch_size):
                if not self.accumulate:
                    sgd.zero_grad()
                # Adds g_t to the gradients, those of the weights alone
                shortest.append(self.backward(model, x.detach(), generator))
                sgd.step()  # theta <- theta - eta grad l
        if not torch.stack(shortest).all():
            raise NonFiniteError(
                "The noise of an example vanished, whose length JiT divides by: sigma = "
                f"{self.sigma:g} is lost beside numbers of {forget_inputs.x.dtype}, or the noise "
                "was clamped away in a batch of constant inputs. Take a larger sigma, or "
                "clamp=False."
            )
        return settled(model)

    def backward(self, model: nn.Module, x: Tensor, generator: torch.Generator) -> Tensor:
        r"""Add the gradient of the loss of one batch `x`, (b, ...), to that of `model`.

        Returns the length of the shortest noise. In two stages: the loss depends on the weights by
        the logits alone, :math:`z = f_\theta(x)` and :math:`z_j = f_\theta(x + \xi_j)`, in which
        its gradient has a closed form; only that is sent back through the network.
        """
        count = self.noises * (len(x) if self.reduction == "mean" else 1)  # l = sum r_j / count
        z, shortest = logits(model, x.clone()), []  # a first layer in place would change x
        dl_dz = torch.zeros_like(z)
        for u in draws(self.noise, self.noises, x, generator, self.chunk, self.train_mode):
            noisy = u.mul_(self.sigma).add_(x)  # x + xi_j of some j, (j, b, ...), in u's place
            if self.clamp:
                noisy.clamp_(x.min(), x.max())
            xi_norm = (noisy - x).flatten(2).norm(dim=2, keepdim=True)  # as rounded and clamped
            with torch.set_grad_enabled(not self.stop_gradient):
                z_j = model(noisy.flatten(0, 1)).unflatten(0, noisy.shape[:2])
            with torch.no_grad():
                dz = z - z_j
                dz_norm = dz.norm(dim=2, keepdim=True)
                if self.squared:  # r_j = |dz|^2 / |xi|^2
                    dr_dz = 2 * dz / xi_norm / xi_norm
                else:  # r_j = |dz| / |xi|, whose slope at dz = 0 is taken as 0
                    dr_dz = dz / dz_norm.clamp(min=torch.finfo(z.dtype).tiny) / xi_norm
                dl_dz += dr_dz.sum(0) / count
            if not self.stop_gradient:
                z_j.backward(-dr_dz / count)  # r_j is of the difference: dr_j/dz_j = -dr_j/dz
            shortest.append(xi_norm.min())
        z.backward(dl_dz)  # dl/dtheta = dl/dz dz/dtheta
        return torch.stack(shortest).min()
