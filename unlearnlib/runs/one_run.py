"""Run a method on a scenario: the clock and the measurements."""

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, fields

import pandas as pd
import torch
from torch import Tensor, nn

from .. import metrics
from ..access import Method, access, grant, to_store
from ..checks import outputs as checks
from ..checks.intact import intact
from ..checks.kinds import check_method, check_network
from ..cost import Cost, count_forwards, stopwatch
from ..data import Labelled
from ..errors import DivergedError, NonFiniteError
from ..methods import Original, Retrain
from ..offers import Offering
from ..request import Splits
from ..stored.protocols import Stored
from .tidy import params_in_full, unfolded

SPLITS = tuple(f.name for f in fields(Splits) if f.name != "alike")
Row = tuple[str, str, float]
UNKNOWN = "not known"
"""What a model of one's own has seen."""
DIVERGED: Row = ("diverged", "", 1.0)
"""The one row of a run whose model is not finite."""


@dataclass(frozen=True)
class Outcome:
    r"""An unlearned model and what it cost.

    Attributes:
        model: The unlearned model, in eval mode.
        cost: `seconds_unlearn`, and on a CPU `seconds_cpu`, see `cost.Cost`; `passes`, the examples
            that went forward divided by those of the training set; `peak_memory_mib` where it can
            be measured; `change_norm`, the length :math:`\lVert \Delta\theta \rVert_2` of the
            step; `seconds_stored` and, on a CPU, `seconds_cpu_stored`, what the stored statistic
            cost when it was made, if the method names one.
    """

    model: nn.Module
    cost: dict[str, float]


def unlearn(method: Method, scenario: Offering, seed_method: int = 0) -> Outcome:
    """Apply `method` with nothing but what it names; only the method is on the clock.

    A retrained model is kept in the cache, with its costs; every other method runs.

    Raises:
        AccessError: It is the class of a method.
    """
    check_method(method)
    if isinstance(method, Retrain):
        make = _clocked(method, scenario, seed_method)
        return Outcome(*scenario.oracle(seed_method, make, method.again))
    return Outcome(*_clocked(method, scenario, seed_method)())


def _clocked(
    method: Method, scenario: Offering, seed_method: int
) -> Callable[[], tuple[nn.Module, dict[str, float]]]:
    """Return the run of a method, ready to go."""

    def go() -> tuple[nn.Module, dict[str, float]]:
        x = scenario.splits.forget.x[:128]  # a request that is none is refused before a training
        original, _ = scenario.original
        model = deepcopy(original)
        granted = grant(method, scenario.offers(seed_method, method))
        stored = [granted[name] for name in to_store(method)]
        warm_up(model, x)
        with count_forwards(type(model)) as forwards, stopwatch(x.device) as cost:
            unlearned = method(model, **granted)
        checks.settled(unlearned)
        spent = _cost(cost, forwards[0] / len(scenario.train), original, unlearned)
        return unlearned, spent | _cost_of_stored(stored)

    return go


def warm_up(model: nn.Module, x: Tensor) -> None:
    """Send a batch forward and backward through `model`, which stays as it is.

    What a device does at its first call (choice of kernels, buffers) is not a method's cost.

    Raises:
        UnsupportedModelError: The outputs are not logits.
    """
    parameters = [q for q in model.parameters() if q.requires_grad]
    with intact(model):
        z = checks.logits(model, x.clone())
        if z.requires_grad:
            torch.autograd.grad(z.sum(), parameters, allow_unused=True)


def _cost(cost: Cost, passes: float, before: nn.Module, after: nn.Module) -> dict[str, float]:
    """Return the costs of a run as they are recorded."""
    steps = [
        (q.detach().double() - p.detach().double()).norm()
        for p, q in zip(before.parameters(), after.parameters(), strict=True)
    ]
    change = float(torch.stack(steps).norm())
    spent = {"seconds_unlearn": cost.seconds, "passes": passes, "change_norm": change}
    if cost.cpu_seconds is not None:
        spent["seconds_cpu"] = cost.cpu_seconds
    if cost.peak_memory_mib is not None:
        spent["peak_memory_mib"] = cost.peak_memory_mib
    return spent


def _cost_of_stored(stored: Sequence[Stored]) -> dict[str, float]:
    """Return what was paid for what is stored, as it is recorded; nothing if nothing is."""
    if not stored:
        return {}
    spent = {"seconds_stored": sum(one.seconds for one in stored)}
    known = [one.cpu_seconds for one in stored if one.cpu_seconds is not None]
    return spent | ({"seconds_cpu_stored": sum(known)} if len(known) == len(stored) else {})


@torch.no_grad()
def outputs(model: nn.Module, x: Tensor, batch_size: int = 250) -> Tensor:
    """Return the logits of `model` on `x`, (n, classes), in eval mode."""
    check_network(model)
    model.eval()
    return torch.cat([checks.logits(model, batch) for batch in x.split(batch_size)])


