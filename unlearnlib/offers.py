"""What a scenario offers to methods, whether its data and network have names or are one's own."""

import hashlib
from types import SimpleNamespace
from typing import Any, Protocol

import torch
from torch import nn

from .access import Method, access, to_store
from .data import Labelled
from .request import Splits
from .stored.importance import Order
from .stored.protocols import S, Storable
from .training import Recipe


def rng(purpose: str, seed: int, device: torch.device | str = "cpu") -> torch.Generator:
    """Return a generator whose stream belongs to one purpose, so that no two purposes share one.

    The seeds of training, request and method may be equal numbers; their draws are independent.
    """
    mixed = hashlib.sha256(f"{purpose}:{seed}".encode()).digest()[:7]
    return torch.Generator(device).manual_seed(int.from_bytes(mixed))


class Offering(Protocol):
    """A trained model, split data and what is stored with the model: `Scenario`, `OwnScenario`."""

    @property
    def splits(self) -> Splits:
        """The data."""

    @property
    def train(self) -> Labelled:
        """The training set, :math:`D`."""

    @property
    def original(self) -> tuple[nn.Module, float]:
        """The model trained on it, and the seconds that took."""

    @property
    def trained(self) -> bool:
        """Whether that is at hand."""

    @property
    def request(self) -> str:
        """What is to be forgotten."""

    @property
    def forget_classes(self) -> tuple[int, ...]:
        """The classes that are to be forgotten as a whole; an error if it is no such request."""

    @property
    def recipe(self) -> Recipe | None:
        """How the model was trained, if that is known."""

    @property
    def device(self) -> torch.device:
        """Where everything lives."""

    @property
    def identity_of_runs(self) -> dict[str, Any]:
        """The columns of a table that tell this scenario from others."""

    def fresh_model(self, generator: torch.Generator, /) -> nn.Module:
        """Return an untrained network of the same architecture."""

    def oracle(self, seed: int, make: Any, again: int = 0, /) -> tuple[nn.Module, dict[str, float]]:
        """Return the model that `make` retrains, and its costs."""

    def stored(self, which: Storable[S], /) -> S:
        """Return what is stored of the training set with the original model."""

    def offers(self, seed_method: int, method: Method, /) -> SimpleNamespace:
        """Return everything that `method` may name, see :func:`offers`."""


def offers(scenario: Offering, seed_method: int, method: Method) -> SimpleNamespace:
    """Return everything that `method` may name, see `unlearnlib.access.ACCESS`.

    Of what is stored with the model there is what it does name, as its `stored` wants it; so of
    the classes to forget.
    """
    asked: dict[str, Any] = {k: scenario.stored(which) for k, which in to_store(method).items()}
    if "forget_classes" in access(method):
        asked["forget_classes"] = scenario.forget_classes
    return SimpleNamespace(
        forget=scenario.splits.forget,
        forget_inputs=scenario.splits.forget.inputs,
        retain=scenario.splits.retain,
        retain_inputs=scenario.splits.retain.inputs,
        validation=scenario.splits.validation,
        fresh_model=scenario.fresh_model,
        recipe=scenario.recipe,
        input_shape=tuple(scenario.splits.forget.x.shape[1:]),
        generator=rng("method", seed_method, scenario.device),
        **asked,
    )


def ordered(scenario: Offering, order: Order) -> Labelled:
    """Return the training set, :math:`D`, in an order by name.

    `data`: as the data come, the same for every request. `release`: as the releases of SSD and
    LFSSD load it, first the retain set (sorted by class, the first of several, unless the request
    is random), then the forget set; batches of one class are then batches of D too.
    """
    if order == "data":
        return scenario.train
    retain, forget = scenario.splits.retain, scenario.splits.forget
    if not scenario.request.startswith("random"):
        y = retain.y.argmax(1) if retain.y.is_floating_point() else retain.y
        retain = retain[y.argsort(stable=True)]
    return together(retain, forget)


def together(*parts: Labelled) -> Labelled:
    """Return the examples of all parts, one after the other."""
    return Labelled(torch.cat([part.x for part in parts]), torch.cat([part.y for part in parts]))
