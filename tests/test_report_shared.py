"""What several pages share: pairs at once, verdicts on some claims, recorded runs beside print."""

from functools import partial
from typing import Any

import pandas as pd
import pytest

from unlearnlib import recorded
from unlearnlib.errors import RecordError, SpecError
from unlearnlib.report import (
    as_printed,
    compare,
    ledger,
    mean_by_method,
    paired,
    paired_each,
    read_claims,
    reported,
    show_beside,
    show_comparison,
    verdicts_on,
    what_ran,
)
from unlearnlib.report.handover import Cell
from unlearnlib.report.recorded_tables import of_rivals

from .made_tables import ACCURACY, rows

NAMES = {"SSD as released": "SSD", "SSD": "SSD, the equation"}
ROCKET = "Table 2, ResNet18, rocket"


def three_methods() -> pd.DataFrame:
    """Return accuracies of three methods on two splits, two seeds each."""
    splits = [("accuracy", "test_forget"), ("accuracy", "test_retain")]
    methods = {"JiT": [0.2, 0.5], "SSD": [0.1, 0.3], "Retrain": [0.0, 0.1]}
    return pd.concat(
        rows(method, values, measured=what) for method, values in methods.items() for what in splits
    )


def test_pairs_at_once_are_those_one_by_one_in_this_order() -> None:
    table, pairs = three_methods(), [("JiT", "Retrain"), ("SSD", "JiT")]
    measured = [("accuracy", "test_retain"), ("accuracy", "test_forget")]
    for ratio in (False, True):
        each = paired_each(table, measured, pairs, ratio=ratio)
        alone = [
            paired(table, "accuracy", "test_retain", "JiT", "Retrain", ratio=ratio),
            paired(table, "accuracy", "test_forget", "JiT", "Retrain", ratio=ratio),
            paired(table, "accuracy", "test_retain", "SSD", "JiT", ratio=ratio),
            paired(table, "accuracy", "test_forget", "SSD", "JiT", ratio=ratio),
        ]
        pd.testing.assert_frame_equal(each, pd.concat(alone))


def test_the_mean_of_a_measurement_by_method() -> None:
    means = mean_by_method(three_methods(), "accuracy", "test_retain")
    assert means.round(12).to_dict() == {"JiT": 0.35, "Retrain": 0.05, "SSD": 0.2}
    with pytest.raises(RecordError, match="no 'passes'"):
        mean_by_method(three_methods(), "passes")
    two = pd.concat([rows("JiT", [0.2], params=f'{{"lr": {lr}}}') for lr in (0.1, 1.0)])
    with pytest.raises(RecordError, match="2 settings of 'JiT'"):
        mean_by_method(two, "accuracy", "test_retain")


def test_what_ran_counts_runs_once_and_names_what_they_saw() -> None:
    table = pd.concat([rows("JiT", [0.2, 0.5]), rows("Retrain", [0.1])])
    assert what_ran(pd.concat([table, table]), "JiT") == (
        "3 runs: JiT, Retrain; seeds [0, 1]\nJiT saw: forget_inputs, generator"
    )


@pytest.mark.parametrize("about", ["jit/full_class", "jit-class"])
def test_verdicts_on_some_claims_are_those_of_the_whole_ledger(about: str) -> None:
    table = pd.concat([rows("JiT", [0.2, 0.3]), rows("Retrain", [0.2, 0.31])])
    few, every = verdicts_on(table, "paper", about), ledger({"paper": table})
    chosen = (every["page"] == about) | every["id"].str.startswith(about)
    whole = every[chosen & (every["scale"] == "paper")]
    pd.testing.assert_frame_equal(few.reset_index(drop=True), whole.reset_index(drop=True))
    assert 0 < len(few) < len(read_claims())


def test_verdicts_on_several_names_keep_the_order_of_the_file_and_refuse_an_unknown_one() -> None:
    table = pd.concat([rows("JiT", [0.2, 0.3]), rows("Retrain", [0.2, 0.31])])
    ids = verdicts_on(table, "laptop", "jit-random", "jit-subclass", "jit-random")["id"].tolist()
    begin = ("jit-random", "jit-subclass")
    assert ids == [claim.id for claim in read_claims() if claim.id.startswith(begin)]
    with pytest.raises(SpecError, match="'jit-rndom'"):
        verdicts_on(table, "laptop", "jit-random", "jit-rndom")


@pytest.mark.parametrize(("holds", "word"), [(True, "reproduced"), (False, "not reproduced")])
def test_verdicts_on_a_page_take_what_the_page_computed(holds: bool, word: str) -> None:
    cells = {"ssd-bound": Cell(holds)}
    judged = verdicts_on(pd.DataFrame(), "laptop", "dampening/method", cells=cells)
    assert judged.set_index("id").at["ssd-bound", "verdict"] == word