def measure(model: nn.Module, splits: Splits, names: Iterable[str] = SPLITS) -> list[Row]:
    """Return (metric, split, value) of `model` on the named splits; empty splits give no row.

    The attacks compare the forget set with test examples of its kind, or with all of them for a
    random request; where the names leave that part out, there is no attack.

    Raises:
        NonFiniteError: Some of the outputs are, of which no metric means anything.
    """
    parts: dict[str, Labelled] = {name: getattr(splits, name) for name in names}
    known: dict[str, Tensor] = {}

    def of(name: str) -> Tensor:
        """Return the outputs on a split; those of a part of another are taken from that."""
        whole, _, kind = name.partition("_")
        if kind and whole in splits.alike:
            mask = splits.alike[whole] == (kind == "forget")
            z = of(whole)
            return z[mask.to(z.device)]
        if name not in known:
            known[name] = outputs(model, getattr(splits, name).x)
            if not checks.finite(known[name]):
                raise NonFiniteError(f"outputs on the split '{name}' are NaN or infinite.")
        return known[name]

    logits = {name: of(name) for name, part in parts.items() if len(part)}
    rows: list[Row] = []
    for name, z in logits.items():
        y = parts[name].y
        rows.append(("accuracy", name, metrics.accuracy(z, y)))
        rows.append(("accuracy_batch_mean", name, metrics.accuracy_batch_mean(z, y)))
        rows.append(("entropy", name, metrics.entropy(z).mean().item()))
        rows.append(("loss", name, metrics.loss(z, y)))
    if {"forget", "retain", "test"} <= logits.keys():
        attack = metrics.mia_entropy(logits["forget"], logits["retain"], logits["test"])
        rows.append(("mia_entropy", "forget", attack))
    asked = {"test", "test_forget"} & parts.keys()
    unseen = "test_forget" if asked and len(splits.test_forget) else "test"
    if {"forget", unseen} <= logits.keys():
        z_f, z_u, y_f, y_u = logits["forget"], logits[unseen], parts["forget"].y, parts[unseen].y
        by_loss = metrics.attack_accuracy(
            metrics.example_loss(z_f, y_f), metrics.example_loss(z_u, y_u)
        )
        by_entropy = metrics.attack_accuracy(metrics.entropy(z_f), metrics.entropy(z_u))
        rows += [("attack_loss", "forget", by_loss), ("attack_entropy", "forget", by_entropy)]
    return rows


def measured(
    method: Method, scenario: Offering, seed_method: int, splits: Iterable[str] = SPLITS
) -> list[Row]:
    """Unlearn and measure; warn if the method changed nothing.

    Raises:
        DivergedError: The unlearned model, or what it says, is not finite; argmax of NaN is class
            0, so that it would count as one that forgot.
    """
    try:
        outcome = unlearn(method, scenario, seed_method)
        rows = measure(outcome.model, scenario.splits, splits)
    except NonFiniteError as error:
        if not scenario.trained:  # its training diverged
            raise
        name = type(method).__name__
        raise DivergedError(f"{name} on {scenario.request}: {error}") from None
    if outcome.cost["change_norm"] == 0 and not isinstance(method, Original):
        warnings.warn(f"{method} changed no parameter on {scenario.request}.", stacklevel=2)
    return rows + [(name, "", value) for name, value in outcome.cost.items()]


def run(method: Method, scenario: Offering, seed_method: int = 0) -> pd.DataFrame:
    """Unlearn with `method` on `scenario` and return its measurements, one a row.

    Nothing is recorded; `run_grid` does that. `report.summary` reads the table.

    Raises:
        AccessError: It is the class of a method.
    """
    check_method(method)
    identity = {
        **scenario.identity_of_runs,
        "method": type(method).__name__, "params": params_in_full(method),
        "access": ", ".join(access(method)), "seed_method": seed_method,
    }  # fmt: skip
    return _tidy(identity, measured(method, scenario, seed_method))


def evaluate(models: Mapping[str, nn.Module], splits: Splits) -> pd.DataFrame:
    """Return what all metrics say of models of one's own, one measurement a row.

    >>> from unlearnlib.report import show_summary, summary
    >>> x, y = 5 * torch.eye(3), torch.arange(3)
    >>> splits = Splits.of(forget=(x[2:], y[2:]), retain=(x[:2], y[:2]), test=(2 * x, y))
    >>> table = evaluate({"Original": nn.Identity()}, splits)
    >>> show_summary(summary(table, [("accuracy", "forget"), ("accuracy", "test_retain")]))
    Method    Accuracy, forget set (%)  Accuracy, test, retained (%)  n
    -- Reference
    Original                     100.0                         100.0  1

    Args:
        models: By their names in the table; they stay as they are. "Original" and "Retrain" are the
            names of the references that others are compared with.
        splits: What they are measured on, see `Splits.of`.

    Raises:
        NonFiniteError: Outputs of a model are NaN or infinite.
        UnsupportedModelError: A model returns no logits.
    """
    tables = []
    for name, model in models.items():
        identity = {
            "dataset": "own", "model": "own", "request": "own", "method": name,
            "params": "{}", "access": UNKNOWN, "seed_model": 0, "seed_request": 0, "seed_method": 0,
        }  # fmt: skip
        try:
            with intact(model):
                rows = measure(model, splits)
        except NonFiniteError as error:
            raise NonFiniteError(f"{name}: {error}") from None
        tables.append(_tidy(identity, rows))
    return pd.concat(tables, ignore_index=True)


def _tidy(identity: Mapping[str, object], rows: Sequence[Row]) -> pd.DataFrame:
    """Return the rows of a run as a tidy table, with what the run is known by."""
    frame = pd.DataFrame(rows, columns=["metric", "split", "value"])
    known = {"run_id": " ".join(map(str, identity.values())), "scale": "own", **identity}
    return unfolded(
        pd.concat([pd.DataFrame([known] * len(frame)), frame.assign(stale=False)], axis=1)
    )
