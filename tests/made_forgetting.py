"""How well a method forgets a class of the toy, and what it keeps."""

from collections.abc import Iterator
from functools import lru_cache
from types import SimpleNamespace

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


def unlearned(method: Method, toy: Dataset, seed: int) -> tuple[nn.Module, Labelled, Labelled]:
    """A model that was to forget class 1, the examples of it, and the rest."""
    data = toy.train
    forget, retain = data[data.y == 1], data[data.y != 1]
    given = SimpleNamespace(
        forget=forget, forget_inputs=forget.inputs, forget_classes=(1,), retain=retain,
        retain_inputs=retain.inputs, validation=toy.test, fresh_model=fresh_model,
        recipe=RECIPE, generator=seeded(seed),
    )  # fmt: skip
    model = original(seed, data.x, data.y)
    assert accuracy(model, data) > 0.99
    return method(model, **grant(method, given)), forget, retain


def forgotten_and_kept(method: Method, toy: Dataset) -> Iterator[tuple[float, ...]]:
    """Yield, for five seeds, accuracy and loss on class 1, which is forgotten, and on the rest."""
    for seed in range(5):
        after, forget, retain = unlearned(method, toy, seed)
        loss = float(cross_entropy(after(forget.x).detach(), forget.y))
        yield accuracy(after, forget), loss, accuracy(after, retain)


def left(method: Method, toy: Dataset, seed: int) -> tuple[float, float]:
    """What is left of class 1, the mean probability of its label, and the accuracy on the rest.

    Before, both are about 1; chance is 1/3.
    """
    after, forget, retain = unlearned(method, toy, seed)
    p_y = after(forget.x).detach().softmax(1)[:, 1]
    return float(p_y.mean()), accuracy(after, retain)
