"""The readout finds what the features hold, whatever the last layer does with it."""

import torch
from torch import nn
from torch.testing import assert_close

from unlearnlib import Labelled
from unlearnlib.audit.impostors import masked
from unlearnlib.audit.representation import last_inputs, readout

from .toys import seeded


def problem() -> tuple[nn.Sequential, Labelled, Labelled]:
    generator = seeded(0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)).eval()
    y = torch.arange(150) % 3
    x = torch.randn(150, 6, generator=generator) + 6 * torch.eye(6)[y]
    known = torch.arange(150) < 75
    return model, Labelled(x, y)[known], Labelled(x, y)[~known]


def test_features_are_what_the_last_layer_is_given() -> None:
    model, known, _ = problem()
    assert_close(last_inputs(model, known.x, batch_size=7), model[:2](known.x))
    assert not model[2]._forward_pre_hooks


def test_a_mask_on_the_outputs_does_not_touch_what_can_be_read() -> None:
    model, known, asked = problem()
    one = asked[asked.y == 1]
    assert readout(model, known, one) > 0.95
    assert readout(masked(model, 1), known, one) == readout(model, known, one)


def test_features_that_hold_nothing_give_nothing() -> None:
    model, known, asked = problem()
    nn.init.zeros_(model[0].weight)  # type: ignore[arg-type]
    assert readout(model, known, asked) < 0.5
