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

If an example may have several labels, each a yes or no, the matrix in the middle is
:math:`\operatorname{diag} p_n (1 - p_n)` with the sigmoid for the softmax; that too is the Fisher.
"""

from torch import Tensor, nn

from ..checks.trial import differentiable
from .layer_rules import Sums
from .mean_powers import mean_powers


def by_classes(model: nn.Module, x: Tensor, *, several: bool = False, chunk: int = 64) -> Sums:
    r"""Return :math:`G` for the examples `x`, (n, ...): the right-hand side, class by class.

    `several` tells that an example may have several labels. All other arguments, and the errors,
    are those of :func:`unlearnlib.stored.mean_powers.mean_powers`.
    """

    def of_class(c: int) -> Sums:
        def loss(z: Tensor) -> Tensor:
            if several:  # in the same way p_nc (1 - p_nc) (dz_nc/d theta_i)^2
                p = z[:, c].sigmoid().detach()
                return (p * (1 - p)).sqrt() * z[:, c]
            # The square of its gradient is p_nc (d/dtheta_i log p_nc)^2, since p_nc is a constant.
            return z.softmax(1)[:, c].detach().sqrt() * z.log_softmax(1)[:, c]

        return mean_powers(model, (x,), loss, p=2, chunk=chunk)

    G = of_class(0)  # refuses what has no examples
    for c in range(1, differentiable(model, x)):
        for name, value in of_class(c).items():
            G[name] += value
    return G
