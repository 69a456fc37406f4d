"""How well a method forgets a class of the toy, and what it keeps."""

from collections.abc import Iterator
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from unlearnlib import Dataset, Labelled, Method, Recipe, training
from unlearnlib.access import grant
from unlearnlib.methods.parts.stopping import accuracy
from unlearnlib.models import build

from .toys import seeded

RECIPE = Recipe(8, 0.05, batch_size=20)


def fresh_model(generator: torch.Generator) -> nn.Module:
    with training.seeded(generator):
        return build("strided_cnn", (1, 8, 8), 3)


@lru_cache(maxsize=8)
def original(seed: int, *data: torch.Tensor) -> nn.Module:
    source = seeded(seed)
    return training.train(fresh_model(source), Labelled(*data), RECIPE, source)


def forgotten_and_kept(method: Method, toy: Dataset, **others: Any) -> Iterator[tuple[float, ...]]:
    """Yield, for five seeds, accuracy and loss on class 1, which is forgotten, and on the rest."""
    data = toy.train
    forget, retain, test = data[data.y == 1], data[data.y != 1], toy.test
    for seed in range(5):
        model = original(seed, data.x, data.y)
        given = SimpleNamespace(
            forget=forget, forget_inputs=forget.inputs, retain=retain,
            retain_inputs=retain.inputs, validation=test, fresh_model=fresh_model,
            recipe=RECIPE, generator=seeded(seed), **others,
        )  # fmt: skip
        after = method(model, **grant(method, given))
        loss = float(cross_entropy(after(forget.x).detach(), forget.y))
        yield accuracy(after, forget), loss, accuracy(after, retain)
