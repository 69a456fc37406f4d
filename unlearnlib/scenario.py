"""The state that a method is given: a trained model, the splits, and what was stored with it."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from .access import Method
from .cache import cached, kept
from .checks.outputs import finite, logits, settled
from .data import Dataset, Labelled, load, parsed_name, poisoned
from .errors import NonFiniteError
from .fields import Part, check, differing
from .models import Factory, build
from .request import Selection, Splits, resolve
from .stored.gauss_newton import gauss_newton_diagonal
from .stored.gradient_space import GradientSpace
from .stored.importance import Importance, Order, Statistic, fisher_diagonal, output_sensitivity
from .training import Recipe, seeded, train


def default_device() -> torch.device:
    """Return the GPU if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def rng(purpose: str, seed: int, device: torch.device | str = "cpu") -> torch.Generator:
    """Return a generator whose stream belongs to one purpose, so that no two purposes share one.

    The seeds of training, request and method may be equal numbers; their draws are independent.
    """
    mixed = hashlib.sha256(f"{purpose}:{seed}".encode()).digest()[:7]
    return torch.Generator(device).manual_seed(int.from_bytes(mixed))


@lru_cache(maxsize=2)
def _load(name: str, device: torch.device) -> Dataset:
    """Return a data set, kept on `device` between scenarios; `NAME+poisonN` has wrong labels."""
    clean, count = parsed_name(name)
    data = load(clean)
    return (poisoned(data, count) if count else data).to(device)


class Offers(SimpleNamespace):
    """Everything that a method may name; a stored statistic is made when it is named."""

    stored: Callable[[str], Importance | GradientSpace]
    fisher = property(lambda self: self.stored("fisher"))
    sensitivity = property(lambda self: self.stored("sensitivity"))
    gradient_space = property(lambda self: self.stored("gradient_space"))


