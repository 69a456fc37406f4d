"""The tables of the ledger: a row a claim, a row a setting with its controls, and their counts."""

import json
from html import escape
from typing import Any

import pandas as pd

from .overview import share_of, short_name
from .presentation import part_name
from .rows import marked, row_dicts
from .summary import SETTING
from .table import Table
from .verdicts import CLAIM_GLYPHS, where_it_depends

_LONG = 100
"""Letters."""


def show_ledger(frame: pd.DataFrame, caption: str = "", *, root: str = "../") -> Table:
    """Return a frame of :func:`ledger`: a row a claim, a column a scale.

    A row can be linked to as `#claim-ID`.

    Args:
        frame: What `ledger` returned, filtered or not.
        caption: Put above the table.
        root: The way from the page of the table to the folder of the parts: "../" from a page in a
            part's folder, "" from one beside these folders.
    """
    scales = list(dict.fromkeys(frame["scale"]))
    rows = []
    for _, lines in frame.groupby("id", sort=False):
        by = {judged["scale"]: judged for judged in row_dicts(lines)}
        first = next(iter(by.values()))
        under = [escape(first["source"])]
        if first["page"]:
            page = escape(first["page"])
            under.append(f'<a href="{escape(root, quote=True)}{page}.html#claims">{page}</a>')
        if first["frozen"]:
            anew = (f"; {k} {v['frozen']}" for k, v in by.items() if v["frozen"] != first["frozen"])
            when = escape("".join((first["frozen"], *anew)))
            under.append(f'<span class="frozen">frozen {when}</span>')
        claim = (
            f'<span id="claim-{first["id"]}">{escape(first["sentence"])}</span>'
            f"<br><small>{' · '.join(under)}</small>"
        )
        verdicts = (_verdict(by[scale]) if scale in by else "—" for scale in scales)
        rows.append((part_name(first["part"]), (claim, *verdicts)))
    raw = frozenset({"Claim", *scales})
    return Table(("Claim", *scales), tuple(rows), caption, raw=raw, sortable=True)


def _verdict(judged: dict[str, Any]) -> str:
    """Return the cell of a verdict, as HTML; what it rests on is folded if it is long."""
    word = marked(f"{judged['glyph']} {judged['verdict']}", judged["stale"])
    doubt = "<em>exploratory</em>" if judged["exploratory"] else ""
    depends = where_it_depends(judged["verdict"], judged["settings"])
    short = " · ".join(filter(None, (depends, doubt)))
    detail = escape(judged["detail"])
    under = " · ".join(filter(None, (short, detail)))
    if len(judged["detail"]) > _LONG:
        under = f"{short}<details><summary>by setting</summary>{detail}</details>"
    return f"{word} {judged['share']}".strip() + f"<br><small>{under}</small>"


def show_by_setting(frame: pd.DataFrame, caption: str = "") -> Table:
    """Return a frame of :func:`by_setting`: a row a (claim, scale, setting), with both controls.

    It stands on the page of :func:`show_ledger`, to whose rows the names of claims lead. Of the
    hyper-parameters those are shown that tell settings of one claim on one request apart.

    Args:
        frame: What `by_setting` returned, filtered or not.
        caption: Put above the table.
    """
    rows = []
    for _, lines in frame.groupby(["id", "scale", *SETTING], sort=False):
        dials = [json.loads(params or "{}") for params in lines["params"]]
        for row, dial in zip(row_dicts(lines), dials, strict=True):
            told = [f"{k} = {v}" for k, v in dial.items() if any(d.get(k) != v for d in dials)]
            name = f"{part_name(row['part'])}: {short_name(row['id'], row['part'])}"
            link = f'<a href="#claim-{row["id"]}">{escape(name)}</a>'
            word = marked(f"{row['glyph']} {row['verdict']}", row["stale"])
            word += " (exploratory)" if row["exploratory"] else ""
            setting = (*(row[name] for name in SETTING), ", ".join(told))
            shares = (share_of(row, who) or "—" for who in ("", "original_", "oracle_"))
            rows.append(("", (link, row["scale"], word, *shares, *setting)))
    counted = ("Holds in", "Original", "Second oracle")
    places = ("Data set", "Network", "Request", "Set to")
    heads = ("Claim", "Scale", "Verdict", *counted, *places)
    return Table(
        heads, tuple(rows), caption, frozenset(counted), raw=frozenset({"Claim"}), sortable=True
    )


def show_glance(frame: pd.DataFrame, caption: str = "") -> Table:
    """Return a frame of :func:`glance`: a row a (part, scale), a column a verdict.

    Args:
        frame: What `glance` returned, filtered or not.
        caption: Put above the table.
    """
    rows = tuple(
        (
            part_name(counts["part"]),
            (counts["scale"], *(str(counts[word]) for word in CLAIM_GLYPHS)),
        )
        for counts in row_dicts(frame)
    )
    heads = tuple(f"{glyph} {word}" for word, glyph in CLAIM_GLYPHS.items())
    stale = int(frame["stale"].sum())
    notes = (f"⚠ {stale} of these verdicts rest on stale runs.",) if stale else ()
    return Table(("Scale", *heads), tuple(rows), caption, frozenset(heads), notes=notes)