def test_recorded_runs_stand_beside_print_under_the_names_of_print() -> None:
    runs = recorded("dampening", dataset="cifar100", request="class:rocket")
    renamed = runs.assign(method=runs["method"].map(lambda name: NAMES.get(name, name)))
    table = show_comparison(compare(ROCKET, renamed, paper="ssd"), ROCKET)
    assert show_beside(ROCKET, "dampening", paper="ssd", model="resnet18", names=NAMES) == table
    assert "SSD, the equation" in repr(table)
    own = show_beside(ROCKET, "dampening", paper="ssd", model="resnet18")
    assert "SSD, the equation" not in repr(own)


def test_rivals_of_another_part_stand_beside_if_printed_lacking_and_on_the_same_models() -> None:
    shown = partial(show_beside, ROCKET, "dampening", paper="ssd", model="resnet18", names=NAMES)
    runs = recorded("dampening", dataset="cifar100", request="class:rocket")
    ours = runs.assign(method=runs["method"].replace(NAMES))
    printed = set(reported("ssd").query("item == @ROCKET")["method"])
    others = recorded("jit", dataset="cifar100", request="class:rocket")
    lent = others[others["method"].isin(printed - set(ours["method"]))]
    lent = lent[~lent["metric"].str.startswith("seconds")]
    assert {"FineTune"} <= set(lent["method"]), "the case is gone: choose another table"
    beside = pd.concat([ours, lent])
    assert shown(rivals="jit") == show_comparison(compare(ROCKET, beside, paper="ssd"), ROCKET)
    assert shown(rivals="dampening") == shown(rivals="pgu") == shown()
    assert "SSD, the equation" in repr(shown(rivals="jit"))


def test_a_rival_that_some_of_the_models_lack_does_not_stand_beside() -> None:
    runs = recorded("dampening", dataset="cifar100", request="class:rocket")
    others = recorded("jit", dataset="cifar100", request="class:rocket")
    first = others["seed_model"] == others["seed_model"].min()
    some = others[~(first & (others["method"] == "FineTune"))]
    lent = of_rivals(runs, some, others["method"])["method"]
    assert "FineTune" not in set(lent)
    assert "JiT" in set(lent)


@pytest.mark.parametrize("other", [{"model": "vit"}, {"scale": "paper"}, {"seed_model": 77}])
def test_rivals_on_other_models_do_not_stand_beside(other: dict[str, Any]) -> None:
    runs = recorded("dampening", dataset="cifar100", request="class:rocket")
    others = recorded("jit", dataset="cifar100", request="class:rocket")
    printed = others["method"]
    lent = of_rivals(runs, others, printed)
    assert {"FineTune", "JiT"} <= set(lent["method"])
    assert not set(lent["method"]) & set(runs["method"])
    assert "seconds_unlearn" in set(others["metric"]) - set(lent["metric"])
    assert of_rivals(runs, others.assign(**other), printed).empty


def test_times_are_left_out_where_asked_and_nothing_else() -> None:
    item = "Table 8, ResNet18, rocket"
    both = [
        show_beside(item, "dampening", paper="ssd", model="resnet18", times=times)
        for times in (True, False)
    ]
    assert [table.spans[1:-1].index("Time") for table in both[:1]] == [3]
    assert both[1].spans == (*both[0].spans[:4], both[0].spans[-1])


def test_a_table_of_another_network_stands_alone() -> None:
    for item, model in (("Table 2, ViT, rocket", "resnet18"), (ROCKET, "vit")):
        text = repr(show_beside(item, "dampening", paper="ssd", model=model))
        assert "Not run by us: the numbers are the printed ones." in text
    with pytest.raises(SpecError, match="'Table 99' is not an item"):
        show_beside("Table 99", "dampening", paper="ssd", model="vit")


def test_numbers_as_printed_are_in_per_cent_whatever_their_unit() -> None:
    shared = {"item": "UnAct", "metric": "accuracy_batch_mean", "sd": float("nan")}
    lines = pd.DataFrame(
        [
            shared | {"method": "SSD", "split": "test", "unit": "%", "mean": 50.0, "sd": 1.25},
            shared | {"method": "SSD", "split": "forget", "unit": "fraction", "mean": 0.5},
        ]
    )
    assert as_printed(lines).to_dict("records") == [
        {"set-up": "UnAct", "method": "SSD", "accuracy, test": "50.0 ± 1.2",
         "accuracy, forget": "50.0"}
    ]  # fmt: skip


def test_a_run_that_stands_twice_weighs_once() -> None:
    table = rows("JiT", [0.2, 0.6])
    twice = pd.concat([table, table.iloc[:1]])
    assert mean_by_method(twice, *ACCURACY)["JiT"] == pytest.approx(0.4)
