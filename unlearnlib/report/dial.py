"""A dial: what one setting of a method forgets and keeps, and sliders that choose the setting.

All settings are computed beforehand and stand in a table; the book's script `dials.js` shows the
chosen one. Without it the setting in the middle is shown, and the table can be opened.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import isfinite
from typing import Any

import pandas as pd
from pandas.api.types import is_numeric_dtype

from ..errors import RecordError
from ..runs.distributions import NATS
from .dial_histogram import At, Histogram, histogram_of, part_of
from .dial_models import Models, models_of, refuse_uneven
from .presentation import label, presented
from .rows import once, pick
from .table import Table

_SETUP = ["scale", "dataset", "model", "request", "params"]


@dataclass(frozen=True)
class Knob:
    """What a reader turns.

    Attributes:
        word: Its name for readers.
        values: What it can be set to, as printed.
        slides: A slider, since the values are numbers; else a list to choose from.
    """

    word: str
    values: tuple[str, ...]
    slides: bool

    def said(self, place: int) -> str:
        """Return what the knob is set to at a place, "σ = 0.3"."""
        return f"{self.word} = {self.values[place]}" if self.slides else self.values[place]

    def html(self, place: int) -> str:
        """Return a slider, or a list, that stands at a place."""
        word, now = escape(self.word), escape(self.values[place])
        if self.slides:
            return (
                f'<span><label>{word} <input type="range" min="0" max="{len(self.values) - 1}" '
                f'value="{place}" aria-valuetext="{now}" data-word="{word}" '
                f'data-values="{"|".join(self.values)}"></label> '
                f'<span class="dial-value" aria-hidden="true">{now}</span></span>'
            )
        options = "".join(
            f'<option value="{i}"{" selected" * (i == place)}>{escape(value)}</option>'
            for i, value in enumerate(self.values)
        )
        return f"<label>{word} <select>{options}</select></label>"


@dataclass(frozen=True)
class Dial:
    """A finished dial: HTML in a notebook, the table of all settings elsewhere.

    Attributes:
        knobs: What is turned.
        measures: The headings of what is shown.
        tops: Where the bar of each measure is full, in the unit of its cells.
        settings: The models of every setting.
        references: The models that stand beside them.
        caption: What is shown, and on which data.
        histogram: How the outputs are distributed, if that is known.
    """

    knobs: tuple[Knob, ...]
    measures: tuple[str, ...]
    tops: tuple[float, ...]
    settings: tuple[Models, ...]
    references: tuple[Models, ...]
    caption: str
    histogram: Histogram | None = None

    @property
    def first(self) -> Models:
        """The setting that is shown first: the nearest to the middle of the sliders."""
        middle = [len(knob.values) // 2 if knob.slides else 0 for knob in self.knobs]

        def far(models: Models) -> int:
            return sum(abs((at or 0) - place) for at, place in zip(models.at, middle, strict=True))

        return min(self.settings, key=far)

    def _repr_html_(self) -> str:
        places = [place or 0 for place in self.first.at]
        knobs = "".join(k.html(place) for k, place in zip(self.knobs, places, strict=True))
        shown = [self.first, *(one for one in self.references if one.belongs_to(places))]
        bars = self.histogram.html([(one.name, one.at) for one in shown]) if self.histogram else ""
        return (
            f'<div class="dial"><p class="dial-knobs" hidden>{knobs}</p>'
            f"{self._frame(shown)}{bars}"
            f"<details><summary>All {len(self.settings)} settings</summary>"
            f'<div class="dial-all">{self._all()}</div></details></div>'
        )

    def _frame(self, shown: list[Models]) -> str:
        """Return the table of one setting: a row a measure, with a bar, and marks in it."""
        setting = f'<th scope="col" class="dial-now">{escape(self._named(shown[0]))}</th>'
        keys = "".join(
            f'<th scope="col"><i class="dial-mark"></i>{escape(one.name)}</th>' for one in shown[1:]
        )
        rows = []
        for i, (measure, top) in enumerate(zip(self.measures, self.tops, strict=True)):
            texts = [one.cells[i] for one in shown]
            width, *lefts = (part_of(text, top) for text in texts)
            marks = "".join(f'<i class="dial-mark" style="left:{left:.1f}%"></i>' for left in lefts)
            bar = f'<i class="dial-bar" style="width:{width:.1f}%"></i>{marks}'
            rows.append(
                f'<tr data-top="{top:g}"><th scope="row">{escape(measure)}</th>'
                f'<td aria-hidden="true"><div class="dial-track">{bar}</div></td>'
                f"{''.join(f'<td>{escape(text)}</td>' for text in texts)}</tr>"
            )
        return (
            f'<table class="dial-frame"><caption>{escape(self.caption)}</caption>'
            f'<thead><tr><th scope="col">Measured</th><td></td>{setting}{keys}</tr></thead>'
            f"<tbody>{''.join(rows)}</tbody></table>"
            '<p aria-live="polite">Mean ± standard deviation over models, n = '
            f'<span class="dial-n">{escape(shown[0].n)}</span></p>'
        )

    def _named(self, models: Models) -> str:
        """Return a setting in words, "σ = 0.3, η = 1"."""
        knobs = zip(self.knobs, models.at, strict=True)
        return ", ".join(k.said(place) for k, place in knobs if place is not None)

    def _rows(self) -> list[tuple[Models, tuple[str, ...]]]:
        """Return the cells of all models, with what each knob is set to."""
        return [
            (models, (models.name, self._named(models) or "—", *models.cells, models.n))
            for models in (*self.references, *self.settings)
        ]

    @property
    def _heads(self) -> tuple[str, ...]:
        return ("Models", "Setting", *self.measures, "n")

    def _all(self) -> str:
        """Return the table of all settings, which the script reads."""
        heads = "".join(f'<th scope="col">{escape(head)}</th>' for head in self._heads)
        rows = []
        for models, (name, *cells) in self._rows():
            at = " ".join("*" if place is None else str(place) for place in models.at)
            told = f'data-{"at" if models in self.settings else "beside"}="{at}"'
            if self.histogram:
                told += f' data-shares="{" ".join(self.histogram.of((models.name, models.at)))}"'
            tds = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
            rows.append(f'<tr {told}><th scope="row">{escape(name)}</th>{tds}</tr>')
        return f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>"

    def __repr__(self) -> str:
        """Return the table of all settings as plain text."""
        rows = tuple(("", cells) for _, cells in self._rows())
        return repr(Table(self._heads, rows, self.caption, frozenset(self._heads[2:])))


def show_dial(
    table: pd.DataFrame,
    by: Mapping[str, str],
    measures: Sequence[tuple[str, str]],
    caption: str,
    *,
    references: Sequence[str] = ("Original", "Retrain"),
    histograms: pd.DataFrame | None = None,
    edges: Sequence[float] = NATS,
) -> Dial:
    """Return what each setting of a sweep measures, for a reader to go through by sliders.

    Args:
        table: Records of a sweep, and of the references on the same models. What else it has, and
            lacks one of the columns `by`, is left out.
        by: The columns that tell the settings apart, each with its name for readers: a slider where
            the values are numbers, else a list. A reference that has one of these values stands
            beside the settings that have it, too.
        measures: Pairs (metric, split).
        caption: What is shown, and on which data.
        references: Methods that stand beside the settings, where the table has them.
        histograms: Those of the entropy of the outputs, see `runs.distributions`: a model and split
            a row, with the columns `by`.
        edges: Ends of their bins.

    Returns:
        Mean and standard deviation over the models of each setting that have a number; how many
        have none is told.

    Raises:
        RecordError: The table has no sweep, lacks a measure, or a mean would mix settings; or the
            histograms are of other bins, or not of the same models at each setting.
    """
    if lost := [name for name in by if name not in table]:
        raise RecordError(f"The table has no column {' or '.join(lost)}. Name others in `by`.")
    rows = once(pd.concat([pick(table, *what) for what in dict.fromkeys(measures)]))
    rows = rows.assign(**{name: _numbers(rows[name]) for name in by})
    rows = rows[rows["method"].isin(references) | rows[[*by]].notna().all(axis=1)]
    swept = rows[~rows["method"].isin(references)]
    if swept.empty:
        raise RecordError(
            f"No run but those of {', '.join(references)} has {' and '.join(by)}, so there is no "
            "setting to choose. Hand over the runs of a sweep."
        )
    knobs, values = [], {}
    for name, word in by.items():
        known = swept[name].drop_duplicates()
        slides = is_numeric_dtype(known)
        values[name] = (known.sort_values() if slides else known).to_list()
        printed = [f"{value:g}" if slides else str(value) for value in values[name]]
        knobs.append(Knob(word, tuple(printed), slides))

    def at(runs: pd.DataFrame) -> At:
        return tuple(_place(runs[name].iloc[0], values[name]) for name in by)

    found: dict[bool, list[Models]] = {True: [], False: []}
    for _, runs in rows.groupby([*dict.fromkeys(["method", *by])], sort=False, dropna=False):
        if (runs[_SETUP].nunique() > 1).any():
            raise RecordError(
                f"The runs of {runs['method'].iloc[0]} at one place of the dial are of several "
                f"{' and '.join(name for name in _SETUP if runs[name].nunique() > 1)}, so a mean "
                "would mix them. Filter the table, or name the column that tells them apart."
            )
        found[runs["method"].iloc[0] in references].append(models_of(runs, at(runs), measures))
    refuse_uneven(found[False], found[True])
    histogram = None
    if histograms is not None:
        outputs = histograms.assign(**{name: _numbers(histograms[name]) for name in by})
        histogram = histogram_of(outputs, edges, list(by), at)
    return Dial(
        tuple(knobs),
        tuple(label(metric, split, unit=True) for metric, split in measures),
        tuple(_top(rows, metric) for metric, _ in measures),
        tuple(sorted(found[False], key=lambda models: [place or 0 for place in models.at])),
        tuple(sorted(found[True], key=lambda models: references.index(models.name))),
        caption,
        histogram,
    )


def _numbers(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return a column of numbers as such, whatever its type; another as it is."""
    try:
        return pd.to_numeric(column)
    except (TypeError, ValueError):
        return column


def _place(value: Any, values: list[Any]) -> int | None:
    return values.index(value) if value in values else None


def _top(rows: pd.DataFrame, metric: str) -> float:
    """Return where the bar of a metric is full: at its bound, or its greatest value."""
    how = presented(metric)
    values = rows.loc[rows["metric"] == metric, "value"]
    return how.scale * (how.bounds[1] if isfinite(how.bounds[1]) else float(values.max()))
