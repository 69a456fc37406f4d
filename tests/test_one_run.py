"""Runs: what is handed over, what it costs, what is measured."""

import json
from dataclasses import dataclass, fields, replace
from typing import Any

import pandas as pd
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from unlearnlib import (
    DELETE,
    LFSSD,
    PGU,
    SCRUB,
    SSD,
    UNSIR,
    BadTeacher,
    FineTune,
    FisherForgetting,
    GradientAscent,
    JiT,
    L1Sparse,
    Labelled,
    Method,
    Moments,
    NablaTau,
    Original,
    RandomLabel,
    Recipe,
    Retrain,
    SalUn,
    Scenario,
    SFROn,
    Splits,
    WoodFisher,
    measure,
    metrics,
    outputs,
    rng,
    run,
    unlearn,
)
from unlearnlib.fields import first_defaults
from unlearnlib.runs import one_run

RECIPE: dict[str, Any] = {"epochs": 2, "lr": 0.05, "batch_size": 32}
ALWAYS = {"accuracy", "accuracy_batch_mean", "entropy", "loss"}
COSTS = {"seconds_unlearn", "seconds_cpu", "passes", "change_norm"}
ATTACKS = {"mia_entropy", "attack_loss", "attack_entropy"}


def scenario(request: str = "class:Boot", **changes: Any) -> Scenario:
    return Scenario("toy", "mlp", request, Recipe(**RECIPE), **changes)


def value(table: pd.DataFrame, metric: str, split: str = "") -> float:
    (found,) = table.loc[(table["metric"] == metric) & (table["split"] == split), "value"]
    return float(found)


