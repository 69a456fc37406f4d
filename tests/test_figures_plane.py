"""Pictures of the plane and of local ratios show what is known by hand."""

import math

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

mpl.use("Agg")

from matplotlib import pyplot as plt

from unlearnlib import Labelled
from unlearnlib.audit.smoothness import local_ratio
from unlearnlib.report.figures import plane

from .toys import seeded


def split_at(x: float) -> nn.Linear:
    """A classifier of the plane whose boundary is the vertical line at `x`."""
    model = nn.Linear(2, 2)
    model.load_state_dict(
        {"weight": torch.tensor([[0.0, 0.0], [1.0, 0.0]]), "bias": torch.tensor([0.0, -x])}
    )
    return model.double()


def test_changed_is_the_share_between_two_boundaries() -> None:
    assert plane.changed(split_at(0.01), split_at(0.01)) == 0
    share = plane.changed(split_at(0.01), split_at(1.11))
    assert share == pytest.approx(1.1 / 11, abs=0.01)


def test_nothing_is_said_of_a_model_that_diverged_and_its_mode_stays() -> None:
    broken = split_at(float("nan")).train()
    assert math.isnan(plane.changed(broken, broken))
    assert broken.training


def test_plane_draws_both_boundaries_and_says_what_changed() -> None:
    data = Labelled(torch.tensor([[-1.0, 0], [1, 0]]), torch.tensor([0, 1]))
    figure, ax = plt.subplots()
    plane.plane(ax, split_at(0.01), split_at(1.11), data, torch.tensor([[1.0, 0.0]]))
    assert "changes class" in ax.get_title(loc="left") or "changes class" in ax.get_title()
    assert len(ax.lines) == 3
    plt.close(figure)


def test_lines_have_a_panel_each_and_count_what_was_repeated() -> None:
    rows = [(p, m, s, r, 0.1 * r + s) for p in "ab" for m in ("JiT", "Original")
            for s in (0, 1) for r in (1.0, 2.0)]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["panel", "method", "seed", "r", "ratio"])
    figure = plane.lines(frame, "r", "ratio", "method", "panel", "seed")
    assert len(figure.axes) == 2
    assert "n = 2" in figure.get_suptitle()
    bold = figure.axes[0].lines[2]
    assert np.asarray(bold.get_ydata()).tolist() == pytest.approx([0.6, 0.7])
    plt.close(figure)


def test_lines_without_a_colour_of_their_own_can_be_told_apart_and_the_axis_is_as_asked() -> None:
    ways = ("at once", "in turn")
    rows = [("test_retain", how, s, r, r) for how in ways for s in (0, 1) for r in (0, 1)]
    frame = pd.DataFrame(rows, columns=["panel", "how", "seed", "r", "ratio"])
    figure = plane.lines(frame, "r", "ratio", "how", "panel", "seed", log=False)
    ax = figure.axes[0]
    assert len({line.get_color() for line in ax.lines}) == 2
    assert ax.get_xscale() == "linear"
    assert ax.get_title() == "test, retained"
    plt.close(figure)


def test_local_ratio_of_a_scaled_rotation_is_its_scale() -> None:
    turn = 3.0 * torch.linalg.qr(torch.randn(6, 6, dtype=torch.float64))[0]
    x = torch.randn(4, 6, dtype=torch.float64)
    for radius in (1e-3, 1.0, 50.0):
        found = local_ratio(lambda v: v @ turn, x, radius, seeded(0))
        assert torch.allclose(found, torch.full((4,), 3.0, dtype=torch.float64))


def test_local_ratio_takes_images_and_repeats() -> None:
    x = torch.randn(3, 1, 4, 4)
    f = nn.Sequential(nn.Flatten(), nn.Linear(16, 5))
    one, two = (local_ratio(f, x, 2.0, seeded(7)) for _ in range(2))
    assert torch.equal(one, two)
    assert one.shape == (3,)
    assert not one.requires_grad
