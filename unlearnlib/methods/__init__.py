"""One paper, one file: the equation, then the code that mirrors it.

- `jit`: JiT, of the first paper of the book
- `ssd`, `lfssd`, `assd`: SSD and its forms without labels and without a threshold to choose
- `pgu`: PGU
- `nabla_tau`: NablaTau
- `scrub`, `random_label`, `neg_grad_plus`: what NablaTau's tables compare with
- `eu_k`: EU-k and CF-k, which train the last layers alone
- `msg`, `ct`: MSG and CT, of the NeurIPS 2023 competition, which undo convolutions and fine-tune
- `lotus`: LoTUS
- `amun`: AMUN, which learns adversarial examples
- `gradient_ascent`: the shortest method: copy this one to add another
- `original`, `retrain`, `finetune`: the controls
- `parts`: what several share, and bookkeeping that would hide an equation
"""

from .amun import AMUN
from .assd import ASSD
from .ct import CT
from .eu_k import CFK, EUK
from .finetune import FineTune
from .gradient_ascent import GradientAscent
from .jit import JiT
from .lfssd import LFSSD
from .lotus import LoTUS
from .msg import MSG
from .nabla_tau import NablaTau
from .neg_grad_plus import NegGradPlus
from .original import Original
from .pgu import PGU
from .random_label import RandomLabel
from .retrain import Retrain
from .scrub import SCRUB, SCRUBRewind
from .ssd import SSD

METHODS = {
    cls.__name__: cls
    for cls in (
        Original, Retrain, FineTune, JiT, SSD, LFSSD, ASSD, PGU, NablaTau, GradientAscent,
        NegGradPlus, RandomLabel, SCRUB, SCRUBRewind,
        EUK, CFK, MSG, CT, LoTUS, AMUN,
    )
}  # fmt: skip
"""Every method by its name in a specification."""

__all__ = [
    "AMUN", "ASSD", "CFK", "CT", "EUK",
    "LFSSD", "METHODS", "MSG", "PGU", "SCRUB", "SSD", "FineTune", "GradientAscent", "JiT", "LoTUS",
    "NablaTau", "NegGradPlus", "Original", "RandomLabel", "Retrain", "SCRUBRewind",
]  # fmt: skip
