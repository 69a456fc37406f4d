r"""The diagonal of the Gauss-Newton matrix, an importance of second order that needs no labels.

With :math:`J_n` the derivative of the logits and :math:`p_n` the softmax of one example,

.. math::
    G_i = \frac1n \sum_n \left( J_n^\top
        \left( \operatorname{diag} p_n - p_n p_n^\top \right) J_n \right)_{ii}
        = \frac1n \sum_n \sum_c p_{nc}
        \left( \frac{\partial}{\partial\theta_i} \log p_\theta(c \mid x_n) \right)^2

It is what the Hessian of the cross-entropy keeps if the logits are taken as linear in the
parameters; the Hessian itself would need labels, and its diagonal can be negative. The right-hand
side is the Fisher information with the expectation over the model's own labels; SSD's, the
"empirical" one, has the true label alone. It costs one forward and one backward pass a class.
"""

from dataclasses import replace

from torch import Tensor, nn

from ..access import handed
from ..checks.trial import differentiable
from ..data.tensors import Inputs
from .importance import Importance, Statistic, importance


def gauss_newton_diagonal(model: nn.Module, data: Inputs, *, chunk: int = 64) -> Importance:
    r"""Return the diagonal of the Gauss-Newton matrix, :math:`G`.

    Args:
        model: A classifier in eval mode, (n, ...) -> logits (n, classes); it stays as it is.
        data: The examples.
        chunk: Examples a forward pass: bounds the memory, changes nothing else.

    Raises:
        UnsupportedModelError: An example has no gradient of its own, see `checks.trial`.
        SpecError: There are no examples, or `chunk` is not positive.
        NonFiniteError: An importance is NaN or infinite.
    """
    handed(inputs=data)

    def of_class(c: int) -> Importance:
        def loss(z: Tensor) -> Tensor:
            return z.softmax(1)[:, c].detach().sqrt() * z.log_softmax(1)[:, c]

        return importance(model, (data.x,), loss, Statistic("gauss_newton"), 2, chunk)

    found = of_class(0)
    for c in range(1, differentiable(model, data.x)):
        more = of_class(c)
        for name, value in more.values.items():
            found.values[name] += value
        found = replace(found, seconds=found.seconds + more.seconds)
    return found
