"""How far the outputs of noisy copies of an example differ from its own in one direction."""

import torch
from jaxtyping import Float
from torch import Tensor

from ..errors import DataError
from .shapes import told


def alignment(
    logits: Float[Tensor, "n classes"], noisy: Float[Tensor, "N n classes"]
) -> Float[Tensor, " n"]:
    r"""Return the length of the mean direction in which noise moves each output, (n,), in [0, 1].

    .. math:: a_i = \Bigl\lVert \frac1N \sum_{j=1}^N
        \frac{z_i - z_{ij}}{\lVert z_i - z_{ij} \rVert_2} \Bigr\rVert_2

    It is 1 if all N copies move the output alike, and about :math:`1/\sqrt N` if they move it
    anywhere. JiT's gradient with respect to :math:`z_i` is the vector under the norm, divided by
    the length of the noise: where :math:`a_i` is small it is mostly noise itself.

    >>> import torch
    >>> z = torch.zeros(1, 2)
    >>> alignment(z, torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]]]))
    tensor([0.7071])

    Args:
        logits: Outputs of the examples, (n, classes).
        noisy: Outputs of their noisy copies, (N, n, classes).

    Returns:
        One length an example; NaN where an output is not finite.

    Raises:
        DataError: The copies are not those of the examples.
    """
    told(logits)
    if not isinstance(noisy, Tensor) or not noisy.is_floating_point():
        raise DataError(
            "Outputs of noisy copies are a tensor of floats, as the logits are, not "
            f"{getattr(noisy, 'dtype', type(noisy).__name__)}."
        )
    if noisy.dim() != 3 or not len(noisy) or noisy.shape[1:] != logits.shape:
        raise DataError(
            f"Noisy copies of logits {tuple(logits.shape)} are (N, n, classes), N of them at least "
            f"one, and were given as {tuple(noisy.shape)}."
        )
    d = logits - noisy
    if torch.finfo(d.dtype).bits < 32:
        d = logits.double() - noisy.double()
    limits = torch.finfo(d.dtype)
    top = d.abs().amax(2, keepdim=True)
    extreme = (top < 1e4 * limits.tiny**0.5) & (top > 0) | (top > 1e-4 * limits.max**0.5)
    d = torch.where(extreme, d / top, d)  # the squares of such numbers are beyond the type
    length: Tensor = (d / d.norm(dim=2, keepdim=True).clamp_min(limits.tiny)).mean(0).norm(dim=1)
    return length
