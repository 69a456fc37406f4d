"""Tables for pages: right-aligned numbers, grouped by data access, the same bytes every time.

That of a comparison is in `side_by_side`, those of verdicts are in `verdict_tables`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from ..errors import RecordError
from .presentation import in_words, label, presented
from .rows import lacking, marked, row_dicts
from .summary import FEWEST, SUMMARISED, paired
from .table import Table, grouped, spread, times

LEAST_P = 0.001
_MEANS = ("mean", "sd", "n", "missing", "stale")


def plain(
    frame: pd.DataFrame, caption: str = "", *, digits: int = 3, p_values: Sequence[str] = ()
) -> Table:
    """Return any frame as a table of the book: its columns as headings, numbers rounded.

    Args:
        frame: Numbers are printed with `digits` significant digits, a dash where there is none;
            names of splits as readers have them.
        caption: Put above the table.
        digits: Significant digits.
        p_values: Columns of p-values, of which no more is printed than that they are below 0.001.

    >>> plain(pd.DataFrame({"pair": ["a − b"], "p": [0.25]}))
    pair      p
    a − b  0.25
    """

    def text(column: str, value: Any) -> str:
        if pd.isna(value):
            return "—"
        if column in p_values and value < LEAST_P:
            return f"< {LEAST_P}"
        return f"{value:.{digits}g}" if isinstance(value, float) else in_words(str(value))

    names = [str(column) for column in frame]
    rows = [("", tuple(map(text, names, row))) for row in frame.itertuples(index=False)]
    heads = tuple(map(in_words, names))
    numbers = [is_numeric_dtype(kind) for kind in frame.dtypes]
    numeric = frozenset(head for head, number in zip(heads, numbers, strict=True) if number)
    return Table(heads, tuple(rows), caption, numeric)


def show_summary(frame: pd.DataFrame, caption: str = "") -> Table:
    """Return a frame of :func:`summary`: a row a (setting, method, params), a column a measurement.

    Args:
        frame: What `summary` returned, filtered or not.
        caption: Put above the table; the units and the number of runs are in the table.
    """
    frame = frame.reset_index(drop=True)
    measured = list(dict.fromkeys(zip(frame["metric"], frame["split"], strict=True)))
    extra = [c for c in ("dataset", "model", "request") if frame[c].nunique() > 1]
    if frame.groupby("method")["params"].nunique().max() > 1:
        extra.append("setting")
    frame = frame.assign(setting=_what_varies(frame))
    rows, notes = [], list[str]()
    keys = ["group", "method", "dataset", "model", "request", "params", "setting", "access"]
    for _, lines in grouped(frame).groupby(keys, sort=False):
        means = row_dicts(lines)
        first = means[0]
        by = {(mean["metric"], mean["split"]): mean for mean in means}
        none = {"mean": float("nan"), "sd": float("nan")}
        numbers = [(by.get(key, none), key[0]) for key in measured]
        cells = [marked(first["method"], bool(lines["stale"].any()))]
        cells += [str(first[c]) for c in extra]
        cells += [spread(mean["mean"], mean["sd"], metric) for mean, metric in numbers]
        rows.append((first["group"], (*cells, str(lines["n"].max()))))
        who = ", ".join([first["method"], *(str(first[c]) for c in extra)])
        notes += _without(means, who, "run")
    heads = [label(metric, split, unit=True) for metric, split in measured]
    columns = ("Method", *(c.capitalize() for c in extra), *heads, "n")
    return Table(columns, tuple(rows), caption, frozenset({*heads, "n"}), notes=tuple(notes))


def _what_varies(frame: pd.DataFrame) -> list[str]:
    """Return of each row's hyper-parameters those that differ within its method: "lr = 0.1"."""
    texts = [list[str]() for _ in range(len(frame))]
    for name in sorted({*map(str, frame)} - {*SUMMARISED, *_MEANS, "setting"}):
        has = np.array([value == value for value in frame[name]])  # NaN: the method has no such
        values = frame[name].map(str).where(has)
        varies = values.groupby(frame["method"]).transform("nunique") > 1
        for text, value, told in zip(texts, values, has & varies, strict=True):
            if told:
                text.append(f"{name} = {value}")
    return [", ".join(text) for text in texts]


def _without(rows: list[dict[str, Any]], who: str, of: str) -> list[str]:
    """Return a sentence for each measurement of which some runs or pairs have no number."""
    return [
        f"{who}, {label(row['metric'], row['split'])}: "
        f"{lacking(row['missing'], row['n'] + row['missing'], of)}."
        for row in rows
        if row["missing"]
    ]


