"""The models that a method passes through, and what metrics say of each."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

import pandas as pd
from torch import Tensor, nn

from ..access import grant
from ..data import Labelled
from ..methods import PGU
from ..scenario import Scenario, rng
from .one_run import outputs

Value = TypeVar("Value")


def metric_on(metric: Callable[[Tensor, Tensor], Value], model: nn.Module, data: Labelled) -> Value:
    """Return `metric` of the outputs of `model` on `data`, (n, classes), and its labels, (n,)."""
    return metric(outputs(model, data.x), data.y)


def iterates(method: Any, scenario: Scenario, seed_method: int = 0) -> Iterator[nn.Module]:
    """Yield what `method.iterates` yields of a scenario, granted nothing but what it names."""
    granted = grant(method, scenario.offers(seed_method, method))
    yield from method.iterates(scenario.original[0], **granted)


def descent(method: PGU, scenario: Scenario, seed_method: int = 0) -> Iterator[nn.Module]:
    """Yield the models of PGU on one request, from the original on and past its stop rule.

    It is one object, which changes with every epoch.
    """
    (original, _), forget = scenario.original, scenario.splits.forget
    left = scenario.stored(method.stored).without(original, forget.inputs)
    generator = rng("method", seed_method, scenario.device)
    yield from method.iterates(original, forget, left, generator)


def followed(
    models: Iterable[nn.Module],
    parts: Mapping[str, Labelled],
    metrics: Mapping[str, Callable[[Tensor, Tensor], float]],
) -> pd.DataFrame:
    """Return what `metrics` say on `parts` of one model after the other.

    Args:
        models: Such as a method yields them, one object that changes or many.
        parts: What they are looked at on.
        metrics: Functions of outputs and labels.

    Returns:
        One row a model, from `step` 0; columns (metric, part).
    """
    rows = []
    for model in models:
        z = {part: outputs(model, data.x) for part, data in parts.items()}
        rows.append([of(z[p], parts[p].y) for of in metrics.values() for p in parts])
    columns = pd.MultiIndex.from_product([metrics, parts], names=["metric", "part"])
    return pd.DataFrame(rows, columns=columns).rename_axis("step")
