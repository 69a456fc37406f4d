"""What a method does, in a few numbers: by these a record tells whether it is of today's code.

Every method, by each of its names in a specification, unlearns a part of two small problems in
double precision: images, and texts with several labels. `data/behaviour.json` keeps what comes out,
a test compares it with what the code does now, within a tolerance that no processor exceeds, and a
record notes the digest of the numbers that stood there when it was made. So a docstring may change
freely, while a change that moves numbers shows, also one in what the methods share: the test fails,
`make behaviour` writes the file anew, and the records made before are stale.
"""

import inspect
import json
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from ..access import Method, grant, to_store
from ..cache import atomic, digest
from ..data.tensors import Labelled
from ..data.text import FORMS
from ..locations import data_folder
from ..methods import METHODS
from ..training import Recipe, seeded

Numbers = list[float]
SMALL: dict[str, Any] = {"batch_size": 4, "forget_batch_size": 4, "epochs": 3, "noises": 3}
"""Values of fields, in the place of those that are meant for thousands of examples."""
TELLING: dict[str, dict[str, Any]] = {
    "SSD": {"alpha": 1.2},
    "LFSSD": {"alpha": 1.2},
    "SFROn": {"steps": 12},
    "PGU": {"stop": None, "steps": 2, "batch_size": 3},
    "BoundaryShrink": {"lr": 0.01},
    "BoundaryExpand": {"lr": 0.01},
    "GKT": {"batches": 3, "batch_size": 8, "student_steps": 2, "eps": 0.35},
    "EMMN": {"lr": 0.01, "copies": 2},
    "UNSIR": {"steps": 5, "copies": 1},
    "UNSIRByLabel": {"steps": 5, "copies": 1},
    "LoTUS": {"to_zero": True},
}
"""Values in the place of those with which a method would do nothing here."""
ONE_LABEL_REAL_INPUTS = (
    "JiT", "PGU", "BoundaryShrink", "GKT", "EMMN", "UNSIR", "UNSIRByLabel", "AMUN",
)  # fmt: skip
"""Methods that need the one or the other, or both, and so cannot be used on the texts."""
KEEPS_A_CLASS = ("UNSIRByLabel",)
"""Methods that forget whole classes by the examples, so that these must not be of all classes."""
MORE: dict[str, list[dict[str, Any]]] = {"JiT": [{"noise": "sparse"}]}
"""Further settings of a method, whose numbers follow those of its plain form."""


class Texts(nn.Module):
    """A bag of words: the mean of the words' vectors, dropout, and a linear layer, (n, t) -> 3."""

    def __init__(self) -> None:
        """Make an untrained one."""
        super().__init__()
        self.words, self.last = nn.Embedding(12, 6, padding_idx=0), nn.Linear(6, 3)
        self.dropout = nn.Dropout(0.2)

    def forward(self, x: Tensor) -> Tensor:
        """Map words to logits."""
        z: Tensor = self.last(self.dropout(self.words(x).mean(1).tanh()))
        return z


def images() -> nn.Module:
    """Return an untrained network with a layer of each kind that methods treat by itself."""
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, stride=2, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(),
        nn.Linear(64, 6), nn.LayerNorm(6), nn.ReLU(), nn.Dropout(0.3), nn.Linear(6, 3),
    )  # fmt: skip


PROBLEMS = {"images": images, "texts": Texts}


def kinds() -> Iterator[str]:
    """Yield the name of every method in a specification, with those of its constructors."""
    for name, cls in METHODS.items():
        yield name
        constructors = dict(inspect.getmembers(cls, inspect.ismethod))
        yield from (f"{name}.{other}" for other in constructors if not other.startswith("_"))


def behaviour(kind: str, problem: str) -> Numbers:
    """Return two numbers for each tensor of the unlearned model: its length and a projection.

    Those of the settings in `MORE` follow those of the plain form.
    """
    numbers: Numbers = []
    for setting in ({}, *MORE.get(kind.partition(".")[0], [])):
        method = _small(kind, setting)
        model, offers = _offers(problem, method)
        for value in method(model, **grant(method, offers)).state_dict().values():
            flat = value.detach().double().flatten()
            along = torch.arange(len(flat), dtype=torch.float64).add(1).cos()
            numbers += [float(flat.norm()), float(flat @ along)]
    return numbers


