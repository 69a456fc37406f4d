"""A class of the toy to forget, and what a method leaves of it."""

from types import SimpleNamespace

import torch
from torch import nn

from unlearnlib import Dataset, Method, Recipe, training
from unlearnlib.access import grant
from unlearnlib.methods.parts.stopping import accuracy
from unlearnlib.models import build

from .toys import learned, seeded


def fresh_model(generator: torch.Generator) -> nn.Module:
    """An untrained network of the kind that is unlearned."""
    with training.seeded(generator):
        return build("mlp", (1, 8, 8), 3)


def left(method: Method, toy: Dataset, seed: int) -> tuple[float, float]:
    """What a model that was to forget class 1 has left of it: the mean probability of the label.

    And the accuracy on the other classes. Before, both are 1; chance is 1/3.
    """
    model = learned(toy.train, Recipe(10, 0.05, batch_size=16), seed)
    forget, retain = toy.train[toy.train.y == 1], toy.train[toy.train.y != 1]
    assert accuracy(model, toy.train) > 0.99
    offers = SimpleNamespace(
        forget=forget, forget_inputs=forget.inputs, forget_classes=(1,),
        retain=retain, retain_inputs=retain.inputs,
        fresh_model=fresh_model, generator=seeded(seed),
    )  # fmt: skip
    unlearned = method(model, **grant(method, offers))
    with torch.no_grad():
        p_y = unlearned(forget.x).softmax(1)[:, 1]
    return float(p_y.mean()), accuracy(unlearned, retain)
