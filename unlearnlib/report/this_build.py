"""What a build made anew, on its way from the pages to the page that sums it up."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from ..cache import atomic
from ..errors import RecordError
from ..locations import cache_folder, named_folder
from ..runs.environment import environment
from ..runs.rerun import COLUMNS, NEAR, agreement, judged, mode, within
from .table import Table


def hand_over_rerun(page: str, frame: pd.DataFrame) -> None:
    """Keep what a page made anew, see `rerun`, for the page that sums up this build.

    A page whose runs go to a folder of their own, as in a sweep, is no page of the build.

    Args:
        page: Its part and its name, such as "jit/random".
        frame: What `rerun` returned.
    """
    if named_folder("UNLEARNLIB_RECORDS"):
        return
    with atomic(_folder() / f"{page.replace('/', '.')}.csv") as temporary:
        frame.assign(page=page).to_csv(temporary, index=False)


def reruns_handed_over() -> pd.DataFrame:
    """Return what all pages made anew when they were last executed; a column names the page.

    Raises:
        RecordError: A file is damaged.
    """
    frames = []
    for path in sorted(_folder().glob("*.csv")):
        try:
            frame = pd.read_csv(path, dtype={"split": str}).fillna({"split": ""})
            if [*frame] != [*COLUMNS, "page"]:
                raise ValueError(f"its columns are {[*frame]}")
        except ValueError as error:
            raise RecordError(
                f"{path} is not what a page handed over ({error}). Delete it and run the pages "
                "again."
            ) from None
        frames += [] if frame.empty else [frame]
    empty = pd.DataFrame(columns=[*COLUMNS, "page"])
    return pd.concat(frames, ignore_index=True) if frames else empty


def _folder() -> Path:
    return cache_folder() / "reruns"


def distance(frame: pd.DataFrame) -> "pd.Series[float]":
    """Return how far each measurement lies from its record, in recorded spreads."""
    return (frame["again"] - frame["recorded"]) / frame["spread"].clip(lower=NEAR)


def rerun_line(frame: pd.DataFrame) -> str:
    """Return in a line what a page made anew, and how much of it is as the record says."""
    if frame.empty:
        why = "RERUN=none" if mode() == "none" else "nothing that is recorded is in the sample"
        return f"nothing was made anew by this build ({why})"
    told = judged(frame)
    made = f"RERUN={mode()}: {len(frame)} measurements made anew"
    if not told.any():
        return f"{made}; none can be judged, since none was recorded with more than one seed"
    inside = int(within(frame)[told].sum())
    return (
        f"{made}; of the {int(told.sum())} that are judged {inside} ({agreement(frame):.1%}) lie "
        "in the recorded range, widened by a spread"
    )


def rerun_table(frame: pd.DataFrame) -> Table:
    """Return a row a page: measurements made anew, the share that is as recorded, the farthest.

    Args:
        frame: What `reruns_handed_over` returned.
    """
    rows = []
    for page, lines in frame.groupby("page", sort=True):
        told = lines[judged(lines)]
        share = f"{agreement(lines):.1%}" if len(told) else "—"
        far = distance(told).abs()
        cells = "—", "—"
        if len(told):
            far = far.where(~(told["again"].isna() & told["recorded"].isna()), 0.0).fillna(np.inf)
            worst = told.iloc[int(far.to_numpy().argmax())]
            what = f"{worst['what']}, {worst['metric']} {worst['split']}".rstrip()
            cells = f"{far.max():.1f}" if far.max() < np.inf else "no number now", what
        rows.append(("", (str(page), str(len(lines)), str(len(told)), share, *cells)))
    columns = ("Page", "Made anew", "Judged", "As recorded", "Farthest, spreads", "Of")
    numeric = frozenset({"Made anew", "Judged", "As recorded", "Farthest, spreads"})
    return Table(columns, tuple(rows), "What this build made anew, by page", numeric)


def machine() -> dict[str, str]:
    """Return on what this build was made, and with what."""
    known = environment()
    kernels = ("ONEDNN_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY")
    asked = [f"{name}={os.environ[name]}" for name in kernels if os.environ.get(name)]
    return {
        "device": str(known["device"]),
        "kernels": f"{torch.backends.cpu.get_cpu_capability()} {' '.join(asked)}".strip(),
        "torch": str(known["torch"]),
        "python": str(known["python"]),
        "threads": str(known["threads"]),
        "commit": f"{known['commit']}{' (dirty)' if known['dirty'] else ''}",
        "RERUN": mode(),
    }