def show_paired(frame: pd.DataFrame, caption: str = "") -> Table:
    """Return a frame of :func:`paired`, a row a (pair, measurement).

    A setting that all rows share stands below the table.

    Args:
        frame: What `paired` returned; several may be put together.
        caption: Put above the table; units and the number of pairs are in the table.

    Raises:
        RecordError: Two rows would read alike, of several settings of one method.
    """
    rows, settings, notes = [], set[str](), list[str]()
    seen = dict[tuple[str, str, str], str]()
    for row in row_dicts(frame):
        pair = f"{row['method']} {'/' if row['ratio'] else '−'} {row['reference']}"
        setting = ", ".join((row["dataset"], row["model"], row["request"]))
        settings.add(setting)
        what = label(row["metric"], row["split"], unit=not row["ratio"])
        if seen.setdefault((pair, setting, what), str(row)) != str(row):
            raise RecordError(
                f"There are several settings of {pair} on {setting}, and the rows of {what} would "
                "read alike. Filter the runs to one setting a method."
            )
        rows.append((marked(pair, row["stale"]), setting, what, *_ends(row), str(row["n"])))
        notes += _without([row], f"{pair}, {setting}", "pair")
    heads = ("Pair", "Setting", "Measured", "Mean", "95 % interval", "n")
    numeric = frozenset(heads[3:])
    if len(settings) > 1:
        every = tuple(("", cells) for cells in rows)
        return Table(heads, every, caption, numeric, notes=tuple(notes))
    note = f"All on {settings.pop()}." if settings else "Not run: there are no records yet."
    short = tuple(("", (cells[0], *cells[2:])) for cells in rows)
    return Table((heads[0], *heads[2:]), short, caption, numeric, notes=(note, *notes))


def _ends(row: dict[str, Any]) -> tuple[str, str]:
    """Return a mean difference or ratio, and the ends of its interval, as printed."""
    how = presented(row["metric"])

    def text(value: float) -> str:
        if row["ratio"]:
            return times(value)
        return how.signed(value)

    if pd.isna(row["mean"]):
        return "—", "—"
    if row["n"] < FEWEST:
        return text(row["mean"]), f"— (n = {row['n']})"
    return text(row["mean"]), f"{text(row['low'])} to {text(row['high'])}"


def pairs_of(
    runs: pd.DataFrame, measured: list[tuple[str, str]], pairs: list[tuple[str, str]]
) -> pd.DataFrame:
    """Return the paired differences of many requests, one column a pair of methods.

    Args:
        runs: Records, of several data sets or requests.
        measured: Pairs (metric, split), one row each for every request.
        pairs: Pairs (method, reference).

    Returns:
        request, measured, and for each pair "mean (low to high)" in the printed unit, with the
        95 % interval of the mean, or "mean (n = 3, no interval)"; "—" where it was not run, and
        "— (1 of 3 pairs has no number)" where it has no mean. What rests on stale runs is marked.

    Raises:
        RecordError: A method was run with several settings or networks on one request.
    """
    lines: dict[tuple[str, str], dict[str, str]] = {}
    for metric, split in measured:
        for pair in pairs:
            for row in row_dicts(paired(runs, metric, split, *pair)):
                name = row["request"].partition(":")[2].replace("_", " ")
                key = (f"{row['dataset']}: {name}", label(metric, split, unit=True))
                mean, spread = _ends(row)
                if row["missing"]:
                    spread = lacking(row["missing"], row["n"] + row["missing"], "pair")
                elif row["n"] < FEWEST:
                    spread = f"n = {row['n']}, no interval"
                text = marked(f"{mean} ({spread})", row["stale"])
                cells = lines.setdefault(key, {})
                if " − ".join(pair) in cells:
                    raise RecordError(
                        f"There are several settings of {pair[0]} on {', '.join(key)}, and a cell "
                        "has room for one. Filter the runs to one setting a method."
                    )
                cells[" − ".join(pair)] = text
    heads = [" − ".join(pair) for pair in pairs]
    by_request = sorted(lines.items(), key=lambda line: line[0][0])
    rows = [(*key, *(cells.get(head, "—") for head in heads)) for key, cells in by_request]
    return pd.DataFrame(rows, columns=["request", "measured", *heads])
