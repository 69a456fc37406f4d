"""Machine unlearning, one file a method, and the experiments that reproduce four papers.

>>> import torch
>>> from unlearnlib import Inputs, JiT
>>> model = torch.nn.Linear(4, 3)
>>> forget = Inputs(torch.ones(8, 4))
>>> generator = torch.Generator().manual_seed(0)
>>> unlearned = JiT(sigma=0.5, lr=0.1)(model, forget_inputs=forget, generator=generator)
>>> bool((unlearned.weight != model.weight).any())
True

Where things are, from what all else rests on upwards; each folder begins with a map of its own:

- `errors`, `locations`: what is raised, and where files lie
- `fields`: what a field of a dataclass may hold, and which fields decide what it is known by
- `cost`: seconds, memory and passes; what is on the clock
- `deadline`: until when work may go on
- `cache`: models and statistics on disk, under the hash of what made them
- `progress`: a bar in a terminal
- `fingerprint`: of a model; `losses`: of each example
- `checks`: what models and outputs are asked before they are relied on
- `models`: networks, one family a file; `data`: data sets as tensors
- `access`: what a method may name; `request`: what to forget; `training`: the training loop,
  `checkpoint`: how it survives
- `stored`: what is kept with a trained model
- `methods`: one paper, one file; `metrics`: outputs in, numbers out
- `audit`: what looks into a model, or needs many
- `scenario`: a trained model and a request; `own`: a model and data of one's own; `offers`: what
  either hands to a method
- `runs`: one run, grids of them, their records, and what of them is made anew
- `report`: from records to tables, figures and verdicts
- `sweep`: notebooks run at many points
- `__main__`: the command line: `run`, `sweep` and `data`
"""

import sys

if sys.orig_argv[1:3] != ["-m", "unlearnlib"]:  # each command imports what it needs
    from .access import ACCESS, Method, access
    from .data import Dataset, Inputs, Labelled, load
    from .losses import losses
    from .methods import (
        AMUN,
        ASSD,
        CFK,
        CT,
        DELETE,
        EMMN,
        EUK,
        GKT,
        LFSSD,
        METHODS,
        MSG,
        PGU,
        SCRUB,
        SSD,
        UNSIR,
        BadTeacher,
        BoundaryExpand,
        BoundaryShrink,
        FineTune,
        FisherForgetting,
        GradientAscent,
        JiT,
        L1Sparse,
        LoTUS,
        NablaTau,
        NegGradPlus,
        Original,
        RandomLabel,
        Retrain,
        SalUn,
        SCRUBRewind,
        SFROn,
        UNSIRByLabel,
        WoodFisher,
    )
    from .metrics import entropy
    from .own import OwnScenario
    from .request import Splits
    from .runs.experiment import experiment
    from .runs.grid import Grid
    from .runs.one_run import evaluate, measure, outputs, run, unlearn
    from .runs.records import read as read_records
    from .runs.records import read_all, recorded
    from .runs.rerun import check_rerun, rerun
    from .runs.run_grid import run_grid
    from .runs.tune import tune
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
    "ACCESS", "AMUN", "ASSD", "CFK", "CT", "DELETE", "EMMN", "EUK", "GKT", "LFSSD", "METHODS",
    "MSG", "PGU", "SCRUB", "SSD", "UNSIR", "BadTeacher", "BoundaryExpand", "BoundaryShrink",
    "Dataset", "FineTune", "FisherForgetting", "GradientAscent", "GradientSpace", "Grid",
    "Importance", "Inputs", "JiT", "L1Sparse", "Labelled", "LoTUS", "Method", "Moments", "NablaTau",
    "NegGradPlus", "Original", "OwnScenario", "RandomLabel", "Recipe", "Retrain", "SCRUBRewind",
    "SFROn", "SalUn", "Scenario", "Splits", "Statistic", "UNSIRByLabel", "WoodFisher", "access",
    "check_rerun", "entropy", "evaluate", "experiment", "finite_sensitivity", "fisher_diagonal",
    "gauss_newton_diagonal", "load", "losses", "measure", "output_sensitivity", "outputs",
    "read_all", "read_records", "recorded", "rerun", "rng", "run", "run_grid", "train", "tune",
    "unlearn",
]  # fmt: skip
