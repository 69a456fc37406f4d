"""One paper, one file: the equation, then the code that mirrors it."""

from .finetune import FineTune
from .jit import JiT
from .original import Original
from .pgu import PGU
from .retrain import Retrain

METHODS = {cls.__name__: cls for cls in (Original, Retrain, FineTune, JiT, PGU)}
"""Every method by its name in a specification."""

__all__ = ["METHODS", "PGU", "FineTune", "JiT", "Original", "Retrain"]
