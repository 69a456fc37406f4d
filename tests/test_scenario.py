"""Scenarios: splits that are disjoint copies, models that are made once."""

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from unlearnlib import (
    ACCESS,
    EMMN,
    GKT,
    Dataset,
    Labelled,
    Original,
    Recipe,
    Scenario,
    Splits,
    rng,
    scenario,
)
from unlearnlib.access import STORED
from unlearnlib.errors import RequestError, SpecError
from unlearnlib.training import train

RECIPE = Recipe(1, lr=0.05, batch_size=32)


def make(request: str = "class:Boot", **changes: Any) -> Scenario:
    return Scenario("toy", "mlp", request, RECIPE, **changes)


def rows(x: Tensor) -> set[tuple[float, ...]]:
    """The images as a set; no two of the toy are equal."""
    return {tuple(row) for row in x.flatten(1).tolist()}


def count_trainings(monkeypatch: pytest.MonkeyPatch) -> list[Labelled]:
    """Let `scenario` note the data that it trains on."""
    seen: list[Labelled] = []

    def noted(model: nn.Module, data: Labelled, *rest: Any) -> nn.Module:
        seen.append(data)
        return train(model, data, *rest)

    monkeypatch.setattr(scenario, "train", noted)
    return seen


REQUESTS = ["class:Boot", "classes:Bag,Coat", "subclass:Parka", "random:17", "random:0.3"]


