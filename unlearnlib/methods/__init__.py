"""One paper, one file: the equation, then the code that mirrors it.

- `jit`: JiT, of the first paper of the book
- `ssd`, `lfssd`, `assd`: SSD and its forms without labels and without a threshold to choose
- `pgu`: PGU
- `nabla_tau`: NablaTau
- `scrub`, `random_label`, `neg_grad_plus`: what NablaTau's tables compare with
- `bad_teacher`, `unsir`: what JiT's and SSD's tables compare with
- `salun`, `delete`: what later papers compare with
- `gradient_ascent`: the shortest method: copy this one to add another
- `boundary`: Boundary Shrink and Expand, which see the forget set only
- `gkt`, `emmn`: what sees no example at all, only which classes to forget
- `original`, `retrain`, `finetune`: the controls
- `parts`: what several share, and bookkeeping that would hide an equation
"""

from .assd import ASSD
from .bad_teacher import BadTeacher
from .boundary import BoundaryExpand, BoundaryShrink
from .delete import DELETE
from .emmn import EMMN
from .finetune import FineTune
from .gkt import GKT
from .gradient_ascent import GradientAscent
from .jit import JiT
from .lfssd import LFSSD
from .nabla_tau import NablaTau
from .neg_grad_plus import NegGradPlus
from .original import Original
from .pgu import PGU
from .random_label import RandomLabel
from .retrain import Retrain
from .salun import SalUn
from .scrub import SCRUB, SCRUBRewind
from .ssd import SSD
from .unsir import UNSIR

METHODS = {
    cls.__name__: cls
    for cls in (
        Original, Retrain, FineTune, JiT, SSD, LFSSD, ASSD, PGU, NablaTau, GradientAscent,
        NegGradPlus, RandomLabel, SCRUB, SCRUBRewind,
        BoundaryShrink, BoundaryExpand, GKT, EMMN,
        BadTeacher, UNSIR, SalUn, DELETE,
    )
}  # fmt: skip
"""Every method by its name in a specification."""

__all__ = [
    "ASSD", "DELETE", "EMMN", "GKT", "LFSSD", "METHODS", "PGU", "SCRUB", "SSD", "UNSIR",
    "BadTeacher", "BoundaryExpand", "BoundaryShrink", "FineTune", "GradientAscent", "JiT",
    "NablaTau", "NegGradPlus", "Original", "RandomLabel", "Retrain", "SCRUBRewind", "SalUn",
]  # fmt: skip
