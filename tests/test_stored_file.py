"""What a scenario stores with its original model: importances and the gradient space."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from unlearnlib import (
    LFSSD,
    PGU,
    SSD,
    GradientSpace,
    Importance,
    JiT,
    Labelled,
    Moments,
    Recipe,
    Scenario,
    Statistic,
    cache,
    fisher_diagonal,
    output_sensitivity,
)
from unlearnlib.errors import DataError, StaleStatisticError
from unlearnlib.offers import ordered


def make(request: str = "class:Boot", **changes: Any) -> Scenario:
    return Scenario("toy", "mlp", request, Recipe(1, lr=0.05, batch_size=32), **changes)


def rows(x: Tensor) -> set[tuple[float, ...]]:
    """The images as a set; no two of the toy are equal."""
    return {tuple(row) for row in x.flatten(1).tolist()}


def files(lab: Path) -> list[Path]:
    return list((lab / "cache" / "statistics").iterdir())


def reseal(path: Path, found: Importance | GradientSpace) -> None:
    """Save a statistic in the place of another, as if it had been made for the same identity."""
    line = path.read_bytes().splitlines(keepends=True)[-2]
    found.save(path)
    cache.seal(path, b"\n" + line)


def test_offers_are_lazy_and_follow_the_method(lab: Path) -> None:
    made = make()
    offers = made.offers(0, JiT())
    assert offers.forget is made.splits.forget
    assert not (lab / "cache" / "statistics").exists()
    offers = made.offers(0, LFSSD.as_released(group=9, norm="l2"))
    assert offers.sensitivity.statistic == Statistic("sensitivity", 9, "release", "l2")
    assert made.offers(0, SSD(group=5)).fisher.statistic == Statistic("fisher", 5)
    assert made.offers(0, PGU.as_released()).gradient_space.stride_one
    assert not made.offers(0, PGU()).gradient_space.stride_one
    assert not {"fisher", "sensitivity"} & vars(made.offers(0, PGU())).keys()


@pytest.mark.usefixtures("lab")
class TestImportance:
    def test_the_orders(self) -> None:
        made = make("class:Boot", validation=0.2)
        s = made.splits
        assert ordered(made, "data") is made.train
        released = ordered(made, "release")
        assert rows(released.x) == rows(made.train.x)
        assert torch.equal(released.x[len(s.retain) :], s.forget.x)
        assert torch.equal(released.y[: len(s.retain)], s.retain.y.sort().values)
        drawn = make("random:30")
        assert torch.equal(ordered(drawn, "release").x[:90], drawn.splits.retain.x)
        assert torch.equal(ordered(drawn, "release").y[90:], drawn.splits.forget.y)

    @pytest.mark.parametrize(
        "statistic",
        [Statistic("fisher"), Statistic("fisher", 7), Statistic("sensitivity", 7, "release", "l1")],
    )
    def test_a_statistic_is_that_of_the_training_set(self, statistic: Statistic) -> None:
        made = make(validation=0.1)
        model, data = made.original[0], ordered(made, statistic.order)
        if statistic.kind == "fisher":
            expected = fisher_diagonal(model, data, group=statistic.group)
        else:
            expected = output_sensitivity(model, data.inputs, group=7, norm="l1")
        found = made.stored(statistic)
        assert found.statistic == statistic
        assert found.n == len(made.train)
        assert all(torch.equal(found[name], value) for name, value in expected.values.items())

    def test_it_is_made_once(self, lab: Path) -> None:
        made = make("class:Boot")
        found = made.stored(Statistic("fisher"))
        for same in (Statistic("fisher"), Statistic("fisher", order="release")):
            assert made.stored(same).seconds == found.seconds
        again = make("random:30", seed_request=3).stored(Statistic("fisher"))
        assert again.seconds == found.seconds  # from the disk: no request is part of it
        assert len(files(lab)) == 1

    def test_what_decides_it_decides_its_file(self, lab: Path) -> None:
        one, two = make("class:Boot"), make("class:Bag")
        for made, statistic in [
            (one, Statistic("fisher")), (one, Statistic("sensitivity")),
            (one, Statistic("sensitivity", norm="l1")), (one, Statistic("fisher", 8)),
            (one, Statistic("fisher", 8, "release")), (two, Statistic("fisher", 8, "release")),
            (make(seed_model=1), Statistic("fisher")), (two, Statistic("fisher", 8)),
        ]:  # fmt: skip
            made.stored(statistic)
        assert len(files(lab)) == 7

    def test_a_stale_file_is_made_anew(self, lab: Path) -> None:
        made = make()
        found = made.stored(Statistic("fisher"))
        (path,) = files(lab)
        reseal(path, replace(found, fingerprint="another"))
        with pytest.warns(UserWarning, match=r"cannot be used \(StaleStatisticError\)"):
            assert make().stored(Statistic("fisher")).fingerprint == found.fingerprint
        assert Importance.load(path).fingerprint == found.fingerprint


@pytest.mark.usefixtures("lab")
class TestGradientSpace:
    def test_it_is_that_of_the_training_set(self) -> None:
        made = make(validation=0.1)
        found = made.stored(Moments())
        model, _ = made.original
        expected = GradientSpace.of(model, made.train.inputs)
        assert found.fingerprint == expected.fingerprint
        assert_close(found.moments, expected.moments, rtol=0, atol=0)

    def test_it_is_made_once(self, lab: Path) -> None:
        made = make("class:Boot")
        found = made.stored(Moments())
        again = make("random:30", seed_request=3).stored(Moments())
        assert again.seconds == found.seconds > 0  # from the disk: no request is part of it
        assert list(again.moments) == list(found.moments)  # in the order of the forward pass
        assert_close(again.moments, found.moments, rtol=0, atol=0)
        assert len(files(lab)) == 1
        assert made.stored(Moments(stride_one=True)).stride_one
        make(seed_model=1).stored(Moments())
        assert len(files(lab)) == 3

    def test_a_corrupt_or_stale_file_is_made_anew(self, lab: Path) -> None:
        found = make().stored(Moments())
        (path,) = files(lab)
        path.write_bytes(b"not a file of torch")
        with pytest.warns(UserWarning, match="cannot be used"):
            assert_close(make().stored(Moments()).moments, found.moments, rtol=0, atol=0)
        reseal(path, replace(found, fingerprint="another"))
        with pytest.warns(UserWarning, match=r"cannot be used \(StaleStatisticError\)"):
            assert make().stored(Moments()).fingerprint == found.fingerprint
        assert GradientSpace.load(path).fingerprint == found.fingerprint


@pytest.mark.parametrize("kind", [Importance, GradientSpace])
def test_other_files_are_refused_with_their_path(kind: Any, tmp_path: Path) -> None:
    model, data = make_linear()
    fisher, space = fisher_diagonal(model, data), GradientSpace.of(model, data.inputs)
    path = tmp_path / "file"
    for own, other in ((fisher, space), (space, fisher)):
        if isinstance(own, kind):
            own.save(path)
            whole = path.read_bytes()
            assert kind.load(path).fingerprint == own.fingerprint
            other.save(path)
    wrong = [path.read_bytes(), whole[: len(whole) // 2], b"", b"some text\n"]
    for content in wrong:
        path.write_bytes(content)
        with pytest.raises(DataError, match=str(path)):
            kind.load(path)
    torch.save([1, 2], path)
    for bad in (path, tmp_path, tmp_path / "none"):
        with pytest.raises(DataError, match=str(bad)):
            kind.load(bad)


def make_linear() -> tuple[torch.nn.Module, Labelled]:
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Linear(3, 3)).eval()
    return model, Labelled(torch.randn(6, 4), torch.arange(6) % 3)


def test_an_importance_of_a_frozen_layer_is_no_importance_of_a_free_one() -> None:
    model, data = make_linear()
    model[0].weight.requires_grad_(False)  # type: ignore[index]
    fisher = fisher_diagonal(model, data)
    SSD(2)(model, forget=data[torch.arange(1)], fisher=fisher)
    model[0].weight.requires_grad_()  # type: ignore[index]
    with pytest.raises(StaleStatisticError, match=r"'0\.weight' in its shape: that was frozen"):
        SSD(2)(model, forget=data[torch.arange(1)], fisher=fisher)


def test_moments_of_other_shapes_are_refused() -> None:
    model, data = make_linear()
    space = GradientSpace.of(model, data.inputs)
    space.check(model)
    for name, d in (("0", 3), ("2", 4)):
        wrong = replace(space, moments={name: torch.ones(1, d, d)})
        with pytest.raises(StaleStatisticError, match=f"moments at '{name}'"):
            wrong.check(model)
