"""How long noise is, and how much that varies from example to example."""

from torch import Tensor


def mean_and_variation(noise: Tensor) -> tuple[float, float]:
    r"""Return the mean of :math:`\lVert \xi_i \rVert_2` and its coefficient of variation.

    In d dimensions the length of Gaussian noise varies by about :math:`1 / \sqrt{2d}`.

    Args:
        noise: One draw an example, (n, ...), of two examples or more.
    """
    length = noise.flatten(1).norm(dim=1)
    return length.mean().item(), (length.std() / length.mean()).item()