@dataclass(frozen=True)
class Scenario:
    """A trained model and a request to forget some of what it was trained on.

    Nothing is computed before it is asked for. Trained models come from the cache if they are
    there; the data set is kept in memory for the next scenario.

    Attributes:
        dataset: A name that `unlearnlib.data.load` knows; with `+poison500`, 500 training examples
            of each class have a wrong label, see `unlearnlib.data.poisoned`.
        model: A name that `unlearnlib.models.build` knows.
        request: What to forget, see `unlearnlib.request`.
        recipe: How the original model was trained.
        seed_model: Initialisation and order of the original model's training.
        seed_request: Draw of a random request.
        validation: Share of the training set held out; the same for every seed.
        device: Where everything lives; the GPU if there is one.
    """

    dataset: str
    model: str
    request: str
    recipe: Recipe
    seed_model: int = 0
    seed_request: int = 0
    validation: Part = 0.0
    device: torch.device | None = None

    def __post_init__(self) -> None:
        """Check the fields and settle the device."""
        object.__setattr__(self, "device", torch.device(self.device or default_device()))
        check(self)

    @cached_property
    def data(self) -> Dataset:
        """The data set, on the device."""
        assert self.device is not None
        return _load(self.dataset, self.device)

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
        """The data set without the validation examples: what a request selects from."""
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
        return self._split(chosen, validation, alike)

    def _split(self, chosen: Selection, validation: Labelled, alike: Tensor) -> Splits:
        """Return copies of the parts."""
        test = self.data.test
        return Splits(
            forget=self.train[chosen.train],
            retain=self.train[~chosen.train],
            validation=validation,
            test=test,
            test_forget=test[chosen.test],
            test_retain=test[~chosen.test],
            validation_forget=validation[alike],
            validation_retain=validation[~alike],
            alike={"test": chosen.test.cpu(), "validation": alike.cpu()},
        )

    def fresh_model(self, generator: torch.Generator) -> nn.Module:
        """Return an untrained network of this scenario's architecture, on the device."""
        with seeded(generator):
            shape = tuple(self.data.train.x.shape[1:])
            return build(self.model, shape, len(self.data.classes)).to(self.device)

    @property
    def _identity(self) -> dict[str, Any]:
        """What the original model depends on; the request is not part of it."""
        return {
            "dataset": self.dataset,
            "model": self.model,
            "recipe": differing(self.recipe),
            "seed_model": self.seed_model,
            "validation": self.validation,
        }

    def _cached(self, extra: dict[str, Any], make: Any) -> tuple[nn.Module, dict[str, float]]:
        """Return a model of this scenario by way of the cache."""
        assert self.device is not None
        empty: Any = lambda: self.fresh_model(rng("empty", 0, self.device or "cpu"))  # noqa: E731
        return cached(self._identity | extra, empty, make, self.device)

    @cached_property
    def original(self) -> tuple[nn.Module, float]:
        """The model trained on the whole training set, and the seconds that took."""

        def make() -> tuple[nn.Module, dict[str, float]]:
            generator = rng("original", self.seed_model, self.device or "cpu")
            start = time.perf_counter()
            model = train(self.fresh_model(generator), self.train, self.recipe, generator)
            seconds = time.perf_counter() - start
            with torch.no_grad():
                if not finite(logits(settled(model), self.train.x[:128])):
                    raise NonFiniteError("The outputs are NaN or infinite.")
            return model, {"seconds": seconds}

        try:
            model, cost = self._cached({}, make)
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

    def oracle(self, seed: int, make: Any) -> tuple[nn.Module, dict[str, float]]:
        """Return the model that `make` retrains with `seed`, and its costs, from the cache."""
        request = {"request": self.request, "seed_request": self.seed_request, "oracle": seed}
        return self._cached(request, make)

    def ordered(self, order: Order) -> Labelled:
        """Return the training set, :math:`D`, in an order by name.

        `data`: as the data come, the same for every request. `release`: as the releases of SSD and
        LFSSD load it, first the retain set (sorted by class, the first of several, unless the
        request is random), then the forget set; batches of one class are then batches of D too.
        """
        if order == "data":
            return self.train
        retain, forget = self.splits.retain, self.splits.forget
        if not self.request.startswith("random"):
            y = retain.y.argmax(1) if retain.y.is_floating_point() else retain.y
            retain = retain[y.argsort(stable=True)]
        return Labelled(torch.cat([retain.x, forget.x]), torch.cat([retain.y, forget.y]))

    @cached_property
    def _statistics(self) -> dict[Statistic, Importance]:
        """What `importance` has returned so far."""
        return {}

    def importance(self, statistic: Statistic) -> Importance:
        """Return the importance of D to the original model: computed once, kept in the cache."""
        asked = statistic.plain
        if asked not in self._statistics:
            identity = self._identity | {"statistic": differing(asked)}
            if asked.order != "data":
                identity |= {"request": self.request, "seed_request": self.seed_request}
            model, _ = self.original

            def make() -> Importance:
                data = self.ordered(asked.order)
                if asked.kind == "fisher":
                    return fisher_diagonal(model, data, group=asked.group, order=asked.order)
                if asked.kind == "gauss_newton":
                    return gauss_newton_diagonal(model, data.inputs)
                options: Any = {k: v for k, v in asdict(asked).items() if k != "kind"}
                return output_sensitivity(model, data.inputs, **options)

            def read(path: Path) -> Importance:
                found = Importance.load(path, self.device or "cpu")
                found.check(model, asked)
                return found

            made = kept("statistics", identity, read, make, Importance.save)
            self._statistics[asked] = made
        return self._statistics[asked]

    def gradient_space(self, stride_one: bool = False) -> GradientSpace:
        """Return the gradient space of D, kept in the cache; it is too large to stay in memory."""
        model, _ = self.original
        identity = self._identity | {"statistic": "gradient_space", "stride_one": stride_one}

        def make() -> GradientSpace:
            return GradientSpace.of(model, self.train.inputs, stride_one=stride_one)

        def read(path: Path) -> GradientSpace:
            found = GradientSpace.load(path, self.device or "cpu")
            found.check(model, stride_one)
            return found

        return kept("statistics", identity, read, make, GradientSpace.save)

    def offers(self, seed_method: int, method: Method | None = None) -> Offers:
        """Return everything that a method may name, see `unlearnlib.access.ACCESS`.

        A method that names a stored statistic tells which one: an importance by its property
        `statistic`, a gradient space by its field `stride_one`.
        """
        factory: Factory = self.fresh_model

        def stored(name: str) -> Importance | GradientSpace:
            if name == "gradient_space":
                return self.gradient_space(getattr(method, "stride_one", False))
            statistic = getattr(method, "statistic", Statistic("fisher"))
            return self.importance(replace(statistic, kind=name))

        return Offers(
            stored=stored,
            forget=self.splits.forget,
            forget_inputs=self.splits.forget.inputs,
            retain=self.splits.retain,
            retain_inputs=self.splits.retain.inputs,
            validation=self.splits.validation,
            fresh_model=factory,
            recipe=self.recipe,
            generator=rng("method", seed_method, self.device or "cpu"),
        )
