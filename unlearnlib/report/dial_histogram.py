"""The histogram under a dial: how the outputs of the chosen setting's models are distributed.

The book's script `dials.js` fills it for other settings; without it the first one's is shown, and
the table of all settings has means alone.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

import pandas as pd

from ..errors import RecordError
from .presentation import label

At = tuple[int | None, ...]
"""Place of a setting on each knob; None on one that means nothing to its models."""
Key = tuple[str, At]
"""The label of a method, and where it stands."""
_NUMBER = re.compile(r"[\d.]+")


@dataclass(frozen=True)
class Histogram:
    """Shares of the images of each split by the entropy of the output.

    Attributes:
        splits: Names of the splits, for readers.
        starts: Where each bin begins, as printed.
        shares: Per cent in each bin of one split after the other, as printed: means over models.
        n: Over how many models.
    """

    splits: tuple[str, ...]
    starts: tuple[str, ...]
    shares: Mapping[Key, tuple[str, ...]]
    n: int

    @property
    def top(self) -> float:
        """The share of which a bar has its full height."""
        return max(part_of(share, 100) for shares in self.shares.values() for share in shares)

    def of(self, key: Key) -> tuple[str, ...]:
        """Return the shares of one setting; dashes where there are none."""
        return self.shares.get(key, ("—",) * (len(self.splits) * len(self.starts)))

    def html(self, shown: Sequence[Key]) -> str:
        """Return a row of bars for each split: the first setting's, and marks of those beside."""
        columns = list(zip(*map(self.of, shown), strict=True))
        bins, top = len(self.starts), self.top
        rows = []
        for i, split in enumerate(self.splits):
            cells = "".join(_column(texts, top) for texts in columns[i * bins : (i + 1) * bins])
            rows.append(
                f'<tr><th scope="rowgroup" colspan="{bins}">{escape(split)}</th></tr>'
                f"<tr>{cells}</tr>"
            )
        heads = "".join(f'<th scope="col">{start}</th>' for start in self.starts)
        return (
            f'<table class="dial-outputs" data-top="{top:g}"><caption>Images by the entropy of the '
            f"output, per cent, means over models, n = {self.n}; a column begins at the nats over "
            "it and ends where the next begins</caption>"
            f"<thead><tr>{heads}</tr></thead>"
            f"{''.join(f'<tbody>{row}</tbody>' for row in rows)}</table>"
        )


def part_of(text: str, top: float) -> float:
    """Return how much of a bar the number at the start of a text fills, in per cent.

    >>> part_of("50.0 ± 0.3", 200), part_of("—", 100)
    (25.0, 0.0)
    """
    found = _NUMBER.match(text)
    return 100 * float(found[0]) / top if found and top else 0.0


def _column(texts: Sequence[str], top: float) -> str:
    """Return a bin: a bar, a mark for each reference, and the share under them."""
    height, *marks = (part_of(text, top) for text in texts)
    beside = "".join(f'<i class="dial-mark" style="bottom:{mark:.1f}%"></i>' for mark in marks)
    bar = f'<i class="dial-bar" style="height:{height:.1f}%"></i>{beside}'
    return f'<td><span class="dial-column" aria-hidden="true">{bar}</span>{texts[0]}</td>'


def histogram_of(
    table: pd.DataFrame, edges: Sequence[float], by: Sequence[str], at: Callable[[pd.DataFrame], At]
) -> Histogram:
    """Return the histograms of a table, as `runs.distributions` makes it.

    Args:
        table: A model and split a row.
        edges: Ends of its bins.
        by: The columns that tell settings apart.
        at: Where the models of some rows stand on the knobs.

    Raises:
        RecordError: The table has other bins, or not the same models and splits for each setting.
    """
    bins = [f"b{i}" for i in range(len(edges) - 1)]
    if (
        has := [name for name in map(str, table) if name[0] == "b" and name[1:].isdecimal()]
    ) != bins:
        raise RecordError(
            f"The histograms have {len(has)} bins and the edges are those of {len(bins)}. Hand "
            "over the edges that they were made with."
        )
    splits = list(dict.fromkeys(table["split"]))
    shares: dict[Key, tuple[str, ...]] = {}
    sizes = set()
    for _, runs in table.groupby([*dict.fromkeys(["method", *by])], sort=False, dropna=False):
        of = runs.groupby("split")
        sizes |= {len(runs) / len(splits), *of["seed_model"].nunique()}
        means = 100 * of[bins].mean().reindex(splits)
        shares[str(runs["method"].iloc[0]), at(runs)] = tuple(
            "—" if pd.isna(mean) else f"{mean:.1f}" for mean in means.to_numpy().flat
        )
    if len(sizes) > 1:
        raise RecordError(
            "The histograms are not of the same models at each setting and split, so that their "
            "means would not compare. Make them for all."
        )
    names = tuple(label("", split).capitalize() for split in splits)
    return Histogram(names, tuple(f"{edge:g}" for edge in edges[:-1]), shares, int(sizes.pop()))
