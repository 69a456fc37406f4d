"""SSD and LFSSD against their equations, one example and one parameter at a time."""

import warnings
from copy import deepcopy
from dataclasses import asdict, replace
from typing import Any, get_type_hints

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from unlearnlib import (
    LFSSD,
    SSD,
    Dataset,
    Inputs,
    Labelled,
    Recipe,
    access,
    fisher_diagonal,
    output_sensitivity,
)
from unlearnlib.access import to_store
from unlearnlib.audit.dampening import dampened
from unlearnlib.errors import NonFiniteError, StaleStatisticError
from unlearnlib.methods.ssd import dampen
from unlearnlib.metrics import accuracy

from .toys import learned, seeded

Kind = type[SSD] | type[LFSSD]
both = pytest.mark.parametrize("kind", [SSD, LFSSD])


@pytest.fixture
def model() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.Sequential(
            nn.Conv2d(1, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU(inplace=True), nn.Flatten(),
            nn.Linear(48, 4), nn.ReLU(inplace=True), nn.Linear(4, 3),
        ).double()  # fmt: skip
        net(torch.randn(20, 1, 4, 4, dtype=torch.float64))
    return net.eval()


@pytest.fixture
def data() -> Labelled:
    """22 examples; the last five are to be forgotten."""
    generator = seeded(1)
    x = torch.randn(22, 1, 4, 4, dtype=torch.float64, generator=generator)
    return Labelled(x, torch.arange(22) % 3)


def forgotten(data: Labelled) -> Labelled:
    return data[torch.arange(22) >= 17]


def stored(kind: Kind, model: nn.Module, data: Labelled, **fields: Any) -> dict[str, Any]:
    """What a method names beside the model."""
    forget, method = forgotten(data), kind(**fields)
    handed = {"forget": forget, "forget_inputs": forget.inputs}
    made = {name: which.of(model, data) for name, which in to_store(method).items()}
    return {name: (handed | made)[name] for name in access(method)}


def importance(
    kind: Kind, model: nn.Module, data: Labelled, group: int, norm: str = "squared"
) -> dict[str, Tensor]:
    """The equations, group by group and example by example."""
    size = {"squared": lambda z: (z**2).sum(), "l1": lambda z: abs(z).sum()}[norm]
    total = {name: torch.zeros_like(theta) for name, theta in model.named_parameters()}
    groups = list(zip(data.x.split(group), data.y.split(group), strict=True))
    for x, y in groups:
        losses = [
            -cross_entropy(model(a[None]), b[None]) if kind is SSD else size(model(a[None]))
            for a, b in zip(x, y, strict=True)
        ]
        mean: Any = sum(losses) / len(x)
        for (name, _), g in zip(
            model.named_parameters(), torch.autograd.grad(mean, [*model.parameters()]), strict=True
        ):
            total[name] += (g**2 if kind is SSD else abs(g)) / len(groups)
    return total


def by_hand(theta: Tensor, D: Tensor, f: Tensor, alpha: float, lam: float) -> Tensor:
    """The case distinction, one scalar at a time."""
    rows = zip(theta.flatten().tolist(), D.flatten().tolist(), f.flatten().tolist(), strict=True)
    new = [t * min(lam * d / f, 1) if f > alpha * d else t for t, d, f in rows]
    return torch.tensor(new, dtype=theta.dtype).view_as(theta)


@both
@pytest.mark.parametrize("group", [1, 4, 64])
@pytest.mark.parametrize(("alpha", "lam"), [(0.5, 0.1), (1.0, 1.0), (1.3, 5.0), (2.0, 0.0)])
def test_the_rule_is_that_of_the_equation(
    kind: Kind, model: nn.Module, data: Labelled, alpha: float, lam: float, group: int
) -> None:
    D = importance(kind, model, data, group)
    f = importance(kind, model, forgotten(data), group)
    result = kind(alpha, lam, group=group)(model, **stored(kind, model, data, group=group))
    for (name, theta), new in zip(model.named_parameters(), result.parameters(), strict=True):
        assert_close(new, by_hand(theta, D[name], f[name], alpha, lam), rtol=1e-10, atol=1e-14)


@both
def test_nothing_grows_and_nothing_but_the_selected_changes(
    kind: Kind, model: nn.Module, data: Labelled
) -> None:
    result = kind(1.2)(model, **stored(kind, model, data))
    D, f = (importance(kind, model, part, 1) for part in (data, forgotten(data)))
    for (name, old), new in zip(model.named_parameters(), result.parameters(), strict=True):
        assert (new.abs() <= old.abs()).all()
        assert (new * old >= 0).all()
        assert torch.equal(new != old, (f[name] > 1.2 * D[name]) & (old != 0))
    for before, after in zip(model.buffers(), result.buffers(), strict=True):
        assert torch.equal(before, after)


@both
def test_lambda_zero_sets_the_selected_to_zero(
    kind: Kind, model: nn.Module, data: Labelled
) -> None:
    result = kind(1.2, 0.0)(model, **stored(kind, model, data))
    found = dampened(model, result).set_index("name").loc["total"]
    assert found["dampened"] == found["zero"] > 0


@both
def test_a_parameter_that_only_the_forget_set_needs_becomes_zero(kind: Kind) -> None:
    """The second input is zero in the statistic's data, the first in the forget set."""
    x = torch.tensor([[1.0, 0.0]]).repeat(22, 1).double()
    x[17:] = torch.tensor([0.0, 1.0]).double()
    data, linear = Labelled(x, torch.zeros(22, dtype=torch.long)), nn.Linear(2, 3).double()
    given, retain = stored(kind, linear, data), data[torch.arange(22) < 17]
    ((name, which),) = to_store(kind()).items()
    given[name] = which.of(linear, retain)
    result = kind(1.5)(linear, **given)
    assert not result.weight[:, 1].any()  # type: ignore[index]
    assert torch.equal(result.weight[:, 0], linear.weight[:, 0])  # type: ignore[index]


@both
def test_what_only_the_forget_set_needs_is_multiplied_by_its_share(kind: Kind) -> None:
    """D has the forget set in it, so that its importance is not zero."""
    x = torch.tensor([[1.0, 0.0]]).repeat(22, 1).double()
    x[17:] = torch.tensor([0.0, 1.0]).double()
    data, linear = Labelled(x, torch.zeros(22, dtype=torch.long)), nn.Linear(2, 3).double()
    result = kind(1.5, 0.3)(linear, **stored(kind, linear, data))
    assert_close(result.weight[:, 1], 0.3 * 5 / 22 * linear.weight[:, 1])  # type: ignore[index]
    assert torch.equal(result.weight[:, 0], linear.weight[:, 0])  # type: ignore[index]


@both
@pytest.mark.parametrize("side", [0, 1])
def test_importances_that_are_not_finite_are_refused(
    kind: Kind, model: nn.Module, data: Labelled, side: int
) -> None:
    pair = [fisher_diagonal(model, part) for part in (data, forgotten(data))]
    for value in (float("nan"), float("inf")):
        values = {name: v.clone() for name, v in pair[side].values.items()}
        values["4.weight"][1, 2] = value
        broken = [*pair]
        broken[side] = replace(pair[side], values=values)
        with pytest.raises(NonFiniteError, match=r"importance of '4\.weight' is NaN or infinite"):
            dampen(deepcopy(model), broken[0], broken[1], 1.2, 1.0)
    model[4].weight.requires_grad_(False)  # type: ignore[index]
    dampen(deepcopy(model), broken[0], broken[1], 1.2, 1.0)


@both
def test_alpha_that_cannot_select_warns_and_changes_nothing(
    kind: Kind, model: nn.Module, data: Labelled
) -> None:
    given = stored(kind, model, data)
    for alpha in (22 / 5, 10.0, 1e30):
        with pytest.warns(UserWarning, match=r"selects nothing.*\|D_f\| = 4\.4 times"):
            result = kind(alpha)(model, **given)
        assert dampened(model, result)["dampened"].sum() == 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kind(4.39)(model, **given)


@both
def test_groups_may_go_beyond_the_bound(kind: Kind, model: nn.Module, data: Labelled) -> None:
    """Opposite gradients cancel in mixed batches, so no warning is due."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kind(10.0, group=4)(model, **stored(kind, model, data, group=4))


@both
def test_the_statistic_must_be_the_models_own(kind: Kind, model: nn.Module, data: Labelled) -> None:
    given = stored(kind, model, data)
    unlearned = kind(1.2)(model, **given)
    with pytest.raises(StaleStatisticError, match="other parameters"):
        kind(1.2)(unlearned, **given)
    with pytest.raises(StaleStatisticError, match="The two cannot be compared"):
        kind(1.2, group=4)(model, **given)
    other = LFSSD if kind is SSD else SSD
    wrong = next(v for k, v in stored(other, model, data).items() if not k.startswith("forget"))
    with pytest.raises(StaleStatisticError, match="The two cannot be compared"):
        kind(1.2)(model, **{k: v if k.startswith("forget") else wrong for k, v in given.items()})


def test_logits_ten_times_as_large_select_the_same_weights(
    model: nn.Module, data: Labelled
) -> None:
    """LFSSD compares two importances of a weight, and both grow by the same factor."""
    given = stored(LFSSD, model, data)
    one = LFSSD(1.2)(model, **given)
    with torch.no_grad():
        model[6].weight *= 10  # type: ignore[index]
        model[6].bias *= 10  # type: ignore[index]
    ten = LFSSD(1.2)(model, **stored(LFSSD, model, data))
    assert_close(ten[6].weight, 10 * one[6].weight)  # type: ignore[index]
    assert_close(ten[4].weight, one[4].weight)  # type: ignore[index]


def test_lfssd_is_handed_no_labels() -> None:
    assert get_type_hints(LFSSD.__call__)["forget_inputs"] is Inputs


def test_other_norms_select_other_parameters(model: nn.Module, data: Labelled) -> None:
    one, two = (
        LFSSD(1.2, norm=norm)(model, **stored(LFSSD, model, data, norm=norm))
        for norm in ("squared", "margin")
    )
    assert not torch.equal(one[4].weight, two[4].weight)  # type: ignore[index]


def test_both_importances_are_of_the_norm(model: nn.Module, data: Labelled) -> None:
    D, f = (importance(LFSSD, model, part, 1, "l1") for part in (data, forgotten(data)))
    result = LFSSD(1.1, norm="l1")(model, **stored(LFSSD, model, data, norm="l1"))
    for (name, theta), new in zip(model.named_parameters(), result.parameters(), strict=True):
        assert_close(new, by_hand(theta, D[name], f[name], 1.1, 1.0), rtol=1e-10, atol=1e-14)


@both
def test_as_released_sets_every_departure(kind: Kind) -> None:
    ours, released = asdict(kind()), asdict(kind.as_released())
    changed = {name: value for name, value in released.items() if value != ours[name]}
    assert changed == {"group": 64, "order": "release"}
    assert kind.as_released(5, 2, group=128) == kind(5, 2, 128, "release")
    assert kind.as_released().stored.order == "release"


def test_what_is_dampened_is_counted_layer_by_layer() -> None:
    before, after = nn.Linear(3, 2), nn.Linear(3, 2)
    before.weight.data[:] = torch.tensor([[1.0, 2.0, 3.0], [4.0, 0.0, 6.0]])
    after.load_state_dict(before.state_dict())
    after.weight.data[0, 1:] = torch.tensor([0.5, 0.0])
    frame = dampened(before, after)
    assert list(frame["name"]) == ["weight", "bias", "total"]
    assert list(frame["parameters"]) == [6, 2, 8]
    assert list(frame["dampened"]) == [2, 0, 2]
    assert list(frame["zero"]) == [1, 0, 1]
    assert list(frame["share"]) == [2 / 6, 0, 0.25]


@both
def test_a_class_is_forgotten_and_most_of_the_rest_stays(kind: Kind, toy: Dataset) -> None:
    """In the mean of five small networks."""
    forget, retain, before = [], [], []
    boot = toy.train.y == 1
    for seed in range(5):
        recipe = Recipe(3, 0.05, batch_size=16)  # a loss of zero has no gradient for SSD
        original = learned(toy.train, recipe, seed)
        if kind is SSD:
            fisher = fisher_diagonal(original, toy.train)
            result = SSD(1.3)(original, forget=toy.train[boot], fisher=fisher)
        else:
            felt = output_sensitivity(original, toy.train.inputs)
            result = LFSSD(1.3)(original, forget_inputs=toy.train[boot].inputs, sensitivity=felt)
        with torch.no_grad():
            before.append(accuracy(original(toy.train.x), toy.train.y))
            forget.append(accuracy(result(toy.train.x[boot]), toy.train.y[boot]))
            retain.append(accuracy(result(toy.train.x[~boot]), toy.train.y[~boot]))
    assert min(before) > 0.99
    assert sum(forget) / 5 < 0.3, forget
    assert sum(retain) / 5 > 0.8, retain
