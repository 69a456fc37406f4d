r"""What a recipe of training buys: what the network knows of its images, and of others.

    python book/bench_recipes.py --dataset cifar10 --network airbench_96_plain --epochs 12 \
        --lr 0.1 --threads 1 --csv data/measured/recipes.csv

One training on the whole training set, of one seed, without augmentation. The question is which
small network learns a data set by heart in about ten minutes of one core, and tells the most of
images that it has not seen; a grid holds some of the training set out, and costs less.
"""

import argparse
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from bench import Row, parser, where

from unlearnlib import Recipe, load, rng, train
from unlearnlib.metrics import accuracy
from unlearnlib.models import build
from unlearnlib.runs.one_run import outputs

KEYS = ["dataset", "network", "epochs", "lr", "batch", "weight decay", "seed"]
"""What tells one line of the table from another."""


def line(o: argparse.Namespace) -> dict[str, Any]:
    """Train once; return accuracies in per cent, and the seconds of the training."""
    if o.threads:
        torch.set_num_threads(o.threads)
    data, device = load(o.dataset), torch.device(o.device)
    torch.manual_seed(o.seed)
    model = build(o.network, tuple(data.train.x.shape[1:]), len(data.classes)).to(device)
    recipe = Recipe(o.epochs, lr=o.lr, batch_size=o.batch, weight_decay=o.weight_decay)
    seen, new = data.train.to(device), data.test.to(device)
    generator = rng("recipe", o.seed, device)
    spent = Row("training", lambda: train(model, seen, recipe, generator), len(seen))
    spent.measure(device)
    known, told = (100 * accuracy(outputs(model, part.x), part.y) for part in (seen, new))
    return {
        "dataset": o.dataset, "network": o.network,
        "parameters": sum(p.numel() for p in model.parameters()), "epochs": o.epochs, "lr": o.lr,
        "batch": o.batch, "weight decay": o.weight_decay, "seed": o.seed,
        "core seconds": spent.seconds, "training (%)": known, "test (%)": told,
    }  # fmt: skip


def kept(path: Path, line: dict[str, Any]) -> None:
    """Put a line into the table at `path`, in the place of an older one of the same recipe."""
    table = pd.DataFrame([line])
    if path.exists():
        old = pd.read_csv(path, dtype={"commit": str})  # 12e3 is no number
        same = (old[KEYS] == [line[key] for key in KEYS]).all(axis=1)
        table = pd.concat([old[~same], table])
    table.to_csv(path, index=False, float_format="%.6g", lineterminator="\n")


def main() -> None:
    """Train, print, write it if asked."""
    options = parser(__doc__, epochs=12, batch=128, seed=0)
    options.add_argument("--dataset", default="cifar10")
    options.add_argument("--network", default="airbench_96_plain")
    options.add_argument("--lr", type=float, default=0.1)
    options.add_argument("--weight-decay", type=float, default=5e-4)
    options.add_argument("--csv", metavar="FILE", type=Path)
    o = options.parse_args()
    found = line(o)
    print(*(f"{name} {value:.6g}" if isinstance(value, float) else f"{name} {value}"
            for name, value in found.items()), sep=" · ")  # fmt: skip
    if o.csv:
        o.repeats = 1
        kept(o.csv, found | where(o))


if __name__ == "__main__":
    main()
