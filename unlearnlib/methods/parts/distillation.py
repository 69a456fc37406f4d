"""How far a student is from its teacher."""

from torch import Tensor
from torch.nn.functional import kl_div

from ...losses import losses


def divergence_from_teacher(
    z: Tensor, z_o: Tensor, T: float = 1.0, several: bool = False
) -> Tensor:
    r"""Return the mean divergence of a student from its teacher, in nats, a scalar.

    .. math:: T^2 \operatorname{KL}\left( p_{z_o / T} \,\Vert\, p_{z / T} \right)

    The square of T leaves the size of the gradient as it is.

    Args:
        z: Logits of the student, (n, classes).
        z_o: Those of the teacher, (n, classes).
        T: Temperature.
        several: Whether an example may have several labels; then it is the sum over the labels of
            the divergences of their yes and no.
    """
    z, z_o = z / T, z_o / T
    if several:  # KL(p || q) = H(p, q) - H(p), where `losses` is a mean over the classes
        p = z_o.sigmoid()
        return T**2 * (losses(z, p) - losses(z_o, p)).mean() * z.shape[1]
    log_q, log_p = z.log_softmax(1), z_o.log_softmax(1)
    return T**2 * kl_div(log_q, log_p, reduction="batchmean", log_target=True)
