"""What a run, a model and a statistic are known by: what decides their numbers, and no more."""

import json
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import pytest

from unlearnlib import METHODS, SSD, Grid, JiT, Moments, Recipe, Scenario, Statistic
from unlearnlib.fields import BOUNDS_MEMORY, Count, Positive, differing, first_defaults
from unlearnlib.locations import PACKAGE
from unlearnlib.runs import records, specification

FIRST = Path(__file__).with_name("first_defaults.json")


def run_of(options: dict[str, Any], **training: Any) -> Any:
    """The one run of a grid with one method."""
    grid = Grid(
        "try", "laptop", "toy", "mlp", ["class:1"], {"epochs": 1} | training, {"A": options}, [0]
    )
    return next(grid.runs())


def id_of(kind: str, **options: Any) -> str:
    found: str = run_of({"type": kind, **options}).run_id
    return found


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> type[JiT]:
    """JiT as it may be one day: with a field more, and another default."""

    @dataclass(frozen=True)
    class JiT2(JiT):
        sigma: Positive = field(default=0.7, metadata={"first": 0.5})
        extra: Count = 3
        more_chunk: Count = field(default=9, metadata=BOUNDS_MEMORY)

    monkeypatch.setitem(METHODS, "JiT", JiT2)
    specification._constructors.cache_clear()
    return JiT2


class TestOfARun:
    def test_a_new_field_with_a_default_changes_none(self, request: pytest.FixtureRequest) -> None:
        before = id_of("JiT", sigma=0.7, lr=0.5)
        request.getfixturevalue("later")
        assert id_of("JiT", sigma=0.7, lr=0.5) == before
        assert id_of("JiT", sigma=0.7, lr=0.5, more_chunk=4) == before
        assert id_of("JiT", sigma=0.7, lr=0.5, extra=4) != before

    def test_nor_does_a_new_default_if_the_old_one_is_written(
        self, request: pytest.FixtureRequest
    ) -> None:
        old, seven = id_of("JiT"), id_of("JiT", sigma=0.7)
        request.getfixturevalue("later")
        assert id_of("JiT", sigma=0.5) == old
        assert id_of("JiT") == seven != old

    def test_a_record_of_before_still_has_its_values(self, later: type[JiT]) -> None:
        run = run_of({"type": "JiT", "sigma": 0.5})
        record = {
            "run_id": run.run_id, "identity": run.identity, "specification": run.specification,
            "rows": [["accuracy", "test", 0.5]], "provenance": {"behaviour": ""},
        }  # fmt: skip
        assert json.loads(run.identity["params"]) == {}
        table = records.table([record])
        assert table[["sigma", "extra"]].iloc[0].tolist() == [0.5, 3]

    def test_memory_is_not_part_of_it(self) -> None:
        assert id_of("SSD") == id_of("SSD", chunk=7)
        assert id_of("SSD") != id_of("SSD", group=7)

    def test_it_is_all_one_how_a_method_was_made(self) -> None:
        released = SSD.as_released()
        values = {one.name: getattr(released, one.name) for one in fields(released)}
        assert id_of("SSD.as_released") == id_of("SSD", **values) != id_of("SSD")

    def test_a_whole_number_is_a_number(self) -> None:
        assert id_of("JiT", lr=1) == id_of("JiT", lr=1.0)

    def test_a_recipe_is_known_by_what_differs(self) -> None:
        one, same, other = (
            run_of({"type": "JiT"}, **training).run_id
            for training in ({}, {"optimiser": "sgd", "lr": 0.1}, {"optimiser": "adamw"})
        )
        assert one == same != other

    def test_what_a_method_sees_is_no_part_of_it(self) -> None:
        run = run_of({"type": "JiT"})
        assert records.run_id(run.identity | {"access": "all"}, run.specification) == run.run_id

    @pytest.mark.parametrize(
        ("key", "value"),
        [("dataset", "x"), ("model", "x"), ("request", "x"), ("seed_model", 9), ("part", "x"),
         ("seed_request", 9), ("seed_method", 9), ("method", "x"), ("scale", "paper")],
    )  # fmt: skip
    def test_all_else_is(self, key: str, value: Any) -> None:
        run = run_of({"type": "JiT"})
        assert records.run_id(run.identity | {key: value}, run.specification) != run.run_id

    @pytest.mark.parametrize(
        "change", [{"validation": 0.5}, {"splits": ["test"]}, {"training": {"epochs": 2}}]
    )
    def test_and_so_is_the_rest_of_its_specification(self, change: dict[str, Any]) -> None:
        run = run_of({"type": "JiT"})
        assert records.run_id(run.identity, run.specification | change) != run.run_id


def test_models_and_statistics_are_known_by_what_differs() -> None:
    scenario = Scenario("toy", "mlp", "class:1", Recipe(3, lr=0.1))
    assert scenario.identity()["recipe"] == {"epochs": 3}
    assert differing(Statistic("fisher", group=1)) == {"kind": "fisher"}
    assert differing(Statistic("sensitivity", 4, norm="l2")) == {
        "kind": "sensitivity", "group": 4, "norm": "l2",
    }  # fmt: skip
    assert Moments().identity == {"moments": {}}
    assert Moments(stride_one=True).identity == {"moments": {"stride_one": True}}


def test_first_defaults_stay() -> None:
    """A default that changes must keep the first one as metadata, or records change their names.

    A new field goes into the file with its default: what all records before it were made with.
    """
    kept = json.loads(FIRST.read_text(encoding="utf-8"))
    known = (*METHODS.values(), Recipe, Statistic, Moments)
    now = {cls.__name__: first_defaults(cls) for cls in known}
    assert now == kept


class TestCommitted:
    """What was committed is known by what it was."""

    FOLDER = PACKAGE.parent / "notebooks"

    @pytest.mark.parametrize(
        ("spec", "part"),
        [("jit/full_class.workstation.yaml", "jit"),
         ("pgu/removal.part.workstation.yaml", "pgu"),
         ("nabla_tau/tables.workstation.yaml", "nabla_tau"),
         ("dampening/search/full_class.workstation.yaml", "dampening")],
    )  # fmt: skip
    def test_the_run_ids_of_records(self, spec: str, part: str) -> None:
        plan = Grid.read(self.FOLDER / spec)
        known = records.known(part, plan.scale)
        for run in plan.runs():
            assert known[run.run_id]["identity"] == run.identity
            assert known[run.run_id]["specification"] == run.specification

    def test_run_ids_by_themselves(self) -> None:
        grid = Grid(
            "try", "laptop", "cifar10", "mlp", ["class:boot"], {"epochs": 1}, {"JiT": {}}, [0]
        )
        ids = [run.run_id for run in grid.runs()]
        assert ids == ["378fd4470d18aa95"]
