"""One paper, one file: the equation, then the code that mirrors it.

- `jit`: JiT, of the first paper of the book
- `ssd`, `lfssd`, `assd`: SSD and its forms without labels and without a threshold to choose
- `pgu`: PGU
- `nabla_tau`: NablaTau
- `scrub`, `random_label`, `neg_grad_plus`: what NablaTau's tables compare with
- `bad_teacher`, `unsir`: what JiT's and SSD's tables compare with
- `salun`, `delete`: what later papers compare with
- `fisher_forgetting`: FisherForgetting, noise by the Fisher information
- `wood_fisher`: WoodFisher, one step of influence
- `l1_sparse`: L1Sparse, fine-tuning towards sparse weights
- `sfr_on`: SFROn, masked ascent between steps on the retain set
- `eu_k`, `cf_k`: EUK and CFK, which train the last layers alone
- `msg`, `ct`: MSG and CT, of the NeurIPS 2023 competition, which undo convolutions and fine-tune
- `lotus`: LoTUS
- `amun`: AMUN, which learns adversarial examples
- `gradient_ascent`: the shortest method: copy this one to add another
- `boundary_shrink`, `boundary_expand`: what gives the forget set new labels, and sees it only
- `gkt`, `emmn`: what sees no example at all, only which classes to forget
- `original`, `retrain`, `finetune`: the controls
- `parts`: what several share, and bookkeeping that would hide an equation
"""

from .amun import AMUN
from .assd import ASSD
from .bad_teacher import BadTeacher
from .boundary_expand import BoundaryExpand
from .boundary_shrink import BoundaryShrink
from .cf_k import CFK
from .ct import CT
from .delete import DELETE
from .emmn import EMMN
from .eu_k import EUK
from .finetune import FineTune
from .fisher_forgetting import FisherForgetting
from .gkt import GKT
from .gradient_ascent import GradientAscent
from .jit import JiT
from .l1_sparse import L1Sparse
from .lfssd import LFSSD
from .lotus import LoTUS
from .msg import MSG
from .nabla_tau import NablaTau
from .neg_grad_plus import NegGradPlus
from .original import Original
from .pgu import PGU
from .random_label import RandomLabel
from .retrain import Retrain
from .salun import SalUn
from .scrub import SCRUB, SCRUBRewind
from .sfr_on import SFROn
from .ssd import SSD
from .unsir import UNSIR, UNSIRByLabel
from .wood_fisher import WoodFisher

METHODS = {
    cls.__name__: cls
    for cls in (
        Original, Retrain, FineTune, JiT, SSD, LFSSD, ASSD, PGU, NablaTau, GradientAscent,
        NegGradPlus, RandomLabel, SCRUB, SCRUBRewind,
        BoundaryShrink, BoundaryExpand, GKT, EMMN,
        BadTeacher, UNSIR, UNSIRByLabel, SalUn, DELETE,
        FisherForgetting, WoodFisher, L1Sparse, SFROn,
        EUK, CFK, MSG, CT, LoTUS, AMUN,
    )
}  # fmt: skip
"""Every method by its name in a specification."""

__all__ = [
    "AMUN", "ASSD", "CFK", "CT", "DELETE", "EMMN", "EUK", "GKT", "LFSSD", "METHODS", "MSG", "PGU",
    "SCRUB", "SSD", "UNSIR", "BadTeacher", "BoundaryExpand", "BoundaryShrink", "FineTune",
    "FisherForgetting", "GradientAscent", "JiT", "L1Sparse", "LoTUS", "NablaTau", "NegGradPlus",
    "Original", "RandomLabel", "Retrain", "SCRUBRewind", "SFROn", "SalUn", "UNSIRByLabel",
    "WoodFisher",
]  # fmt: skip
