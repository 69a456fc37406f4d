"""Impostors: what each changes, and that it changes nothing else."""

import torch
from torch import Tensor, nn
from torch.testing import assert_close

from unlearnlib.audit import impostors
from unlearnlib.metrics import entropy

from .toys import seeded


def problem() -> tuple[nn.Sequential, Tensor]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Sequential(
            nn.Linear(6, 5), nn.ReLU(), nn.Dropout(), nn.Linear(5, 5), nn.ReLU(), nn.Linear(5, 4)
        ).double()
    return model.eval(), torch.randn(50, 6, dtype=torch.float64, generator=seeded(1))


def test_a_masked_class_is_never_answered_and_the_others_keep_their_order() -> None:
    model, x = problem()
    before, after = model(x), impostors.masked(model, 2)(x)
    assert (after.argmax(1) != 2).all()
    others = [0, 1, 3]
    assert_close(after[:, others], before[:, others], rtol=0, atol=0)
    assert (after[:, 2] < after[:, others].min(1).values).all()


def test_what_is_known_by_heart_is_told_by_nothing_else() -> None:
    model, x = problem()
    after = impostors.by_heart(model, x[:10])(x)
    assert (after[:10] == 0).all()
    assert_close(after[10:], model(x)[10:], rtol=0, atol=0)
    moved = impostors.by_heart(model, x[:10])(x[:10] + 1e-6)
    assert (moved != 0).any()


def test_temperature_raises_the_entropy_and_changes_no_answer() -> None:
    model, x = problem()
    before, after = model(x), impostors.tempered(model, 5.0)(x)
    assert (entropy(after) > entropy(before)).all()
    assert torch.equal(after.argmax(1), before.argmax(1))


def test_a_temperature_gives_the_entropy_that_was_asked_for() -> None:
    model, x = problem()
    z = model(x)
    for nats in (0.01, 0.7, 1.38):
        found = entropy(z / impostors.temperature_of(z, nats)).mean().item()
        assert abs(found - nats) < 1e-6


def test_jitter_changes_no_answer_and_scrambles_how_sure_it_seems() -> None:
    model, x = problem()
    before, after = model(x), impostors.jittered(model, seeded())(x)
    assert torch.equal(after.argmax(1), before.argmax(1))
    scale = (after / before)[:, 0]
    assert 0.1 <= scale.min() < 0.3
    assert 3 < scale.max() <= 10
    assert_close(after, before * scale[:, None])


def test_a_rewritten_model_is_the_same_function_far_away() -> None:
    model, x = problem()
    after = impostors.rewritten(model, 30.0)
    assert_close(after(x), model(x))
    assert_close(impostors.distance_of(model, after), 30.0)
