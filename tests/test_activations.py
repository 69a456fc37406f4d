"""Drift of activations and distances of gradient spaces, on cases whose answer is known."""

import pytest
import torch
from torch import nn

from unlearnlib import GradientSpace, Inputs
from unlearnlib.audit.activations import drift, layer_inputs, protected_shares, space_distances

from .toys import seeded


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3)).eval()


INPUTS = Inputs(torch.randn(30, 4, generator=seeded(1)))


def test_inputs_are_those_that_the_layers_see() -> None:
    model = net()
    found = layer_inputs(model, INPUTS)
    assert torch.equal(found["0"], INPUTS.x)
    assert torch.equal(found["2"], model[:2](INPUTS.x).detach())
    assert not any(layer._forward_pre_hooks for layer in model)


def test_a_scaled_first_layer_moves_the_second_input_by_as_much() -> None:
    before, after = net(), net()
    with torch.no_grad():
        for parameter in after[0].parameters():
            parameter.mul_(1.5)
    assert drift(before, after, INPUTS) == pytest.approx({"0": 0.0, "2": 0.5}, abs=1e-6)


def test_a_space_is_no_distance_from_itself_and_some_from_another() -> None:
    model = net()
    whole = GradientSpace.of(model, INPUTS)
    same = space_distances(whole, whole, 0.9)
    assert same["bases"].max() < 1e-6
    assert same[["moments", "leak", "negative"]].abs().to_numpy().max() < 1e-9
    turned = GradientSpace.of(model, Inputs(INPUTS.x * torch.tensor([9.0, 1, 1, 1])))
    assert space_distances(whole, turned, 0.5)["leak"][0] > 0.05


def test_the_distance_of_bases_is_that_of_their_projections() -> None:
    model = net()
    one = GradientSpace.of(model, INPUTS)
    other = GradientSpace.of(model, Inputs(INPUTS.x * torch.tensor([9.0, 1, 1, 1])))
    found = space_distances(one, other, 0.8).set_index("layer")
    for name in ("0", "2"):
        P, Q = (
            vectors[:, -k:] @ vectors[:, -k:].T
            for space, k in ((one, found["rank"][name]), (other, found["rank of the other"][name]))
            for vectors in [torch.linalg.eigh(space.moments[name][0]).eigenvectors]
        )
        both = P.trace() + Q.trace()
        assert found["bases"][name] == pytest.approx(float((P - Q).norm() / both.sqrt()), abs=1e-6)
        assert found["bases"][name] > 0.01


def test_orthogonal_spaces_are_one_apart() -> None:
    model, e = nn.Sequential(nn.Linear(4, 3)).eval(), torch.eye(4)
    spaces = [GradientSpace.of(model, Inputs(e[i : i + 1])) for i in (0, 2)]
    assert space_distances(spaces[0], spaces[1], 0.9)["bases"][0] == pytest.approx(1.0)


def test_full_protection_keeps_all_directions() -> None:
    space = GradientSpace.of(net(), INPUTS)
    assert protected_shares(space, 1.0) == {"0": 1.0, "2": 1.0}
    assert max(protected_shares(space, 0.5).values()) < 1
