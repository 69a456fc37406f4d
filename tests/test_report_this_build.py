"""What pages hand over of what they made anew, and what is said and drawn of it."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from unlearnlib.errors import RecordError
from unlearnlib.report import (
    figures,
    hand_over_rerun,
    machine,
    rerun_line,
    rerun_table,
    reruns_handed_over,
)
from unlearnlib.report.this_build import distance

from .test_rerun import frame

pytestmark = pytest.mark.usefixtures("lab")


def test_what_is_handed_over_is_read_with_its_page() -> None:
    assert reruns_handed_over().empty
    one, none = frame(split="", again=[math.nan] * 20 + [1 / 3] * 20), frame().iloc[:0]
    hand_over_rerun("jit/random", frame())
    hand_over_rerun("jit/random", one)
    hand_over_rerun("pgu/attack", none)
    hand_over_rerun("intro", frame())
    found = reruns_handed_over()
    assert found["page"].tolist() == ["intro"] * 40 + ["jit/random"] * 40
    later = found[found["page"] == "jit/random"].drop(columns="page").reset_index(drop=True)
    pd.testing.assert_frame_equal(later, one)


def test_a_page_of_a_sweep_hands_nothing_over(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hand_over_rerun("jit/random", frame())
    monkeypatch.setenv("UNLEARNLIB_RECORDS", str(lab / "own"))
    hand_over_rerun("jit/random", frame().iloc[:0])
    assert len(reruns_handed_over()) == 40


def test_a_damaged_file_is_named(lab: Path) -> None:
    hand_over_rerun("jit/random", frame())
    path = lab / "cache" / "reruns" / "jit.random.csv"
    for text in ("", "a,b\n1,2\n"):
        path.write_text(text)
        with pytest.raises(RecordError, match=f"^{path} is not what a page handed over"):
            reruns_handed_over()


def test_the_line_and_the_table_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RERUN", "sample")
    made = frame(again=[0.95, *[0.5] * 39], metric=["accuracy"] * 30 + ["seconds_unlearn"] * 10)
    assert rerun_line(made) == (
        "RERUN=sample: 40 measurements made anew; of the 30 that are judged 29 (96.7%) lie in the "
        "recorded range, widened by a spread"
    )
    table = rerun_table(made.assign(page="jit/random"))
    ((_, cells),) = table.rows
    assert cells == ("jit/random", "40", "30", "96.7%", "4.5", "JiT, accuracy test")
    assert distance(made).iloc[0] == pytest.approx(4.5)
    ((_, cells),) = rerun_table(frame(spread=math.nan).assign(page="x")).rows
    assert cells == ("x", "40", "0", "—", "—", "—")
    assert not rerun_table(reruns_handed_over()).rows


@pytest.mark.parametrize(("said", "why"), [("none", "RERUN=none"), ("all", "nothing that is rec")])
def test_where_nothing_is_made_anew(monkeypatch: pytest.MonkeyPatch, said: str, why: str) -> None:
    monkeypatch.setenv("RERUN", said)
    none = frame().iloc[:0]
    assert rerun_line(none).startswith(f"nothing was made anew by this build ({why}")
    assert figures.show_reruns(none) is None


def test_every_measurement_is_drawn_where_it_lies() -> None:
    made = frame(again=[0.9, 0.35, math.inf, math.nan, *[0.55] * 36])
    figure = figures.reruns(made, "what", 3.0)
    inside, outside = (np.asarray(line.get_xdata()) for line in figure.axes[0].lines[:2])
    assert len(inside) == 37
    assert sorted(outside) == [3.0, 3.0, 3.0]
    assert set(inside.round(9)) == {-1.5, 0.5}
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["JiT", "SSD"]
    assert "40 measurements" in repr(figures.show_reruns(made))


def test_the_machine_is_told_without_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    told = machine()
    assert "ONEDNN_MAX_CPU_ISA=AVX2" in told["kernels"]
    assert told["RERUN"] in ("none", "sample", "all")
    assert "/" not in "".join(told.values())


def test_what_lost_its_number_is_the_farthest_and_one_seed_judges_nothing() -> None:
    lost = frame(again=[math.nan, *[0.55] * 39], what=["JiT"] + ["FineTune"] * 39)
    (row,) = rerun_table(lost.assign(page="a")).rows
    assert row[1][4:] == ("no number now", "JiT, accuracy test")
    (row,) = rerun_table(lost.iloc[:1].assign(page="a")).rows
    assert row[1][1:] == ("1", "1", "0.0%", "no number now", "JiT, accuracy test")
    alone = frame(spread=math.nan)
    assert rerun_line(alone).endswith("none can be judged, since none was recorded with more than "
                                      "one seed")  # fmt: skip
