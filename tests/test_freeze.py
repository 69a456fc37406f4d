"""Claims that are frozen: the command changes nothing else, and refuses what could not be read."""

import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from unlearnlib.report import read_claims
from unlearnlib.runs.mapping import values


@pytest.fixture
def freeze(of_book: Callable[[str], ModuleType]) -> ModuleType:
    """book/freeze.py."""
    return of_book("freeze")


def test_one_place_is_frozen_anew_where_it_alone_was_changed(
    freeze: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "claims.yaml"
    place.write_text(freeze.CLAIMS.read_text("utf-8"), "utf-8")
    monkeypatch.setattr(freeze, "CLAIMS", place)
    (before,) = (claim.frozen for claim in read_claims(place) if claim.id == "jit-class")
    assert before
    declared = freeze.settings_of
    paper, other, laptop = "paper/cifar100", "workstation/cifar100", "laptop/fashion_small"
    assert {paper, other, laptop} <= {*before.settings}

    def changed(*places: str, gone: str = "") -> None:
        def settings(entry: dict[str, Any]) -> dict[str, str]:
            now = {k: v for k, v in declared(entry).items() if k != gone}
            return now | dict.fromkeys(places, "new")

        monkeypatch.setattr(freeze, "settings_of", settings)

    for places, told in (
        ((), "has the settings"),
        ((paper, laptop), rf"changed elsewhere too\. Add: --at {laptop}$"),
    ):
        changed(*places)
        with pytest.raises(SystemExit, match=told):
            freeze.main(["jit-class", "--at", paper])
    for strange in ("paper", "paper/cifar01"):  # named in part, misspelt
        with pytest.raises(
            SystemExit, match=rf"no settings at {strange}\. It has some at {laptop}"
        ):
            freeze.main(["jit-class", "--at", strange])
    changed(paper)
    freeze.main(["jit-class", "--at", paper])
    (claim,) = (claim for claim in read_claims(place) if claim.id == "jit-class")
    assert claim.frozen
    assert claim.frozen._replace(anew={}, settings={}) == before._replace(anew={}, settings={})
    assert claim.frozen.settings == {**before.settings, paper: "new"}
    later = claim.at("paper", "cifar100").since
    assert claim.frozen.anew == {**before.anew, paper: later}
    for there in (("laptop", "fashion_small"), ("workstation", "cifar100")):
        assert claim.since == before.time < later
        assert claim.at(*there).since == before.anew.get("/".join(there), before.time)
    changed(paper, other, "paper/new")  # at others, of which one is new; the first keeps its time
    freeze.main(["jit-class", "--at", other, "--at", "paper/new"])
    (claim,) = (claim for claim in read_claims(place) if claim.id == "jit-class")
    assert claim.frozen
    assert claim.frozen.anew[paper] == later
    assert [*claim.frozen.anew] == [*dict.fromkeys([*before.anew, paper, other, "paper/new"])]
    changed(other, "paper/new", gone=paper)  # its records may stay where its settings are gone
    freeze.main(["jit-class", "--at", paper])
    (claim,) = (claim for claim in read_claims(place) if claim.id == "jit-class")
    assert claim.frozen
    assert paper not in claim.frozen.settings
    assert claim.at("paper", "cifar100").since >= later
    place.write_text(place.read_text("utf-8").replace("at_most: 0.15", "at_most: 0.16"), "utf-8")
    changed(laptop, other, paper)
    with pytest.raises(SystemExit, match=r"was changed since\. Freeze it whole"):
        freeze.main(["jit-class", "--at", laptop])
    freeze.main(["jit-class"])
    (claim,) = (claim for claim in read_claims(place) if claim.id == "jit-class")
    assert claim.frozen
    assert claim.frozen.anew == {}


def test_the_command_writes_one_line_a_claim(
    freeze: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "claims.yaml"
    lines = freeze.CLAIMS.read_text("utf-8").splitlines()
    before = "\n".join(line for line in lines if not line.startswith("  frozen: ")) + "\n"
    place.write_text(before, "utf-8")
    monkeypatch.setattr(freeze, "CLAIMS", place)
    for _ in range(2):  # the second time in the place of the first
        freeze.main(["jit-class", "ssd-bound"])
        lines = place.read_text("utf-8").splitlines()
        assert [line for line in lines if not line.startswith("  frozen: ")] == before.splitlines()
        assert sum(line.startswith("  frozen: ") for line in lines) == 2
    claims = {claim.id: claim for claim in read_claims(place)}
    ids = [name for name, claim in claims.items() if claim.frozen]
    assert ids == ["jit-class", "jit-class-released", "ssd-bound"]
    assert not any(claim.changed for claim in claims.values())
    (entry,) = (one for one in values(place) if one["id"] == "jit-class")
    assert entry["frozen"]["settings"] == freeze.settings_of(entry)
    place.write_text(place.read_text("utf-8").replace("at_most: 0.15", "at_most: 0.16"), "utf-8")
    changed = {claim.id for claim in read_claims(place) if claim.changed}
    assert changed == {"jit-class", "jit-class-released"}
    before = place.read_text("utf-8")
    for names, told in ((["no-such"], "no-such"), ([], "Name the claims to freeze")):
        with pytest.raises(SystemExit, match=told):
            freeze.main(names)
    assert place.read_text("utf-8") == before


def test_a_file_that_could_not_be_read_any_more_is_not_written(
    freeze: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever moved the line by hand would have two of them."""
    place = tmp_path / "claims.yaml"
    line = 'frozen: {time: "2026-11-29T11:05:00+00:00", digest: x, settings: {}}'
    text = f"- id: a\n  part: jit\n  sentence: s\n  source: t\n  {line}\n  cell: true\n"
    place.write_text(text, "utf-8")
    monkeypatch.setattr(freeze, "CLAIMS", place)
    with pytest.raises(SystemExit, match=r"^Nothing is frozen, .* twice"):
        freeze.main(["a"])
    assert place.read_text("utf-8") == text
    assert [*tmp_path.iterdir()] == [place]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("page: jit/no_such\n  cell: true", r"no page 'jit/no_such'.* such as jit/full_class"),
        ("page: : jit", r"^Nothing is frozen: .*claims.yaml, line 5"),
        ("", r"^Nothing is frozen: Claim 'a' has no test"),
    ],
)
def test_a_claim_of_ones_own_that_cannot_be_read_ends_in_a_sentence(
    freeze: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str, told: str
) -> None:
    place = tmp_path / "claims.yaml"
    text = f"- id: a\n  part: jit\n  sentence: s\n  source: t\n  {wrong}\n"
    place.write_text(text, "utf-8")
    monkeypatch.setattr(freeze, "CLAIMS", place)
    with pytest.raises(SystemExit, match=told):
        freeze.main(["a"])
    assert place.read_text("utf-8") == text


@pytest.mark.parametrize(
    ("left", "told"),
    [
        (
            {"method": "JTi", "metric": "accuracy"},
            "method 'JTi', which is nowhere. Did you mean JiT?",
        ),
        (
            {"method": "JiT", "metric": "acuracy"},
            "'acuracy', which is nowhere. Did you mean accuracy?",
        ),
        (
            {"method": "JiT", "metric": "loss", "split": "tset"},
            "the split 'tset', which is nowhere.",
        ),
    ],
)
def test_a_claim_on_what_no_page_and_no_record_has_is_not_frozen(
    freeze: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    left: dict[str, str],
    told: str,
) -> None:
    claim = {"id": "a", "part": "jit", "sentence": "s", "source": "t", "tests": [
        {"left": left, "right": {"method": "Original"}, "at_most": 0}]}  # fmt: skip
    place = tmp_path / "claims.yaml"
    place.write_text(yaml.safe_dump([claim], sort_keys=False), "utf-8")
    monkeypatch.setattr(freeze, "CLAIMS", place)
    with pytest.raises(SystemExit, match=re.escape(told)):
        freeze.main(["a"])


SOUND: dict[str, Any] = {
    "where": {"request": "class:*", "part": "jit-sensitivity"},
    "left": {"method": "JiT", "metric": "accuracy", "params": {"sigma": 1.0}},
    "right": {"method": "Original"},
    "at_most": 0.15,
}


@pytest.mark.parametrize(
    ("claim", "test", "told"),
    [
        ({"part": "jitt"}, {}, "the part 'jitt', which is nowhere. Did you mean jit?"),
        ({}, {"where": {"part": "jit-sens"}}, "the part 'jit-sens', which fits nothing. Did you"),
        ({}, {"where": {"request": "clas:*"}}, "the request 'clas:*', which fits nothing. Did"),
        ({}, {"where": {"dataset": "cifar-*"}}, "the dataset 'cifar-*', which fits nothing. Did"),
        ({"kinds": [{"model": "MLP"}]}, {}, "about the model 'MLP', which fits nothing. Known"),
        ({}, {"left": {**SOUND["left"], "params": {"sgima": 1.0}}}, "params 'sgima', which is no"),
        ({}, {"at_most": 15}, "at_most is 15, and a share of accuracy lies between -1 and 1. Per "
         "cent and points are hundredths: 0.15."),
        ({}, {"at_least": -4}, "at_least is -4, and a share of accuracy lies between -1 and 1."),
        ({}, {"left": {"method": "JiT", "metric": "attack_loss"}, "right": None, "at_most": 55},
         "at_most is 55, and a share of attack_loss lies between 0 and 1."),
        ({}, {"left": {"method": "JiT", "metric": "attack_loss"}, "right": None, "at_most": -0.1},
         "at_most is -0.1, and a share of attack_loss lies between 0 and 1."),
        ({}, {"right": None, "way": True, "at_most": 50}, "at_most is 50, and a share of the way "),
    ],
)  # fmt: skip
def test_what_a_claim_misspells_and_borders_in_another_unit_are_told(
    freeze: ModuleType, claim: dict[str, Any], test: dict[str, Any], told: str
) -> None:
    entry = {"id": "a", "part": "jit", "tests": [SOUND]}
    assert not [*freeze.misspelt([entry])]
    changed = {name: value for name, value in (SOUND | test).items() if value is not None}
    (fault,) = freeze.misspelt([entry | claim | {"tests": [changed]}])
    assert fault.startswith("'a'")
    assert told in fault


@pytest.mark.parametrize(
    "test",
    [
        {"left": {"method": "JiT", "metric": "entropy"}, "at_most": 2.5},  # nats
        {"left": {"method": "JiT", "metric": "passes"}, "ratio": True, "at_most": 25},
        {"left": {"method": "JiT", "metric": "loss"}, "right": None, "at_least": 3.0},
        {"right": None, "way": True, "at_most": 1.5},
    ],
)
def test_what_is_no_share_may_be_larger_than_one(freeze: ModuleType, test: dict[str, Any]) -> None:
    changed = {name: value for name, value in (SOUND | test).items() if value is not None}
    assert not [*freeze.misspelt([{"id": "a", "part": "jit", "tests": [changed]}])]


def test_no_claim_names_what_is_nowhere(freeze: ModuleType) -> None:
    assert not [*freeze.misspelt(values(freeze.CLAIMS))]
