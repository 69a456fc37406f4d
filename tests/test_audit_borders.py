"""What audits refuse, that they are NaN of what is not finite, and that they leave models alone."""

import copy
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from unlearnlib import Labelled, Recipe
from unlearnlib.audit import (
    activations,
    attack_scores,
    fit_attack,
    gradient_norm,
    impostors,
    precision_recall,
    relearning,
    roc,
    train_many,
)  # fmt: skip
from unlearnlib.audit.information import parameter_gradient
from unlearnlib.audit.representation import last_inputs, readout
from unlearnlib.errors import DataError, NonFiniteError, SpecError, UnsupportedModelError

from .toys import seeded

Y = torch.arange(12) % 3


def network() -> nn.Sequential:
    """In a mode of its own for each module, with a gradient and a hook."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Sequential(
            nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Dropout(), nn.Linear(6, 3)
        )
        model(torch.randn(5, 4)).sum().backward()
    model[1].eval()
    model[2].register_forward_hook(lambda *_: None)
    return model


def data(n: int = 12) -> Labelled:
    return Labelled(torch.randn(n, 4, generator=seeded()), Y[:n])


AUDITS: dict[str, Callable[[nn.Module], object]] = {
    "gradient_norm": lambda m: gradient_norm(m, data()),
    "relearning": lambda m: relearning(m, data(), seeded(), steps=2),
    "last_inputs": lambda m: last_inputs(m, data().x),
    "readout": lambda m: readout(m, data(), data()),
    "train_many": lambda m: train_many([m, m], data(), Recipe(1), [seeded(), seeded()]),
    "parameter_gradient": lambda m: parameter_gradient(m, data().x, data().y),
    "layer_inputs": lambda m: activations.layer_inputs(m, data().inputs),
    "rewritten": lambda m: impostors.rewritten(m, 1.0),
    "distance_of": lambda m: impostors.distance_of(m, m),
    "masked": lambda m: impostors.masked(m, 0),
    "drift": lambda m: activations.drift(m, m, data().inputs),
}


@pytest.mark.parametrize("name", AUDITS)
def test_the_model_handed_in_stays_as_it_is(name: str) -> None:
    model = network()
    if name == "train_many":  # without buffers, which cannot be stacked in train mode
        model[1] = nn.Identity()
    state = copy.deepcopy(model.state_dict())
    modes = [m.training for m in model.modules()]
    gradients = [None if p.grad is None else p.grad.clone() for p in model.parameters()]
    weights = [*model.parameters()]
    AUDITS[name](model)
    assert [m.training for m in model.modules()] == modes
    assert all(a is b for a, b in zip(weights, model.parameters(), strict=True))
    assert_close(model.state_dict(), state, rtol=0, atol=0)
    assert_close([p.grad for p in model.parameters()], gradients, rtol=0, atol=0)
    hooks = [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules()]
    assert hooks == [0, 0, 0, 1, 0, 0]


def test_what_is_read_is_that_of_eval_mode() -> None:
    model = network()
    assert torch.equal(last_inputs(model, data().x), copy.deepcopy(model).eval()[:4](data().x))
    found = activations.layer_inputs(model, data().inputs)["4"]
    assert torch.equal(found, last_inputs(model, data().x))
    norms = parameter_gradient(model, data().x, data().y)
    assert torch.equal(norms, parameter_gradient(copy.deepcopy(model).eval(), data().x, data().y))


def broken() -> nn.Sequential:
    model = network()
    with torch.no_grad():
        next(model.parameters())[0, 0] = math.nan
    return model


def test_of_a_model_that_diverged() -> None:
    assert math.isnan(gradient_norm(broken(), data()))
    assert all(map(math.isnan, relearning(broken(), data(), seeded(), steps=2)))
    assert math.isnan(readout(broken(), data(), data()))
    assert math.isnan(impostors.temperature_of(torch.full((3, 4), math.inf), 1.0))
    with pytest.raises(UnsupportedModelError, match="not finite"):
        impostors.rewritten(broken(), 1.0)


def test_relearning_that_diverges_is_nan_from_there_on() -> None:
    deep = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 3))
    curve = relearning(deep, data(), seeded(), steps=4, lr=1e25)
    assert math.isfinite(curve[0])
    assert math.isnan(curve[-1])
    assert not any(map(math.isinf, curve))


def test_a_loss_beyond_all_numbers_is_nan() -> None:
    model = nn.Linear(1, 2, bias=False)
    model.weight.data = torch.tensor([[2e38], [-2e38]])
    part = Labelled(torch.ones(3, 1), torch.ones(3, dtype=torch.int64))
    assert model(part.x).isfinite().all()
    assert math.isnan(relearning(model, part, seeded(), steps=0)[0])
    assert math.isnan(gradient_norm(model, part))


def test_a_readout_from_or_of_what_is_not_finite_is_nan() -> None:
    bad = data()
    bad.x[3, 0] = math.nan
    for pair in ((bad, data()), (data(), bad)):
        assert math.isnan(readout(network(), *pair))


@pytest.mark.parametrize("fit_", [lambda m, d: gradient_norm(m, d),
                                  lambda m, d: relearning(m, d, seeded(), steps=1)])  # fmt: skip
def test_data_without_examples_or_with_other_labels_is_refused(
    fit_: Callable[[nn.Module, Labelled], object],
) -> None:
    for y in (Y[:, None].float(), Y + 1, (Y > 0)):
        with pytest.raises(DataError, match=r"\.$"):
            fit_(network(), Labelled(data().x, y))
    with pytest.raises(DataError, match=r"no examples|one or more examples"):
        fit_(network(), data(0))
    with pytest.raises(DataError, match="two or more classes"):
        fit_(nn.Linear(4, 1), data())


def test_several_labels_have_a_gradient_and_are_relearnt() -> None:
    several = Labelled(data().x, nn.functional.one_hot(Y).float())
    assert gradient_norm(network(), several) > 0
    first, *_, last = relearning(network(), several, seeded(), steps=5, lr=0.1)
    assert last < first


def test_parameters_that_are_not_used_have_no_pull() -> None:
    class Spare(nn.Linear):
        def __init__(self) -> None:
            super().__init__(4, 3)
            self.spare = nn.Parameter(torch.ones(2))

    with torch.random.fork_rng():
        torch.manual_seed(0)
        model, plain = Spare(), nn.Linear(4, 3)
    plain.load_state_dict({k: v for k, v in model.state_dict().items() if k != "spare"})
    assert gradient_norm(model, data()) == gradient_norm(plain, data())
    pair = (parameter_gradient(m, data().x, data().y) for m in (model, plain))
    assert_close(*pair)
    with pytest.raises(UnsupportedModelError, match="requires_grad"):
        gradient_norm(plain.requires_grad_(False), data())


@pytest.mark.parametrize("lr", [0.0, -0.1, math.nan, math.inf])
def test_relearning_takes_steps_down(lr: float) -> None:
    with pytest.raises(SpecError, match="lr"):
        relearning(network(), data(), seeded(), steps=1, lr=lr)
    with pytest.raises(SpecError, match="steps"):
        relearning(network(), data(), seeded(), steps=-1)
    assert len(relearning(network(), data(), seeded(), steps=0)) == 1


class TestReadout:
    def test_of_a_network_without_a_last_linear_layer(self) -> None:
        class Unused(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.last = nn.Linear(4, 3)

            def forward(self, x: Tensor) -> Tensor:
                return x

        class Tokens(Unused):
            def forward(self, x: Tensor) -> Tensor:
                return self.last(x[:, None].repeat(1, 2, 1))

        for model in (nn.ReLU(), Unused(), Tokens()):
            with pytest.raises(UnsupportedModelError, match="ends in a linear layer"):
                last_inputs(model, data().x)

    def test_of_labels_that_cannot_be_learnt(self) -> None:
        several = Labelled(data().x, torch.zeros(12, 3))
        alike = Labelled(data().x, torch.zeros_like(Y))
        for pair in ((several, data()), (data(), several), (alike, data()), (data(), data(0))):
            with pytest.raises(DataError, match="two or more classes"):
                readout(network(), *pair)


def logits(models: int = 2, seed: int = 0) -> Tensor:
    return torch.randn(models, 12, 3, generator=seeded(seed))


class TestReferenceAttack:
    def test_outputs_that_are_not_finite(self) -> None:
        z = logits()
        z[1, 4, 0] = math.inf
        for pair in ((z, logits()), (logits(), z)):
            with pytest.raises(NonFiniteError, match="diverged"):
                fit_attack(*pair, Y)
        attack = fit_attack(logits(), logits(seed=1), Y)
        found = attack_scores(attack, z, Y)
        assert np.isnan(found[1, 4])
        assert np.isnan(found).sum() == 1
        whole = attack_scores(attack, logits(), Y)
        assert (found == whole).sum() == 23
        for curve in (roc, precision_recall):
            for one, other in ((found, whole), (whole, found)):
                assert all(np.isnan(part).all() for part in curve(one, other))

    def test_what_does_not_fit(self) -> None:
        for z, y in ((logits()[0], Y), (logits(), Y[:3]), (logits(), Y + 1), (logits()[:0], Y)):
            with pytest.raises(DataError, match=r"\.$"):
                fit_attack(z, z, y)
        some, none = np.zeros(3), np.zeros(0)
        for curve in (roc, precision_recall):
            for pair in ((some, none), (none, some)):
                with pytest.raises(DataError, match="both kinds"):
                    curve(*pair)


class TestMany:
    def test_what_does_not_fit(self) -> None:
        one = nn.Linear(4, 3)
        several = Labelled(data().x, torch.zeros(12, 3))
        for models, part, generators in (
            ([], data(), []),
            ([one], data(), [seeded(), seeded()]),
            ([one, one], data(), [seeded()]),
            ([one], data(0), [seeded()]),
            ([one], several, [seeded()]),
        ):
            with pytest.raises(DataError, match="at once"):
                train_many(models, part, Recipe(1), generators)

    def test_a_model_that_diverged(self) -> None:
        with pytest.raises(NonFiniteError, match="smaller"):
            train_many([broken()[0]], Labelled(data().x, Y), Recipe(1), [seeded()])


class TestImpostors:
    @pytest.mark.parametrize("label", [-1, 3])
    def test_a_class_that_is_none(self, label: int) -> None:
        with pytest.raises(DataError, match="0 to 2"):
            impostors.masked(nn.Linear(4, 3), label)(data().x)

    @pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
    def test_temperatures(self, value: float) -> None:
        with pytest.raises(SpecError, match="temperature"):
            impostors.tempered(nn.Linear(4, 3), value)
        with pytest.raises(SpecError, match="No temperature"):
            impostors.temperature_of(torch.randn(5, 3), value)
        with pytest.raises(SpecError, match=r"below 1\.1"):
            impostors.temperature_of(torch.randn(5, 3), math.log(3))

    def test_networks_that_have_nothing_to_trade(self) -> None:
        with pytest.raises(UnsupportedModelError, match=r"two nn\.Linear"):
            impostors.rewritten(nn.Linear(4, 3), 1.0)
        for distance in (-1.0, math.inf, math.nan):
            with pytest.raises(SpecError, match="distance"):
                impostors.rewritten(network(), distance)
        zero = network()
        for p in zero.parameters():
            nn.init.zeros_(p)
        with pytest.raises(UnsupportedModelError, match="zero"):
            impostors.rewritten(zero, 1.0)
        assert impostors.distance_of(network(), impostors.rewritten(network(), 0.0)) < 1e-6
