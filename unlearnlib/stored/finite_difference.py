r"""What a sensitivity is the limit of: the size of the output before and after a step.

.. math::
    \Omega_i(h) = \frac1n \sum_n \left|
        \frac{S(f_{\theta + h_i e_i}(x_n)) - S(f_{\theta - h_i e_i}(x_n))}{2 h_i} \right|,
    \qquad h_i = h\,|\theta_i|

Two forward passes a parameter, so for a few of them: a check of the gradient, not an importance.
"""

from collections.abc import Mapping, Sequence
from numbers import Integral

import torch
from torch import Tensor, nn

from ..checks.intact import intact
from ..checks.outputs import logits
from ..data.tensors import Inputs
from ..errors import SpecError
from .importance import NORMS, Norm

Place = tuple[str, int]
"""One parameter: the name of its tensor, and its place in that, flattened."""


@torch.no_grad()
def finite_sensitivity(
    model: nn.Module,
    data: Inputs,
    places: Sequence[Place],
    step: float,
    *,
    norm: Norm = "squared",
    chunk: int = 250,
) -> Tensor:
    r"""Return :math:`\Omega_i(h)` of the parameters at `places`, (len(places),).

    Args:
        model: A classifier in eval mode; it stays as it is.
        data: The examples.
        places: Which parameters; one that is zero has no step and gives NaN.
        step: :math:`h`, in parts of the parameter; 1 is the way to zero, and as far beyond.
        norm: Size of the output, a key of `NORMS`.
        chunk: Examples a forward pass.

    Raises:
        UnsupportedModelError: The outputs are not logits.
        SpecError: A place is none of the model's, the size is unknown, or the step is lost to
            rounding.
    """

    def sizes() -> Tensor:
        return torch.cat([NORMS[norm](logits(model, x.clone())) for x in data.x.split(chunk)])

    if norm not in NORMS:
        raise SpecError(f"norm must be one of {', '.join(NORMS)}, not {norm!r}.")
    if len(places) == 0:
        raise SpecError("There are no places to take a step at. Give one or more.")
    Omega: list[Tensor] = []
    with intact(model):
        parameters = dict(model.named_parameters(remove_duplicate=False))
        model.eval()
        for name, place in places:
            theta, i = _entry(parameters, name, place)
            value = theta[i].clone()
            h = step * value.abs()  # h_i
            if value != 0 and (value + h == value or value - h == value):
                raise SpecError(
                    f"A step of {step:g} is lost to rounding: it does not change place {place} of "
                    f"'{name}'. Take a larger step, or a model in double precision."
                )
            theta[i] = value + h
            above = sizes()  # S(f(x_n)) at theta + h_i e_i, (n,)
            theta[i] = value - h
            below = sizes()
            theta[i] = value
            Omega.append(((above - below) / (2 * h)).abs().mean())
    return torch.stack(Omega)


def _entry(
    parameters: Mapping[str, Tensor], name: str, place: int
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Return the tensor of one parameter, and its index there.

    Raises:
        SpecError: There is no such tensor, or no such place in it.
    """
    if name not in parameters:
        raise SpecError(f"The model has no parameter '{name}', only {', '.join(parameters)}.")
    theta = parameters[name]
    if isinstance(place, bool) or not isinstance(place, Integral):
        raise SpecError(f"A place must be a whole number, not {place!r}.")
    if not 0 <= place < theta.numel():
        raise SpecError(f"'{name}' has {theta.numel()} numbers; there is no place {place}.")
    return theta, torch.unravel_index(torch.tensor(place), theta.shape)


def sample_places(model: nn.Module, count: int, generator: torch.Generator) -> list[Place]:
    """Draw `count` parameters of each weight tensor, without replacement and without zeros.

    Biases and the affine parameters of normalisations, vectors all, are left out.
    """
    places: list[Place] = []
    for name, theta in model.named_parameters():
        if theta.dim() > 1:
            nonzero = theta.detach().cpu().flatten().nonzero().flatten()
            order = torch.randperm(len(nonzero), generator=generator)[:count]
            places += [(name, int(i)) for i in nonzero[order]]
    return places
