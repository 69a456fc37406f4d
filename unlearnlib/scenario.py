"""The state that a method is given: a trained model, the splits, and what was stored with it."""

import time
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from .access import Method
from .cache import cached, kept, place_of
from .checkpoint import resumable
from .checks.outputs import finite, logits, settled
from .data import Dataset, Labelled, load
from .errors import NonFiniteError, SpecError
from .fields import Part, check, differing
from .models import build
from .offers import offers, ordered
from .offers import rng as rng
from .request import Splits, numbers_of_classes, resolve
from .stored.protocols import S, Storable
from .training import Recipe, seeded, train


def default_device() -> torch.device:
    """Return the GPU if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@dataclass(frozen=True)
class Scenario:
    """A trained model and a request to forget some of what it was trained on.

    Nothing is computed before it is asked for. Trained models, and what is stored with them, come
    from the cache if they are there. Of several scenarios, make the first and the others by `but`,
    so that they share what they can.

    Attributes:
        dataset: A name that `unlearnlib.data.load` knows.
        model: A name that `unlearnlib.models.build` knows.
        request: What to forget, see `unlearnlib.request`.
        recipe: How the original model was trained.
        seed_model: Initialisation and order of the original model's training.
        seed_request: Draw of a random request.
        validation: Share of the training set held out; the same for every seed.
        device: Where everything lives; the GPU if there is one.
        loaded: The data set if it is in memory already, else it is loaded by its name.
    """

    dataset: str
    model: str
    request: str
    recipe: Recipe
    seed_model: int = 0
    seed_request: int = 0
    validation: Part = 0.0
    device: torch.device = field(default_factory=default_device)
    loaded: Dataset | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Check the fields.

        Raises:
            SpecError: A field holds what it may not, or the data set in memory is another.
        """
        object.__setattr__(self, "device", torch.device(self.device))
        check(self)
        if self.loaded is not None and self.loaded.name != self.dataset:
            raise SpecError(
                f"Scenario.loaded is {self.loaded.name!r}, not {self.dataset!r}. Change the data "
                "set of a scenario by `but`, which loads it."
            )

    def but(self, **changes: Any) -> "Scenario":
        """Return a scenario with other fields that shares the data set, if that is the same.

        It shares the original model too, if that is at hand and nothing that decides it changes.

        >>> from unlearnlib import Recipe
        >>> first = Scenario("fashion_small", "mlp", "class:Bag", Recipe(epochs=1))
        >>> first.but(request="random:100").data is first.data
        True
        """
        moved = {"dataset", "device"} & changes.keys()
        other = replace(self, **{"loaded": None if moved else self.data, **changes})
        alike = self.identity() == other.identity() and self.device == other.device
        if self.trained and alike:
            vars(other)["original"] = self.original
        return other

    @cached_property
    def data(self) -> Dataset:
        """The data set, on the device."""
        return (load(self.dataset) if self.loaded is None else self.loaded).to(self.device)

    @cached_property
    def held_out(self) -> Tensor:
        """Which training examples are held out for validation, (n,), bool."""
        n = len(self.data.train)
        held_out = torch.zeros(n, dtype=torch.bool)
        count = round(self.validation * n)
        held_out[torch.randperm(n, generator=rng("validation", 0))[:count]] = True
        return held_out

    @cached_property
    def train(self) -> Labelled:
        """The training set without the validation examples, :math:`D`."""
        return self.data.train[~self.held_out]

    @cached_property
    def remaining(self) -> Dataset:
        """The data set without the validation examples, which a request selects from."""
        fine = self.data.train_subclass
        fine = None if fine is None else fine[~self.held_out]
        return replace(self.data, train=self.train, train_subclass=fine)

    @cached_property
    def splits(self) -> Splits:
        """The data, split by the request."""
        fine, part = self.data.train_subclass, self.remaining
        chosen = resolve(self.request, part, rng("request", self.seed_request))
        validation = self.data.train[self.held_out]
        alike = torch.zeros(len(validation), dtype=torch.bool)
        if len(validation) and chosen.test.any():
            held = replace(
                part, test=validation, test_subclass=None if fine is None else fine[self.held_out]
            )
            alike = resolve(self.request, held, rng("request", self.seed_request)).test
        return Splits.by_kind(
            {"test": chosen.test.cpu(), "validation": alike.cpu()},
            forget=self.train[chosen.train],
            retain=self.train[~chosen.train],
            test=self.data.test,
            validation=validation,
        )

    def fresh_model(self, generator: torch.Generator) -> nn.Module:
        """Return an untrained network of this scenario's architecture, on the device."""
        with seeded(generator):
            return build(self.model, self.input_shape, len(self.data.classes)).to(self.device)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one input."""
        return tuple(self.data.train.x.shape[1:])

    @property
    def forget_classes(self) -> tuple[int, ...]:
        """The numbers of the classes that the request forgets as a whole.

        Raises:
            RequestError: It forgets no whole class.
        """
        return numbers_of_classes(self.request, self.data)

    @property
    def identity_of_runs(self) -> dict[str, Any]:
        """The columns of a table that tell this scenario from others."""
        return {
            "dataset": self.dataset, "model": self.model, "request": self.request,
            "seed_model": self.seed_model, "seed_request": self.seed_request,
        }  # fmt: skip

    def identity(self, oracle: int | None = None, again: int = 0) -> dict[str, Any]:
        """Return what the original model depends on, without the request; or a retrained model.

        Args:
            oracle: Seed of the retrained model; None for the original.
            again: Which of several models of this seed, see `Retrain`.
        """
        original = {
            "dataset": self.dataset, "model": self.model, "recipe": differing(self.recipe),
            "seed_model": self.seed_model, "validation": self.validation,
        }  # fmt: skip
        if oracle is None:
            return original
        request = {"request": self.request, "seed_request": self.seed_request, "oracle": oracle}
        return original | request | ({"again": again} if again else {})

    def _cached(self, identity: dict[str, Any], make: Any) -> tuple[nn.Module, dict[str, float]]:
        """Return a model of this scenario by way of the cache."""
        path, line = place_of("checkpoints", identity)

        def empty() -> nn.Module:
            return self.fresh_model(rng("empty", 0, self.device))

        def trained() -> tuple[nn.Module, dict[str, float]]:
            try:
                with resumable(path, line) as before:
                    model, cost = make()
            except NonFiniteError:
                path.unlink(missing_ok=True)  # it would go on to the same end
                raise
            spent = {
                "seconds": before.seconds, "seconds_unlearn": before.seconds,
                "seconds_cpu": before.cpu_seconds, "passes": before.examples / len(self.train),
            }  # fmt: skip
            return model, {name: value + spent.get(name, 0.0) for name, value in cost.items()}

        made = cached(identity, empty, trained, self.device)
        path.unlink(missing_ok=True)
        return made

    @cached_property
    def original(self) -> tuple[nn.Module, float]:
        """The model trained on the whole training set, and the seconds that took."""

        def make() -> tuple[nn.Module, dict[str, float]]:
            generator = rng("original", self.seed_model, self.device)
            start = time.perf_counter()
            model = train(self.fresh_model(generator), self.train, self.recipe, generator)
            seconds = time.perf_counter() - start
            with torch.no_grad():
                if not finite(logits(settled(model), self.train.x[:128])):
                    raise NonFiniteError("The outputs are NaN or infinite.")
            return model, {"seconds": seconds}

        try:
            model, cost = self._cached(self.identity(), make)
            return settled(model), cost["seconds"]
        except NonFiniteError:
            raise NonFiniteError(
                f"The training of {self.model} on {self.dataset} with seed {self.seed_model} "
                "diverged: parameters or outputs are NaN or infinite, so nothing was kept of it. "
                f"Lower training.lr, which is {self.recipe.lr:g}."
            ) from None

    @property
    def trained(self) -> bool:
        """Whether the original model is at hand."""
        return "original" in vars(self)

    def oracle(self, seed: int, make: Any, again: int = 0) -> tuple[nn.Module, dict[str, float]]:
        """Return the model that `make` retrains, and its costs, from the cache; see `identity`."""
        return self._cached(self.identity(seed, again), make)

    def stored(self, which: Storable[S]) -> S:
        """Return what is stored of :math:`D` with the original model: made once, then on the disk.

        Args:
            which: A `Statistic` for an `Importance`, `Moments` for a `GradientSpace`.
        """
        model, _ = self.original
        identity = self.identity() | which.identity
        if which.order != "data":  # the order is that of the request
            identity |= {"request": self.request, "seed_request": self.seed_request}

        def make() -> S:
            return which.of(model, ordered(self, which.order))

        def read(path: Path) -> S:
            stored = which.load(path, self.device)
            stored.check(model, which)
            return stored

        def write(stored: S, path: Path) -> None:
            stored.save(path)

        return kept("statistics", identity, read, make, write)

    def offers(self, seed_method: int, method: Method) -> SimpleNamespace:
        """Return everything that `method` may name, see `unlearnlib.access.ACCESS`."""
        return offers(self, seed_method, method)