@pytest.mark.usefixtures("lab")
class TestSplits:
    @pytest.mark.parametrize("validation", [0.0, 0.2])
    @pytest.mark.parametrize("request_", REQUESTS)
    def test_the_parts_are_disjoint_and_cover_the_whole(
        self, toy: Dataset, request_: str, validation: float
    ) -> None:
        made = make(request_, validation=validation)
        s = made.splits
        n = len(s.forget) + len(s.retain) + len(s.validation)
        assert n == len(toy.train) == 120
        assert len(s.validation) == 120 * validation
        assert len(made.train) == len(s.forget) + len(s.retain)
        assert rows(s.forget.x) | rows(s.retain.x) | rows(s.validation.x) == rows(toy.train.x)
        assert rows(s.test.x) == rows(toy.test.x) == rows(s.test_forget.x) | rows(s.test_retain.x)
        assert len(s.test_forget) + len(s.test_retain) == len(s.test)
        assert len(s.validation_forget) + len(s.validation_retain) == len(s.validation)
        assert rows(s.validation_forget.x) | rows(s.validation_retain.x) == rows(s.validation.x)

    def test_every_image_keeps_its_label(self, toy: Dataset) -> None:
        known = {
            tuple(x): y
            for data in (toy.train, toy.test)
            for x, y in zip(data.x.flatten(1).tolist(), data.y.tolist(), strict=True)
        }
        splits = make("random:30", validation=0.3).splits
        for field in fields(Splits)[:-1]:  # the last says which images are alike
            part = getattr(splits, field.name)
            for x, y in zip(part.x.flatten(1).tolist(), part.y.tolist(), strict=True):
                assert known[tuple(x)] == y

    def test_kinds(self) -> None:
        s = make("class:Boot", validation=0.25).splits
        for part in (s.forget, s.test_forget, s.validation_forget):
            assert set(part.y.tolist()) == {1}
        for part in (s.retain, s.test_retain, s.validation_retain):
            assert set(part.y.tolist()) == {0, 2}

    def test_a_sub_class_leaves_its_sisters(self, toy: Dataset) -> None:
        assert toy.train_subclass is not None
        assert toy.test_subclass is not None
        s = make("subclass:Parka", validation=0.25).splits
        parkas = rows(toy.train.x[toy.train_subclass == 4])
        assert rows(s.forget.x) | rows(s.validation_forget.x) == parkas
        assert rows(s.test_forget.x) == rows(toy.test.x[toy.test_subclass == 4])
        assert len(s.validation_forget) > 0

    def test_a_random_request_has_no_kind(self) -> None:
        s = make("random:10", validation=0.25).splits
        assert len(s.forget) == 10
        assert len(s.test_forget) == len(s.validation_forget) == 0

    def test_splits_are_copies(self, toy: Dataset) -> None:
        before = toy.train.x.clone(), toy.train.y.clone(), toy.test.x.clone()
        s = make(validation=0.25).splits
        for name in ("forget", "retain", "validation", "test_forget", "test_retain"):
            getattr(s, name).x.fill_(99)
            getattr(s, name).y.fill_(0)
        assert torch.equal(toy.train.x, before[0])
        assert torch.equal(toy.train.y, before[1])
        assert torch.equal(toy.test.x, before[2])
        whole = toy.train.x.untyped_storage().nbytes()
        assert s.forget.x.untyped_storage().nbytes() < whole
        assert s.forget.x._base is None

    def test_validation_is_the_same_for_every_seed_and_request(self) -> None:
        ways = [
            make("class:0", validation=0.25),
            make("random:9", validation=0.25, seed_model=3, seed_request=4),
        ]
        one, two = (rows(way.splits.validation.x) for way in ways)
        assert one == two

    def test_the_seed_of_the_request_draws_it(self) -> None:
        one, again, other = (
            rows(make("random:9", seed_request=s, seed_model=m).splits.forget.x)
            for s, m in ((0, 0), (0, 1), (1, 0))
        )
        assert one == again != other

    def test_a_sub_class_needs_a_set_with_super_classes(
        self, toy: Dataset, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        plain = Dataset("plain", toy.train, toy.test, toy.classes)
        monkeypatch.setattr(scenario, "load", lambda name: plain)
        with pytest.raises(RequestError, match="'plain' has none"):
            _ = make("subclass:Parka").splits

    @pytest.mark.parametrize("share", [-0.1, 1.0, 5])
    def test_a_share_is_a_share(self, share: float) -> None:
        with pytest.raises(SpecError, match="validation must be at least 0 and below 1, not"):
            make(validation=share)

    def test_offers_are_the_vocabulary(self) -> None:
        made = make(validation=0.1)
        offers = made.offers(3, Original())
        assert vars(offers).keys() == ACCESS.keys() - {*STORED, "forget_classes"}
        assert offers.forget is made.splits.forget
        assert torch.equal(offers.retain_inputs.x, made.splits.retain.x)
        assert offers.recipe == RECIPE
        assert offers.input_shape == (1, 8, 8)
        assert torch.equal(offers.generator.get_state(), rng("method", 3).get_state())

    def test_classes_are_offered_to_who_names_them_and_then_there_must_be_some(self) -> None:
        assert make("classes:Bag,Coat").offers(0, EMMN()).forget_classes == (0, 2)
        assert not hasattr(make().offers(0, Original()), "forget_classes")
        with pytest.raises(RequestError, match=r"^'random:9' forgets no whole class, and a method"):
            make("random:9").offers(0, GKT())


class TestModels:
    def test_the_original_is_trained_once(self, lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        seen = count_trainings(monkeypatch)
        one, seconds = make(validation=0.1).original
        (data,) = seen
        assert len(data) == 108
        assert len(list((lab / "cache" / "models").iterdir())) == 1
        # another request, another draw: the same original, and what it cost then
        two, then = make("random:9", validation=0.1, seed_request=5).original
        assert len(seen) == 1
        assert then == seconds > 0
        assert not one.training
        assert not two.training
        for (name, p), q in zip(one.state_dict().items(), two.state_dict().values(), strict=True):
            assert torch.equal(p, q), name

    @pytest.mark.parametrize(
        "change",
        [{"dataset": "other"}, {"model": "simple_cnn"}, {"recipe": Recipe(1, 0.04, batch_size=32)},
         {"seed_model": 1}, {"validation": 0.2}],
    )  # fmt: skip
    def test_another_recipe_is_another_file(
        self, lab: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
    ) -> None:
        seen = count_trainings(monkeypatch)
        _ = make(validation=0.1).original
        _ = replace(make(validation=0.1), **change).original
        assert len(seen) == len(list((lab / "cache" / "models").iterdir())) == 2

    def test_the_cache_does_not_change_what_is_trained(self, lab: Path) -> None:
        first = make().original[0]
        for path in (lab / "cache" / "models").iterdir():
            path.unlink()
        again = make().original[0]
        assert all(map(torch.equal, first.parameters(), again.parameters()))

    def test_oracles_of_requests_and_seeds_are_apart(self, lab: Path) -> None:
        calls: list[int] = []

        def retrain() -> tuple[nn.Module, dict[str, float]]:
            calls.append(len(calls))
            return make().fresh_model(rng("oracle", len(calls))), {"seconds_unlearn": 1.5}

        first, cost = make().oracle(0, retrain)
        again, same = make().oracle(0, retrain)
        assert calls == [0]
        assert cost == same == {"seconds_unlearn": 1.5}
        assert all(map(torch.equal, first.parameters(), again.parameters()))
        make().oracle(1, retrain)
        make("class:Bag").oracle(0, retrain)
        make(seed_request=1).oracle(0, retrain)
        assert calls == [0, 1, 2, 3]
        make().oracle(0, retrain, again=1)
        make().oracle(0, retrain, again=1)
        assert calls == [0, 1, 2, 3, 4]

    @pytest.mark.usefixtures("lab")
    def test_fresh_models_follow_their_generator(self) -> None:
        torch.manual_seed(3)
        before = torch.get_rng_state()
        one, again, other = (make().fresh_model(rng("a", s)) for s in (0, 0, 1))
        assert all(map(torch.equal, one.parameters(), again.parameters()))
        assert not any(map(torch.equal, one.parameters(), other.parameters()))
        assert torch.equal(torch.get_rng_state(), before)

    def test_what_does_not_change_is_shared(
        self, lab: Path, toy: Dataset, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = make()
        assert not vars(first.but(request="random:3")).keys() & {"original", "splits"}
        _ = first.original, first.splits
        loads: list[str] = []

        def load(name: str) -> Dataset:
            loads.append(name)
            return replace(toy, name=name)

        monkeypatch.setattr(scenario, "load", load)
        same = first.but(request="random:3", seed_request=2)
        assert same == make("random:3", seed_request=2)
        assert len(same.splits.forget) == 3
        assert same.original is first.original
        for change in ({"seed_model": 1}, {"model": "simple_cnn"}, {"validation": 0.1}):
            other = first.but(**change)
            assert not other.trained
            assert other.data.train.x is first.data.train.x
        assert loads == []
        moved = first.but(dataset="another")
        assert moved.data.name == "another"
        assert not moved.trained
        assert loads == ["another"]

    def test_data_of_another_set_are_refused(self, toy: Dataset) -> None:
        with pytest.raises(SpecError, match="loaded is 'toy', not 'another'"):
            replace(make(loaded=toy), dataset="another")
        assert make(loaded=toy) == make()


def test_purposes_have_streams_of_their_own() -> None:
    draws = [
        tuple(torch.rand(4, generator=rng(purpose, seed)).tolist())
        for purpose in ("original", "method", "request", "validation")
        for seed in range(5)
    ]
    assert len(set(draws)) == 20
    assert draws[0] == tuple(torch.rand(4, generator=rng("original", 0)).tolist())


@pytest.mark.usefixtures("lab")
def test_an_identity_is_json() -> None:
    assert json.loads(json.dumps(make().identity())) == make().identity()
