"""What there is to forget: memorisation, headroom, and two retrained models as its floor."""

import pandas as pd
import pytest

from unlearnlib.errors import RecordError
from unlearnlib.report import headroom, show_headroom

from .made_tables import rows

SEEN = ("accuracy", "forget")


def runs(original: list[float], retrained: list[float], again: list[float]) -> pd.DataFrame:
    """Records of one request, one value a seed."""
    kept = rows("Original", [0.998] * len(original), measured=("accuracy", "retain"))
    named = {"Original": original, "Retrain": retrained, "Retrain again": again}
    return pd.concat([kept, *(rows(name, v, measured=SEEN) for name, v in named.items())])


def test_headroom_and_floor_are_means_of_what_each_seed_shows() -> None:
    # By hand: headroom .1, .12, .14; floor |.9 - .93| = .03, .01, .05.
    one = headroom(runs([1.0, 1.0, 0.995], [0.9, 0.88, 0.855], [0.93, 0.87, 0.905])).iloc[0]
    assert one["headroom"] == pytest.approx(0.12)
    assert one["floor"] == pytest.approx(0.03)
    assert one["known"] == pytest.approx(0.995)
    assert one["n"] == 3
    assert one["memorised"]
    assert one["enough"]


@pytest.mark.parametrize(
    ("original", "again", "memorised", "enough"),
    [
        ([1.0, 1.0], [0.95, 0.85], True, True),  # .1 is twice .05
        ([1.0, 1.0], [0.96, 0.84], True, False),
        ([1.0, 0.98], [0.9, 0.9], False, True),
    ],
)
def test_a_request_with_too_little_is_told(
    original: list[float], again: list[float], memorised: bool, enough: bool
) -> None:
    table = runs(original, [0.9, 0.9], again)
    one = headroom(table).iloc[0]
    assert (one["memorised"], one["enough"]) == (memorised, enough)
    answer = "yes" if memorised and enough else "no"
    assert show_headroom(table).rows[0][1][-2] == answer


def test_without_a_second_retrained_model_nothing_is_enough() -> None:
    table = runs([1.0, 1.0], [0.5, 0.5], [0.5, 0.5])
    one = headroom(table[table["method"] != "Retrain again"]).iloc[0]
    assert pd.isna(one["floor"])
    assert not one["enough"]


def test_tables_of_several_networks_on_one_page_have_captions_of_their_own() -> None:
    table = runs([1.0, 1.0], [0.9, 0.9], [0.9, 0.9])
    captions = {show_headroom(table.assign(model=name)).caption for name in ("mlp", "cnn")}
    assert len(captions) == 2
    data = table["dataset"].iloc[0]
    assert show_headroom(table.assign(model="mlp")).caption.startswith(
        f"What there is to forget, {data}, mlp: accuracy on the forget set"
    )


def test_models_that_lack_are_named() -> None:
    table = runs([1.0], [0.9], [0.9])
    with pytest.raises(RecordError, match="of Retrain there is no accuracy on 'forget'"):
        headroom(table[table["method"] != "Retrain"])


def test_its_means_are_of_the_models_that_have_both() -> None:
    """A grid that was cut off has originals whose retrained models are still to come."""
    one = headroom(runs([1.0, 1.0, 0.5], [0.9, 0.8], [0.9, 0.8])).iloc[0]
    told = [one[name] for name in ("original", "retrained", "headroom", "n")]
    assert told == pytest.approx([1.0, 0.85, 0.15, 2])


def test_scales_are_not_mixed() -> None:
    table = runs([1.0], [0.9], [0.9])
    both = pd.concat([table, table.assign(scale="paper", run_id=table["run_id"] + "-paper")])
    with pytest.raises(RecordError, match="2 set-ups"):
        headroom(both)


def test_a_request_without_a_pair_is_named() -> None:
    whole, lacks = runs([1.0], [0.9], [0.9]), runs([1.0], [0.9], [0.9]).assign(request="class:sea")
    lacks = lacks[lacks["method"] != "Retrain"].assign(run_id=lambda t: t["run_id"] + "-sea")
    with pytest.raises(RecordError, match=r"No model has both .*class:sea"):
        headroom(pd.concat([whole, lacks]))
