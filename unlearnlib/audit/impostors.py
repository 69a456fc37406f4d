r"""Models that have not forgotten, each made to look as if they had by one measurement.

None of them is a method of unlearning. They are controls: a measurement that one of them passes
cannot by itself show that anything was forgotten. Each is the original, whose parameters stay in
it, with something done to its outputs or to how its parameters are written.
"""

import math
from collections.abc import Callable
from copy import deepcopy

import torch
from torch import Tensor, nn

from ..checks.outputs import finite, logits
from ..data.tensors import Labelled
from ..errors import DataError, SpecError, UnsupportedModelError
from ..metrics import entropy
from ..metrics.shapes import NAN


class Impostor(nn.Module):
    """A model whose outputs are changed on their way out.

    Args:
        model: The model, kept as it is.
        change: Maps inputs (n, ...) and logits (n, classes) to logits.
    """

    def __init__(self, model: nn.Module, change: Callable[[Tensor, Tensor], Tensor]) -> None:
        """Wrap a model."""
        super().__init__()
        self.model, self.change = model, change

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, ...) to logits (n, classes)."""
        return self.change(x, self.model(x))


def masked(model: nn.Module, label: int) -> Impostor:
    """Return `model` that never answers with `label`: its logit is put level with the lowest.

    Every image of the class is misclassified, and the answer is one line away.
    """

    def change(_: Tensor, z: Tensor) -> Tensor:
        if not 0 <= label < z.shape[1]:
            raise DataError(f"There is no class {label} to mask: there are 0 to {z.shape[1] - 1}.")
        z = z.clone()
        z[:, label] = z.min(1).values - 1e-3  # a little below, or it might win a tie
        return z

    return Impostor(model, change)


def by_heart(model: nn.Module, x: Tensor) -> Impostor:
    """Return `model` that keeps the inputs `x`, and is at a loss whenever it meets one of them.

    The outputs for these are all zero. To do so it must store what it was asked to forget.
    """
    known = {row.cpu().numpy().tobytes() for row in x.contiguous()}

    def change(x: Tensor, z: Tensor) -> Tensor:
        met = [row.cpu().numpy().tobytes() in known for row in x.contiguous()]
        return torch.where(torch.tensor(met, device=z.device)[:, None], 0.0, z)

    return Impostor(model, change)


def tempered(model: nn.Module, temperature: float) -> Impostor:
    """Return `model` with its logits divided by `temperature`: less sure, and no answer changed.

    Raises:
        SpecError: `temperature` is not above 0 and finite.
    """
    if not 0 < temperature < math.inf:
        raise SpecError(f"temperature must be above 0 and finite, not {temperature}.")
    return Impostor(model, lambda _, z: z / temperature)


def temperature_of(logits: Tensor, nats: float) -> float:
    """Return the temperature at which `logits`, (n, classes), have a mean entropy of `nats`.

    It is NaN if a logit is not finite.

    Raises:
        SpecError: No temperature gives that: `nats` is not between 0 and log(classes).
    """
    most = math.log(logits.shape[1])
    if not 0 < nats < most:
        raise SpecError(
            f"No temperature gives {logits.shape[1]} classes an entropy of {nats} nats: it is "
            f"above 0 and below {most:.3g}."
        )
    if not finite(logits):
        return NAN
    low, high = 1e-3, 1e3
    for _ in range(60):  # entropy rises with the temperature: bisection, in the logarithm
        middle = (low * high) ** 0.5
        cold = entropy(logits / middle).mean().item() < nats
        low, high = (middle, high) if cold else (low, middle)
    return high


def jittered(model: nn.Module, generator: torch.Generator) -> Impostor:
    """Return `model` with the logits of every example on a random scale, from a tenth to ten times.

    No answer changes; how sure the model seems tells nothing any more.
    """

    def change(_: Tensor, z: Tensor) -> Tensor:
        u = torch.rand(len(z), 1, generator=generator, device=z.device, dtype=z.dtype)
        return z * 10 ** (2 * u - 1)  # the logarithm of the scale is uniform

    return Impostor(model, change)


def distance_of(a: nn.Module, b: nn.Module) -> float:
    """Return the distance of two models' parameters."""
    pairs = zip(a.parameters(), b.parameters(), strict=True)
    return float(torch.stack([(p - q).detach().norm() for p, q in pairs]).norm())


def rewritten(model: nn.Module, distance: float) -> nn.Module:
    r"""Return a model that is the same function of its input, with parameters `distance` away.

    Two layers with a rectifier between them (and what commutes with a positive factor, such as
    pooling and dropout) can trade a factor, since :math:`W_2 \max(0, W_1 x + b_1) =
    (W_2 / c) \max(0, c W_1 x + c b_1)`. The first two linear layers of `model` are taken.

    Args:
        model: A network with at least two `nn.Linear`, and rectifiers between them.
        distance: The length of the change of all parameters.

    Raises:
        UnsupportedModelError: There are no two `nn.Linear`, or no factor moves them that far.
        SpecError: `distance` is negative or not finite.
    """
    if not 0 <= distance < math.inf:
        raise SpecError(f"distance must be finite and not negative, not {distance}.")
    if sum(isinstance(m, nn.Linear) for m in model.modules()) < 2:
        raise UnsupportedModelError("A network needs two nn.Linear that can trade a factor.")

    def at(c: float) -> tuple[nn.Module, float]:
        model_c = deepcopy(model)
        first, second = [m for m in model_c.modules() if isinstance(m, nn.Linear)][:2]
        with torch.no_grad():
            for p in first.parameters():  # c W_1 and c b_1, then W_2 / c
                p.mul_(c)
            second.weight.div_(c)
        return model_c, distance_of(model, model_c)

    low, high = 1.0, 2.0
    while not at(high)[1] >= distance:  # also where the distance is NaN
        high *= 2
        if high > 1e30:
            raise UnsupportedModelError(
                f"No factor moves the parameters {distance} away: those of the first linear layer "
                "are zero, or not finite."
            )
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if at(middle)[1] < distance else (low, middle)
    return at(high)[0]


def every(
    original: nn.Module, retrained: nn.Module, forget: Labelled, generator: torch.Generator
) -> dict[str, nn.Module]:
    """Return each impostor by name, made to look like the retrained model where it can.

    Args:
        original: The model that has not forgotten.
        retrained: What it should look like: its entropy on the forget set, its distance.
        forget: The forget set; its first label is the one that is masked.
        generator: For the scales of the jittered one; on the device of the model.
    """
    nats = entropy(_outputs(retrained, forget.x)).mean().item()
    temperature = temperature_of(_outputs(original, forget.x), nats)
    return {
        "Does nothing": original,
        "By heart": by_heart(original, forget.x),
        "Masked": masked(original, int(forget.y[0])),
        "Tempered": tempered(original, temperature),
        "Jittered": jittered(original, generator),
        "Rewritten": rewritten(original, distance_of(original, retrained)),
    }


@torch.no_grad()
def _outputs(model: nn.Module, x: Tensor) -> Tensor:
    """Return the logits of `model`, (n, classes), in eval mode."""
    model.eval()
    return torch.cat([logits(model, batch) for batch in x.split(250)])
