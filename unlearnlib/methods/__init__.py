"""One paper, one file: the equation, then the code that mirrors it."""

from .assd import ASSD
from .finetune import FineTune
from .jit import JiT
from .lfssd import LFSSD
from .original import Original
from .pgu import PGU
from .retrain import Retrain
from .ssd import SSD

METHODS = {cls.__name__: cls for cls in (Original, Retrain, FineTune, JiT, SSD, LFSSD, ASSD, PGU)}
"""Every method by its name in a specification."""

__all__ = ["ASSD", "LFSSD", "METHODS", "PGU", "SSD", "FineTune", "JiT", "Original", "Retrain"]
