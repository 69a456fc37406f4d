"""Tests paired by example, and the table of any frame."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from unlearnlib.report import plain, wilcoxon


def test_wilcoxon_has_every_pair_with_its_size() -> None:
    rng = np.random.default_rng(0)
    a, b, c = (rng.normal(shift, 1, 200) for shift in (0, 0, 1))
    found = wilcoxon({"a": a.tolist(), "b": b.tolist(), "c": c.tolist()}).set_index("pair")
    assert list(found.index) == ["a − b", "a − c", "b − c"]
    d = a - c
    row = found.loc["a − c"]
    assert row["p"] == pytest.approx(stats.wilcoxon(a, c).pvalue)
    assert row["mean"] == pytest.approx(d.mean())
    assert row["median"] == pytest.approx(np.median(d))
    assert row["share"] == pytest.approx((d > 0).mean())
    assert row["n"] == 200


def test_wilcoxon_of_equal_values_is_one() -> None:
    assert wilcoxon({"a": [1.0, 2.0], "b": [1.0, 2.0]})["p"].item() == 1.0


def test_plain_shows_any_frame() -> None:
    frame = pd.DataFrame({"name": ["x", "y"], "n": [3, 12000], "p": [1.23456e-12, float("nan")]})
    table = plain(frame, "Caption", digits=2)
    assert table.numeric == {"n", "p"}
    assert [cells for _, cells in table.rows] == [("x", "3", "1.2e-12"), ("y", "12000", "—")]
    assert "Caption" in table._repr_html_()


def test_plain_names_the_parts_of_splits_in_words() -> None:
    table = plain(pd.DataFrame({"split": ["test_forget"], "A, validation_retain": [0.5]}))
    assert table.columns == ("split", "A, validation, retained")
    assert table.numeric == {"A, validation, retained"}
    assert table.rows == (("", ("test, forgotten", "0.5")),)


def test_plain_prints_of_a_tiny_p_no_more_than_that_it_is_tiny() -> None:
    frame = pd.DataFrame({"p": [0.0, 1e-9, 0.001, 0.25], "mean": [0.0, 1e-9, 0.001, 0.25]})
    cells = [cells for _, cells in plain(frame, p_values=["p"]).rows]
    assert [p for p, _ in cells] == ["< 0.001", "< 0.001", "0.001", "0.25"]
    assert [mean for _, mean in cells] == ["0", "1e-09", "0.001", "0.25"]