def suits(kind: str, problem: str) -> bool:
    """Tell whether a method can be used on a problem: not all take tokens or several labels."""
    return problem == "images" or kind.partition(".")[0] not in ONE_LABEL_REAL_INPUTS


def _small(kind: str, setting: dict[str, Any]) -> Method:
    """Return a method with values for a few examples and those of a setting."""
    name, _, constructor = kind.partition(".")
    method: Any = getattr(METHODS[name], constructor)() if constructor else METHODS[name]()
    small = SMALL | TELLING.get(name, {}) | setting
    if getattr(method, "group", 1) > 1:
        small |= {"group": 4}
    small = {field: value for field, value in small.items() if hasattr(method, field)}
    made: Method = replace(method, **small)
    return made


def _offers(problem: str, method: Method) -> tuple[nn.Module, SimpleNamespace]:
    """Return a trained network in double precision and everything that a method may name."""
    draw = torch.Generator().manual_seed(0)

    def fresh_model(generator: torch.Generator) -> nn.Module:
        with seeded(generator):
            return PROBLEMS[problem]().double()

    def examples(n: int) -> Labelled:
        if problem == "images":
            y = torch.randint(3, (n,), generator=draw)
            x = torch.randn(n, 1, 8, 8, generator=draw, dtype=torch.float64)
            return Labelled(x + y.view(-1, 1, 1, 1), y)
        x = torch.randint(12, (n, 5), generator=draw)
        two = torch.randint(3, (2, n), generator=draw)  # labels, which may be the same
        return Labelled(x, one_hot(two, 3).amax(0).double())

    forget, retain, validation = examples(10), examples(18), examples(8)
    whole = Labelled(torch.cat([forget.x, retain.x]), torch.cat([forget.y, retain.y]))
    model = fresh_model(torch.Generator().manual_seed(1))
    model.train()(whole.x)  # BatchNorm has seen something
    model.eval()
    if type(method).__name__ in KEEPS_A_CLASS:
        forget = forget[forget.y == 1]
    offers = SimpleNamespace(
        forget=forget,
        forget_inputs=forget.inputs,
        forget_classes=(1,),
        retain=retain,
        retain_inputs=retain.inputs,
        validation=validation,
        fresh_model=fresh_model,
        recipe=Recipe(2, lr=0.05, batch_size=8, augment=problem == "images"),
        input_shape=tuple(forget.x.shape[1:]),
        generator=torch.Generator().manual_seed(2),
        **{name: which.of(model, whole) for name, which in to_store(method).items()},
    )
    return model, offers


def _file() -> Path:
    return data_folder() / "behaviour.json"


@lru_cache(maxsize=1)
def golden() -> dict[str, dict[str, Numbers]]:
    """Return the numbers of every kind and problem as they are kept."""
    kept: dict[str, dict[str, Numbers]] = json.loads(_file().read_text(encoding="utf-8"))
    return kept


@lru_cache(maxsize=64)
def of_kind(kind: str, dataset: str) -> str | None:
    """Return the digest of what the method `kind` does to data such as those of `dataset`.

    None if no numbers of it are kept.
    """
    numbers = golden().get(kind, {}).get("texts" if dataset in FORMS else "images")
    return None if numbers is None else digest({"numbers": numbers})[:12]


def main() -> None:
    """Write what the code does now to the file, where it differs from what stands there."""
    old = golden() if _file().is_file() else {}
    new: dict[str, dict[str, Numbers]] = {}
    for kind in kinds():
        new[kind] = {}
        for problem in PROBLEMS:
            if suits(kind, problem):
                now = [float(f"{x:.9g}") for x in behaviour(kind, problem)]
                before = old.get(kind, {}).get(problem, [])
                new[kind][problem] = before if close(now, before) else now
        print(f"{kind}: {'as before' if new[kind] == old.get(kind) else 'CHANGED'}")
    with atomic(_file()) as temporary:
        lines = ",\n".join(f" {json.dumps(k)}: {json.dumps(v)}" for k, v in new.items())
        temporary.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")


def close(one: Numbers, other: Numbers) -> bool:
    """Tell whether two lists of numbers are equal, but for what kernels round differently."""
    return len(one) == len(other) and all(
        abs(a - b) <= 1e-6 * max(1.0, abs(a), abs(b)) for a, b in zip(one, other, strict=True)
    )
