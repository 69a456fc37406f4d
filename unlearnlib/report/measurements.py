"""The measurements of records by trained model, over the seeds of the method averaged."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from operator import itemgetter
from statistics import fmean
from typing import Any, NamedTuple

import pandas as pd

from ..runs.records import hyper_parameters
from .rows import once, row_dicts
from .summary import Quantity

FRESH = 10
"""Settings are searched with the seeds below; verdicts come from the seeds from here on."""
SEARCHED = f"seeds below {FRESH} served the search"
DIVERGED = "diverged"


class Trained(NamedTuple):
    """One trained model, with the request on it."""

    dataset: str
    model: str
    request: str
    seed_model: int
    seed_request: int

    @property
    def place(self) -> dict[str, str]:
        """Its data set, network and request, by the names of columns."""
        return {"dataset": self.dataset, "model": self.model, "request": self.request}


class Number(NamedTuple):
    """A measurement on a trained model, the mean over the seeds of the method.

    Attributes:
        value: NaN if one of these has no number.
        params: The hyper-parameters, as JSON.
        dials: The same by name.
        access: What the method saw.
        stale: One of the runs is of a method that does something else now.
        date: When the first of the runs was made; "" if that is not known.
    """

    value: float
    params: str
    dials: Mapping[str, Any]
    access: str
    stale: bool
    date: str

    def has(self, params: Mapping[str, Any]) -> bool:
        """Tell whether these are among its hyper-parameters; lists of YAML are tuples in them."""
        wanted = {k: tuple(v) if isinstance(v, list) else v for k, v in params.items()}
        return all(name in self.dials and self.dials[name] == wanted[name] for name in wanted)


Measured = Mapping[tuple[str, str, str, str], Mapping[Trained, Sequence[Number]]]
"""Numbers by part, method, metric and split, and in each by the trained model."""


def measured(table: pd.DataFrame, wanted: Collection[Quantity]) -> Measured:
    """Return what is in records of one scale of some quantities, whatever its hyper-parameters.

    Where a request has runs with fresh seeds, those with the seeds of searches are left out. Of
    runs that nothing tells apart here, since their models were trained otherwise, the last stands.
    """
    names = {(q.method, q.metric, q.split) for q in wanted}
    names |= {(q.method, DIVERGED, "") for q in wanted}
    methods, metrics, splits = map(set, zip(*names, strict=True))
    few = table[table["method"].isin(methods) & table["metric"].isin(metrics)]
    rows = once(few[few["split"].isin(splits)])
    dials = _dials_of(rows)
    rows = rows.assign(date=dates(rows) if "date" in rows else "")
    columns = [rows[name].to_list() for name in _COLUMNS]
    newest: dict[tuple[str, ...], int] = {}
    for *request, seed in zip(*(rows[name].to_list() for name in _PLACE), strict=True):
        newest[tuple(request)] = max(newest.get(tuple(request), 0), seed)
    runs: dict[tuple[tuple[str, str, str, str], Trained, str], list[tuple[Any, ...]]] = {}
    for part, method, metric, split, params, seed, date, value, access, stale, *place in zip(
        *columns, strict=True
    ):
        model = Trained(*place)
        searched = model.seed_model < FRESH <= newest[(part, *model[:3])]
        if (method, metric, split) in names and not searched:
            one = ((part, method, metric, split), model, params)
            runs.setdefault(one, []).append((seed, date, value, access, stale))
    found: dict[tuple[str, str, str, str], dict[Trained, list[Number]]] = {}
    for (what, model, params), ones in runs.items():
        _, made, values, accesses, stales = zip(*_standing(ones), strict=True)
        number = Number(fmean(values), params, dials[params], accesses[0], any(stales), min(made))
        found.setdefault(what, {}).setdefault(model, []).append(number)
    return found


_PLACE = ("part", "dataset", "model", "request", "seed_model")
_COLUMNS = (
    "part", "method", "metric", "split", "params", "seed_method", "date", "value", "access",
    "stale", *Trained._fields,
)  # fmt: skip


def dates(table: pd.DataFrame) -> list[str]:
    """Return when each run was made, in UTC, so that later dates are greater; "" if unknown."""
    known = {date: in_utc(date) for date in table["date"].unique()}
    return [known.get(date, "") for date in table["date"]]


def in_utc(date: Any) -> str:
    """Return a date in UTC, which one without a zone is; "" for what is no date.

    >>> in_utc("2026-11-29T01:30:00+02:00"), in_utc("2026-11-28"), in_utc(None)
    ('2026-11-28T23:30:00+00:00', '2026-11-28', '')
    """
    try:
        moment = datetime.fromisoformat(date)
    except (TypeError, ValueError):
        return ""
    return moment.astimezone(UTC).isoformat() if moment.tzinfo else str(date)


def _standing(runs: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Return the last run of each seed of the method, a number as old as when it was first seen."""
    last: dict[int, tuple[Any, ...]] = {}
    for seed, date, value, *more in sorted(runs, key=itemgetter(0, 1)):
        _, seen, before, *_ = last.get(seed, (seed, date, value))
        last[seed] = (seed, seen if before == value else date, value, *more)
    return list(last.values())


def _dials_of(rows: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return the hyper-parameters by name of each text of them."""
    names = hyper_parameters(rows)
    return {
        row["params"]: {name: row[name] for name in names if row[name] == row[name]}
        for row in row_dicts(rows.drop_duplicates("params")[["params", *names]])
    }
