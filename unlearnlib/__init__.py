"""Machine unlearning, one file a method, and the experiments that reproduce four papers.

>>> import torch
>>> from unlearnlib import Inputs, JiT
>>> model = torch.nn.Linear(4, 3)
>>> forget = Inputs(torch.ones(8, 4))
>>> generator = torch.Generator().manual_seed(0)
>>> unlearned = JiT(sigma=0.5, lr=0.1)(model, forget_inputs=forget, generator=generator)
>>> bool((unlearned.weight != model.weight).any())
True
"""

from .access import ACCESS, Method, access
from .data import Dataset, Inputs, Labelled, load
from .losses import losses
from .methods import (
    ASSD,
    LFSSD,
    METHODS,
    PGU,
    SCRUB,
    SSD,
    FineTune,
    GradientAscent,
    JiT,
    NablaTau,
    NegGradPlus,
    Original,
    RandomLabel,
    Retrain,
    SCRUBRewind,
)
from .metrics import entropy
from .request import Splits
from .runs.grid import Grid, run_grid
from .runs.one_run import measure, outputs, run, unlearn
from .runs.records import read as read_records
from .runs.records import read_all, recorded
from .scenario import Scenario, rng
from .stored.finite_difference import finite_sensitivity
from .stored.gradient_space import GradientSpace, Moments
from .stored.importance import (
    Importance,
    Statistic,
    fisher_diagonal,
    gauss_newton_diagonal,
    output_sensitivity,
)
from .training import Recipe, train

__version__ = "0.1.0"

__all__ = [
    "ACCESS", "ASSD", "LFSSD", "METHODS", "PGU", "SCRUB", "SSD", "Dataset", "FineTune",
    "GradientAscent", "GradientSpace", "Grid", "Importance", "Inputs", "JiT", "Labelled", "Method",
    "Moments", "NablaTau", "NegGradPlus", "Original", "RandomLabel", "Recipe",
    "Retrain", "SCRUBRewind", "Scenario", "Splits", "Statistic", "access", "entropy",
    "finite_sensitivity", "fisher_diagonal", "gauss_newton_diagonal", "load", "losses", "measure",
    "output_sensitivity", "outputs", "read_all", "read_records", "recorded", "rng", "run",
    "run_grid", "train", "unlearn",
]  # fmt: skip
