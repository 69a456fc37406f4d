"""A trained model and data of one's own, in the place of those that have a name."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from types import SimpleNamespace
from typing import Any

import torch
from torch import nn

from .access import Method, access, copy_of
from .checks.kinds import check_factory, check_network
from .checks.outputs import settled
from .data import Labelled
from .data.dataset import classes_of
from .errors import AccessError, RequestError, SpecError
from .offers import offers, ordered, together
from .request import Splits
from .stored.protocols import S, Storable
from .training import Recipe, check_recipe, seeded

MAKE = (
    "Make it as OwnScenario(model, splits, factory, recipe): the factory returns an untrained "
    "network, the Recipe says how the model was trained."
)


@dataclass(frozen=True, eq=False)
class OwnScenario:
    """A trained model and data of one's own: methods `run` on it as on a `Scenario`.

    Nothing of it goes through the cache. What is stored with the model is made when a method first
    wants it and kept with the scenario; a retrained model is trained for every run.

    Attributes:
        model: The trained classifier, on the device of the data; it stays as it is.
        splits: What is to be forgotten, the rest of what it was trained on, and what it never saw;
            see `Splits.of`.
        factory: Makes an untrained network like it, on any device, such as its class; what
            retraining needs.
        recipe: How it was trained; what retraining needs too.
        seed: Which of several models it is, if there are several, for the column `seed_model`.
    """

    model: nn.Module
    splits: Splits
    factory: Callable[[], nn.Module] | None = None
    recipe: Recipe | None = None
    seed: int = 0
    _made: dict[Any, Any] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        """Refuse what is of another kind.

        Raises:
            DataError: The factory makes no network by itself.
            SpecError: The splits are no `Splits`, the recipe is no `Recipe`.
            UnsupportedModelError: The model is none.
        """
        check_network(self.model)
        if not isinstance(self.splits, Splits):
            raise SpecError(
                f"OwnScenario.splits must be Splits, not a {type(self.splits).__name__}. Make them "
                "with Splits.of(forget=..., retain=..., test=...)."
            )
        if self.factory is not None:
            check_factory("factory", self.factory, given=0)
        if self.recipe is not None:
            check_recipe(self.recipe)

    @cached_property
    def original(self) -> tuple[nn.Module, float]:
        """A copy of the model in eval mode, and 0, since the seconds of its training are unknown.

        Raises:
            NonFiniteError: A parameter is NaN or infinite.
            UnsupportedModelError: It is no module, or cannot be copied.
        """
        return settled(copy_of(self.model)), 0.0

    @property
    def trained(self) -> bool:
        """Whether the original model is at hand; it always is."""
        return True

    @cached_property
    def train(self) -> Labelled:
        """The training set, :math:`D`: what is to be retained, then what is to be forgotten."""
        return together(self.splits.retain, self.splits.forget)

    @property
    def device(self) -> torch.device:
        """Where the data are."""
        return self.splits.forget.x.device

    @property
    def forget_classes(self) -> tuple[int, ...]:
        """The numbers of the classes to forget.

        Raises:
            RequestError: An example may have several labels, or one of the classes has an example
                in the rest too.
        """
        if self.splits.forget.y.is_floating_point():
            raise RequestError(
                "An example may have several labels here, and a method that is told only which "
                "classes to forget can be told them only where each has one: use another method."
            )
        gone, rest = (classes_of(one.y) for one in (self.splits.forget, self.splits.retain))
        if shared := sorted(gone & rest):
            raise RequestError(
                f"The rest has examples of class {shared[0]} too, and a method that is told only "
                "which classes to forget can forget whole ones alone: use another method."
            )
        return tuple(sorted(gone))

    @property
    def request(self) -> str:
        """`class` if no class that is to be forgotten has an example in the rest, else `random`."""
        shared = classes_of(self.splits.forget.y) & classes_of(self.splits.retain.y)
        return "random" if shared else "class"

    @property
    def identity_of_runs(self) -> dict[str, Any]:
        """The columns of a table that tell this scenario from others."""
        return {
            "dataset": "own", "model": type(self.model).__name__, "request": self.request,
            "seed_model": self.seed, "seed_request": 0,
        }  # fmt: skip

    def fresh_model(self, generator: torch.Generator) -> nn.Module:
        """Return what the factory makes, drawn from `generator`, as the model is.

        It has the dtype of the model and lies where it does.

        Raises:
            AccessError: There is no factory, or it returns the trained model.
            UnsupportedModelError: It returns no network.
        """
        if self.factory is None:
            raise AccessError(f"There is no factory of untrained networks. {MAKE}")
        with seeded(generator):
            made = self.factory()
        check_network(made)
        if {*map(id, made.parameters())} & {*map(id, self.model.parameters())}:
            raise AccessError(
                "The factory returns the trained model itself, and retraining would train that "
                "further. Let it make a new network each time, such as its class."
            )
        real = (p.dtype for p in self.model.parameters() if p.is_floating_point())
        return made.to(self.device, next(real, None))

    def oracle(self, seed: int, make: Any, again: int = 0) -> tuple[nn.Module, dict[str, float]]:
        """Return the model that `make` retrains, and its costs."""
        made: tuple[nn.Module, dict[str, float]] = make()
        return made

    def stored(self, which: Storable[S]) -> S:
        """Return what is stored of the training set with the model: made once."""
        if which not in self._made:
            self._made[which] = which.of(self.original[0], ordered(self, which.order))
        stored: S = self._made[which]
        return stored

    def offers(self, seed_method: int, method: Method) -> SimpleNamespace:
        """Return everything that `method` may name, see `unlearnlib.access.ACCESS`.

        Raises:
            AccessError: It trains anew, and the factory or the recipe was not given.
        """
        given = {"fresh_model": self.factory, "recipe": self.recipe}
        lacking = [name for name in access(method) if name in given and given[name] is None]
        if lacking:
            raise AccessError(
                f"{type(method).__name__} names {' and '.join(lacking)}, which this scenario does "
                f"not have. {MAKE}"
            )
        return offers(self, seed_method, method)
