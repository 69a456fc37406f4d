"""A measurement that stands twice in a table counts once, and two values of one are refused."""

import math

import matplotlib as mpl
import pandas as pd
import pytest

mpl.use("Agg")


from unlearnlib.errors import RecordError
from unlearnlib.report import compare, figures, ledger, paired, summary
from unlearnlib.report.rows import once

from .made_tables import ACCURACY, forgets_and_keeps, forgotten, line, records, rows

pytestmark = pytest.mark.usefixtures("figures_closed")


BATCH = ("accuracy_batch_mean", "test_retain")
NONE = [math.nan, math.inf, -math.inf]


class TestDuplicates:
    def test_a_run_that_stands_twice_counts_once(self) -> None:
        table = records({"JiT": [0.5, 0.7, 0.9], "Retrain": [0.4, 0.4, 0.4]})
        twice = pd.concat([table, table.iloc[:1], table.iloc[:1]])
        assert line(compare("Table 2b", twice), "JiT")["n"] == 3
        for make in (
            lambda t: compare("Table 2b", t),
            lambda t: summary(t, [BATCH]),
            lambda t: paired(t, *BATCH, "JiT"),
            lambda t: figures.dots(t, *BATCH).axes[0].get_title(loc="left"),
        ):
            one, two = make(table), make(twice)
            if isinstance(one, pd.DataFrame) and isinstance(two, pd.DataFrame):
                pd.testing.assert_frame_equal(one, two)
            else:
                assert one == two
        assert summary(table, [BATCH, BATCH]).equals(summary(table, [BATCH]))

    def test_seeds_of_the_method_do_not_weigh_more(self) -> None:
        jit = pd.concat([rows("JiT", [v], seed_method=s) for s, v in enumerate((0.2, 0.4))])
        table = pd.concat([jit, jit.iloc[:1], rows("Retrain", [0.0])])
        assert paired(table, *ACCURACY, "JiT")["mean"].item() == pytest.approx(0.3)

    def test_a_run_that_stands_twice_without_a_number_lacks_one(self) -> None:
        table = records({"JiT": [0.5, math.nan]})
        found = summary(pd.concat([table, table]), [BATCH])
        assert found[["n", "missing"]].to_numpy().tolist() == [[1, 1]]

    def test_a_model_that_stands_twice_is_judged_once(self) -> None:
        table = forgotten(9)
        one, two = (
            ledger({"laptop": t}, claims=[forgets_and_keeps()])
            for t in (table, pd.concat([table, table]))
        )
        pd.testing.assert_frame_equal(one, two)

    def test_two_values_of_one_measurement_are_refused(self) -> None:
        table = records({"JiT": [0.5], "Retrain": [0.4]})
        other = pd.concat([table, table.assign(value=0.6)])
        for make in (
            lambda: compare("Table 2b", other),
            lambda: summary(other, [BATCH]),
            lambda: paired(other, *BATCH, "JiT"),
            lambda: ledger({"paper": other.assign(metric="accuracy")}),
            lambda: figures.dots(other, *BATCH),
            lambda: figures.curves(other, *BATCH, "lr"),
            lambda: figures.heatmap(other, *BATCH),
        ):
            with pytest.raises(RecordError, match=r"-0 has two values"):
                make()

    def test_runs_of_other_seeds_or_settings_are_no_duplicates(self) -> None:
        table = records({"JiT": [0.5]})
        for column in ("run_id", "params", "request", "seed_request", "seed_method", "scale"):
            assert len(once(pd.concat([table, table.assign(**{column: "other"})]))) == 2