@pytest.mark.usefixtures("lab")
class TestMeasure:
    def test_every_metric_of_every_split(self) -> None:
        made = scenario(validation=0.25)
        model = made.fresh_model(rng("a", 0)).eval()
        rows = measure(model, made.splits)
        names = set(one_run.SPLITS)
        expected = {(metric, split) for metric in ALWAYS for split in names}
        attacks = {(name, "forget") for name in ATTACKS}
        assert {(metric, split) for metric, split, _ in rows} == expected | attacks
        assert len(rows) == len(expected) + 3
        found = {(metric, split): v for metric, split, v in rows}
        z, y = outputs(model, made.splits.retain.x), made.splits.retain.y
        assert found["accuracy", "retain"] == metrics.accuracy(z, y)
        assert found["accuracy_batch_mean", "retain"] == metrics.accuracy_batch_mean(z, y)
        assert found["loss", "retain"] == metrics.loss(z, y)
        assert found["entropy", "retain"] == metrics.entropy(z).mean().item()
        for name in one_run.SPLITS:  # parts of the test set are not computed by themselves
            part = getattr(made.splits, name)
            exact = metrics.accuracy(outputs(model, part.x), part.y)
            assert found["accuracy", name] == exact, name
        parts = (made.splits.forget, made.splits.retain, made.splits.test)
        attack = metrics.mia_entropy(*(outputs(model, part.x) for part in parts))
        assert found["mia_entropy", "forget"] == attack

    @pytest.mark.parametrize(
        ("forgotten", "unseen"), [("class:Boot", "test_forget"), ("random:30", "test")]
    )
    def test_attacks_use_test_data_that_no_method_sees(self, forgotten: str, unseen: str) -> None:
        """Those of the forgotten kind if there are any; validation data, on which NablaTau
        measures tau, are others.
        """
        made = scenario(forgotten, validation=0.25)
        found = {row[:2]: row[2] for row in measure(made.original[0], made.splits)}
        parts = [getattr(made.splits, name) for name in ("forget", unseen)]
        z = [outputs(made.original[0], part.x) for part in parts]
        pairs = zip(z, parts, strict=True)
        loss = [cross_entropy(a.double(), part.y, reduction="none") for a, part in pairs]
        entropies = [metrics.entropy(a) for a in z]
        assert found["attack_loss", "forget"] == metrics.attack_accuracy(loss[0], loss[1])
        assert found["attack_entropy", "forget"] == metrics.attack_accuracy(
            entropies[0], entropies[1]
        )
        held_out = made.splits.validation.x.flatten(1)
        for other in (made.splits.test, made.train):
            assert torch.cdist(held_out, other.x.flatten(1)).min() > 0

    def test_no_attack_where_the_test_data_of_its_kind_are_not_measured(self) -> None:
        """Against the others it would be another attack of the same name."""
        made = scenario("class:Boot")
        found = measure(made.original[0], made.splits, ["forget", "test", "test_retain"])
        assert not ATTACKS & {row[0] for row in found}
        found = measure(made.original[0], made.splits, ["forget", "test_forget"])
        assert {row[0] for row in found} & ATTACKS == {"attack_loss", "attack_entropy"}

    def test_attacks_against_all_test_data_at_random(self) -> None:
        made = scenario("random:30")
        model, s = made.original[0], made.splits
        rows = {row[:2]: row[2] for row in measure(model, s, ["forget", "test", "test_retain"])}
        z_f, z_t = outputs(model, s.forget.x), outputs(model, s.test.x)
        losses = (metrics.example_loss(z_f, s.forget.y), metrics.example_loss(z_t, s.test.y))
        entropies = (metrics.entropy(z_f), metrics.entropy(z_t))
        assert rows["attack_loss", "forget"] == metrics.attack_accuracy(*losses)
        assert rows["attack_entropy", "forget"] == metrics.attack_accuracy(*entropies)
        assert ("mia_entropy", "forget") not in rows
        for names in (["forget", "test_retain"], ["retain", "test"]):
            assert not ATTACKS & {row[0] for row in measure(model, s, names)}

    def test_the_attack_on_entropies_learns_from_all_that_was_seen_and_all_that_was_not(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made, handed = scenario(validation=0.25), list[torch.Tensor]()

        def noted(*z: torch.Tensor) -> float:
            handed.extend(z)
            return 0.5

        monkeypatch.setattr(metrics, "mia_entropy", noted)
        rows = measure(made.original[0], made.splits)
        assert ("mia_entropy", "forget", 0.5) in rows
        for name, z in zip(("forget", "retain", "test"), handed, strict=True):
            assert_close(z, outputs(made.original[0], getattr(made.splits, name).x))

    def test_empty_splits_give_no_row(self) -> None:
        made = scenario("random:9")
        rows = measure(made.original[0], made.splits)
        assert {split for _, split, _ in rows} == {"forget", "retain", "test", "test_retain"}

    def test_only_the_named_splits_are_looked_at(self) -> None:
        made = scenario(validation=0.25)
        poison = Labelled(torch.ones(1, 1), torch.zeros(1, dtype=torch.long))  # no image
        splits = replace(made.splits, test=poison, test_forget=poison, retain=poison)
        rows = measure(made.original[0], splits, ["forget", "validation"])
        assert [row[:2] for row in rows] == [
            (metric, split)
            for split in ("forget", "validation")
            for metric in ("accuracy", "accuracy_batch_mean", "entropy", "loss")
        ]


@pytest.mark.usefixtures("lab")
class TestUnlearn:
    def test_passes_count_the_examples_that_went_forward(self) -> None:
        made = scenario(validation=0.1)
        n, n_f = len(made.train), len(made.splits.forget)
        n_r = n - n_f
        expected: list[tuple[Method, float]] = [
            (Original(), 0.0),
            (Retrain(), 2 * n_r / n),
            (FineTune(epochs=3), 3 * n_r / n),
            (JiT(noises=4, batch_size=16), n_f * (1 + 4) / n),
            (JiT.as_released(noises=4, batch_size=16), n_f * (1 + 4) / n),
            (JiT(noises=4, batch_size=16, chunk=1), n_f * (1 + 4) / n),
            (SSD(alpha=1.5), n_f / n),
            (LFSSD.as_released(alpha=1.5), n_f / n),
            (PGU(epochs=3, stop=None), n_f * (1 + 3) / n),
            (NablaTau(), 3 + len(made.splits.validation) / n),
            (GradientAscent(), n_f / n),
            (RandomLabel(epochs=2), 2.0),
            (BadTeacher(epochs=2, fraction=0.5), 2 * 3 * (n_f + n_r // 2) / n),
            (UNSIR(noises=8, steps=3, copies=2, per_class=5), (3 * 8 + 2 * 8 + 2 * 10) / n),
            (SalUn.as_released(epochs=3), n_f / n + 3.0),
            (DELETE(epochs=3), (1 + 3) * n_f / n),
            (FisherForgetting(), 3 * n_r / n),
            (SFROn(steps=6, every=4, batch_size=8), 1 + 8 * (6 + 2) / n),
            (L1Sparse(epochs=3), 3 * n_r / n),
            (WoodFisher(examples=20), 1 + 2 * 20 / n),
            (WoodFisher(examples=20, chunk=8), 1 + (8 + 16 + 20 + 20) / n),
            (WoodFisher.as_released(examples=20), 1 + 22 / n),
            (SCRUB(epochs=4, ascents=3), 2 * (3 * n_f + 4 * n_r) / n),
        ]
        for method, passes in expected:
            assert unlearn(method, made).cost["passes"] == pytest.approx(passes), method

    def test_costs(self) -> None:
        made = scenario()
        outcome = unlearn(FineTune(epochs=1), made)
        assert outcome.cost.keys() == COSTS
        assert outcome.cost["seconds_unlearn"] > 0
        before, after = (
            torch.cat([p.detach().flatten().double() for p in model.parameters()])
            for model in (made.original[0], outcome.model)
        )
        assert outcome.cost["change_norm"] == pytest.approx(float((after - before).norm()))
        assert unlearn(Original(), made).cost["change_norm"] == 0

    def test_a_stored_statistic_has_its_own_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        made = scenario()
        for method, stored in (
            (SSD(alpha=1.5), made.stored(SSD().stored)),
            (PGU(epochs=1, stop=None), made.stored(Moments())),
        ):
            costs = [unlearn(method, scenario()).cost for _ in range(2)]
            assert costs[0].keys() == COSTS | {"seconds_stored", "seconds_cpu_stored"}
            assert [cost["seconds_stored"] for cost in costs] == [stored.seconds] * 2
            assert [cost["seconds_cpu_stored"] for cost in costs] == [stored.cpu_seconds] * 2
            on_gpu = replace(stored, cpu_seconds=None)
            with monkeypatch.context() as patch:
                patch.setattr(Scenario, "stored", lambda self, which, one=on_gpu: one)
                assert unlearn(method, made).cost.keys() == COSTS | {"seconds_stored"}

    def test_the_original_of_the_scenario_stays(self) -> None:
        made = scenario()
        before = {k: v.clone() for k, v in made.original[0].state_dict().items()}
        for method in (Original(), FineTune(epochs=1), JiT(noises=2)):
            assert unlearn(method, made).model is not made.original[0]
        after = made.original[0].state_dict()
        assert all(torch.equal(before[k], after[k]) for k in before)

    def test_even_a_rude_method_cannot_change_the_original(self) -> None:
        @dataclass(frozen=True)
        class Rude:
            def __call__(self, model: nn.Module) -> nn.Module:
                for parameter in model.parameters():
                    parameter.data.zero_()
                return model

        made = scenario()
        assert unlearn(Rude(), made).cost["change_norm"] > 0
        assert all(parameter.any() for parameter in made.original[0].parameters())

    def test_the_seed_of_the_method_decides(self) -> None:
        made = scenario()
        one, again, other = (unlearn(JiT(), made, seed).model for seed in (0, 0, 1))
        assert all(map(torch.equal, one.parameters(), again.parameters()))
        assert not all(map(torch.equal, one.parameters(), other.parameters()))

    def test_the_first_run_equals_one_from_the_cache(self) -> None:
        """A model fresh from training and the same from the disk are equal to a method."""
        first = unlearn(JiT.as_released(), scenario())
        second = unlearn(JiT.as_released(), scenario())
        assert all(map(torch.equal, first.model.parameters(), second.model.parameters()))

    def test_an_oracle_is_kept_under_its_seed(self) -> None:
        one, other = (unlearn(Retrain(), scenario(), seed).model for seed in (0, 1))
        assert not all(map(torch.equal, one.parameters(), other.parameters()))
        again = unlearn(Retrain(), scenario(), 1).model
        assert all(map(torch.equal, other.parameters(), again.parameters()))

    def test_oracles_are_kept_with_their_costs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        first = unlearn(Retrain(), scenario(), 3)
        monkeypatch.setattr(Retrain, "__call__", None)
        again = unlearn(Retrain(), scenario(), 3)
        assert again.cost == first.cost
        assert all(map(torch.equal, first.model.parameters(), again.model.parameters()))
        assert not again.model.training


@pytest.mark.usefixtures("lab")
class TestRun:
    def test_a_run_is_a_tidy_table(self) -> None:
        table = run(JiT(noises=2), scenario(validation=0.2), seed_method=3)
        text = json.dumps(dials := first_defaults(JiT) | {"noises": 2}, sort_keys=True)
        identity = {
            "scale": "own", "dataset": "toy", "model": "mlp", "request": "class:Boot",
            "seed_model": 0, "seed_request": 0, "method": "JiT", "params": text,
            "access": "forget_inputs, generator", "seed_method": 3,
        }  # fmt: skip
        rest = ["metric", "split", "value", "stale", *sorted(dials)]
        assert list(table.columns) == ["run_id", *identity, *rest]
        assert table[list(identity)].drop_duplicates().to_dict("records") == [identity]
        assert set(table["metric"]) == ALWAYS | COSTS | ATTACKS
        assert set(table["split"]) == {"", *one_run.SPLITS}
        assert not table.duplicated(["metric", "split"]).any()
        assert value(table, "passes") == pytest.approx(
            len(scenario(validation=0.2).splits.forget) * 3 / 96
        )

    def test_a_method_that_changes_nothing_is_told_on(self) -> None:
        with pytest.warns(UserWarning, match=r"JiT\(.*lr=0.0.*changed no parameter on class:Boot"):
            run(JiT(lr=0.0, noises=1), scenario())
        run(Original(), scenario())  # a warning would be an error


def test_splits_of_a_grid_are_those_of_a_scenario() -> None:
    assert (*one_run.SPLITS, "alike") == tuple(field.name for field in fields(Splits))
