"""What audits measure of one model: proxies, lengths of noise, clouds in the plane, impostors."""

import pandas as pd
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from unlearnlib import Labelled, metrics, outputs
from unlearnlib.audit import impostors
from unlearnlib.audit.clouds import clouds, fitted, greedy
from unlearnlib.audit.information import input_gradient
from unlearnlib.audit.noise import mean_and_variation
from unlearnlib.audit.proxies import KNOWLEDGE, SMOOTHNESS, mean_rank_correlation, proxies
from unlearnlib.audit.strata import from_class_mean, thirds

from .test_impostors import problem
from .toys import seeded


def test_proxies_are_those_of_their_own_functions(model: nn.Module) -> None:
    x = torch.randn(7, 4, dtype=torch.float64, generator=seeded())
    y = torch.arange(7) % 3
    frame = proxies(model, Labelled(x, y), 0.5, seeded())
    assert list(frame) == [*SMOOTHNESS, *KNOWLEDGE]
    slope = input_gradient(model, x, y).flatten(1).norm(dim=1)
    assert_close(torch.tensor(frame["Input gradient"].to_numpy()), slope)
    loss = metrics.example_loss(outputs(model, x), y)
    assert_close(torch.tensor(frame["Loss"].to_numpy()), loss)


def test_rank_correlations_are_averaged_over_frames() -> None:
    up = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [1.0, 4.0, 9.0]})
    down = up.assign(b=-up["b"])
    assert mean_rank_correlation([up], ["a"], ["b"]).loc["a", "b"] == pytest.approx(1)
    assert mean_rank_correlation([up, down], ["a"], ["b"]).loc["a", "b"] == pytest.approx(0)


def test_noise_in_many_dimensions_is_of_one_length() -> None:
    mean, variation = mean_and_variation(torch.randn(200, 3, 10, 10, generator=seeded()))
    assert mean == pytest.approx(300**0.5, rel=0.02)
    assert variation == pytest.approx(600**-0.5, rel=0.2)


def test_clouds_are_learnt() -> None:
    data = clouds(seeded())
    assert data.x[data.y == 1].mean(0) == pytest.approx([2, 2], abs=0.4)
    model = fitted(data, 0, seeded())
    assert metrics.accuracy(outputs(model, data.x), data.y) == 1.0
    point = torch.tensor([[0.65, 0.15]], dtype=torch.float64)
    assert outputs(model, point).argmax() == 1
    turned = greedy(model, point, 0, seeded(), epochs=50)
    assert outputs(turned, point).argmax() == 0
    assert outputs(model, point).argmax() == 1  # a copy was trained


def test_every_impostor_looks_like_the_retrained_model_in_one_way() -> None:
    before, x = problem()
    after = impostors.rewritten(before, 3.0)
    with torch.no_grad():
        list(after.parameters())[-1].add_(torch.tensor([1.0, 0, 0, 0]))
    forget = Labelled(x[:20], torch.full((20,), 2))
    found = impostors.every(before, after, forget, seeded())
    assert found["Does nothing"] is before
    assert (outputs(found["By heart"], forget.x) == 0).all()
    assert (outputs(found["Masked"], x).argmax(1) != 2).all()
    warm = metrics.entropy(outputs(found["Tempered"], forget.x)).mean()
    assert_close(warm, metrics.entropy(outputs(after, forget.x)).mean(), rtol=1e-3, atol=1e-3)
    far = impostors.distance_of(before, after)
    assert impostors.distance_of(before, found["Rewritten"]) == pytest.approx(far, rel=1e-3)
    assert_close(outputs(found["Rewritten"], x), outputs(before, x))


def test_thirds_are_ordered_and_whole() -> None:
    values = torch.tensor([5.0, 1.0, 4.0, 2.0, 3.0, 6.0])
    parts = thirds(values)
    assert {name: values[i].tolist() for name, i in parts.items()} == {
        "least": [1, 2], "middle": [3, 4], "most": [5, 6],
    }  # fmt: skip


def test_distance_is_from_the_mean_of_the_own_class() -> None:
    train = Labelled(torch.tensor([[0.0, 0], [2, 0], [0, 9], [9, 9], [11, 9]]),
                     torch.tensor([1, 1, 2, 4, 4]))  # fmt: skip
    data = Labelled(torch.tensor([[1.0, 3], [10, 5]]), torch.tensor([1, 4]))
    assert from_class_mean(data, train).tolist() == [3, 4]
