"""Noise of several shapes: JiT's steps and the size of the noise stay the same; none may vanish."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from unlearnlib import Inputs, JiT
from unlearnlib.errors import NonFiniteError, SpecError
from unlearnlib.methods.parts.noise import DRAWS, SHARE, Noise, draws

from .toys import seeded


def problem() -> tuple[nn.Module, Inputs]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(16, 5), nn.Tanh(), nn.Linear(5, 3)).double()
    return model, Inputs(torch.randn(11, 16, dtype=torch.float64, generator=seeded(1)))


def test_gaussian_noise_is_the_default_and_what_torch_draws() -> None:
    assert JiT().noise == "gaussian"
    drawn = torch.randn(9, generator=seeded())
    assert torch.equal(DRAWS["gaussian"]((9,), generator=seeded()), drawn)


@pytest.mark.parametrize("shape", DRAWS)
def test_every_noise_has_mean_0_and_variance_1(shape: Noise) -> None:
    u = DRAWS[shape]((200_000,), generator=seeded(), dtype=torch.float64)
    assert u.dtype == torch.float64
    assert abs(u.mean()) < 0.01
    assert abs(u.var() - 1) < 0.05


def test_the_shapes_are_what_they_are_called() -> None:
    n = 200_000
    options = {"dtype": torch.float64}
    u = {shape: draw((n,), generator=seeded(), **options) for shape, draw in DRAWS.items()}
    fourth = {shape: v.pow(4).mean().item() for shape, v in u.items()}
    assert fourth["gaussian"] == pytest.approx(3, rel=0.05)
    assert fourth["uniform"] == pytest.approx(9 / 5, rel=0.02)
    assert fourth["laplace"] == pytest.approx(6, rel=0.08)
    assert fourth["sparse"] == pytest.approx(3 / SHARE, rel=0.1)
    assert u["uniform"].abs().max() <= 3**0.5
    assert (u["sparse"].abs() > 0.2).double().mean() == pytest.approx(SHARE, rel=0.1)


@pytest.mark.parametrize("shape", DRAWS)
def test_it_is_the_equation_with_that_noise(shape: Noise) -> None:
    """One batch and one draw: the step that the ratio's gradient gives, written out."""
    model, x = problem()
    method = JiT(sigma=0.7, lr=0.3, noises=1, noise=shape)
    after = method(model, forget_inputs=x, generator=seeded())
    generator = seeded()
    torch.randint(2**31, (), generator=generator)  # what seeds dropout
    xi = 0.7 * DRAWS[shape]((1, *x.x.shape), generator=generator, dtype=x.x.dtype)[0]
    move = model(x.x) - model(x.x + xi).detach()
    loss = ((move**2).sum(1).sqrt() / (xi**2).sum(1).sqrt()).mean()
    gradients = torch.autograd.grad(loss, list(model.parameters()))
    for p, q, g in zip(model.parameters(), after.parameters(), gradients, strict=True):
        assert_close(q, p - 0.3 * g)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_laplace_noise_is_finite_where_the_draw_is_0(
    monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype
) -> None:
    """Only that one value is another: the smallest number, where it was infinite."""
    eps = torch.finfo(dtype).eps
    drawn = torch.tensor([0.0, eps / 2, 0.25, 0.5, 0.75, 1 - eps / 2], dtype=dtype)
    monkeypatch.setattr(torch, "rand", lambda shape, **options: drawn)
    u = DRAWS["laplace"]((6,))
    shifted = drawn - 0.5
    before = -shifted.sign() * (-2 * shifted.abs()).log1p() / 2**0.5
    assert before.isinf().tolist() == [True] + 5 * [False]
    assert torch.equal(u[1:], before[1:])
    assert u.isfinite().all()
    assert u[0] < u[1] < u[2] < u[3] == 0 < u[4]


def test_groups_bound_the_memory_and_draw_the_same() -> None:
    """Of 3 examples of 5 numbers: 33 copies are no more than 100 inputs."""
    x = torch.zeros(3, 5)
    whole = list(draws("laplace", 100, x, seeded(), chunk=2048))
    assert [len(u) for u in whole] == [100]
    for chunk, sizes in ((100, [33, 33, 33, 1]), (1, [1] * 100), (None, [1] * 100)):
        groups = list(draws("laplace", 100, x, seeded(), chunk))
        assert [len(u) for u in groups] == sizes
        assert torch.equal(torch.cat(groups), whole[0])


def test_more_than_2048_inputs_are_drawn_in_parts() -> None:
    x = torch.zeros(1000, 1)
    drawn = list(draws("gaussian", 5, x, seeded(), chunk=10_000))
    assert [len(u) for u in drawn] == [2, 2, 1]
    generator = seeded()
    for u in drawn:
        assert torch.equal(u, torch.randn(u.shape, generator=generator))
    alone = draws("gaussian", 5, x, seeded(), one_by_one=True)
    assert [len(u) for u in alone] == [1] * 5


def test_tokens_have_no_noise() -> None:
    tokens = Inputs(torch.ones(4, 16, dtype=torch.long))
    with pytest.raises(SpecError, match=r"^JiT adds noise to real-valued inputs"):
        JiT()(nn.Embedding(7, 3), forget_inputs=tokens, generator=seeded())


@pytest.mark.parametrize("train_mode", [False, True])
def test_noise_that_vanishes_is_told(train_mode: bool) -> None:
    """Too small for the type; of one example; clamped away in the second of three batches."""
    linear, x = nn.Linear(16, 3), problem()[1].x.float()
    fields: Any = {"noises": 2, "batch_size": 4, "train_mode": train_mode}
    one, constant = 0.1 * x, x.clone()
    one[5] = 1e6
    constant[4:8] = 0.25
    for method, given in (
        (JiT(sigma=1e-12, **fields), x),
        (JiT(sigma=1e-3, **fields), one),
        (JiT(clamp=True, **fields), constant),
        (JiT(sigma=1e-12, noise="sparse", chunk=4, **fields), x),
    ):
        with pytest.raises(NonFiniteError, match=r"noise of an example vanished.*torch.float32"):
            method(linear, forget_inputs=Inputs(given), generator=seeded())
    JiT(sigma=1e-3, **fields)(linear, forget_inputs=Inputs(x), generator=seeded())
    JiT(**fields)(linear, forget_inputs=Inputs(constant), generator=seeded())


def test_noise_that_vanishes_once_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the first of two chunks of the first of three batches."""
    (_, x), draw, left = problem(), torch.randn, [0.0]
    monkeypatch.setattr(torch, "randn", lambda *a, **k: draw(*a, **k) * (left.pop() if left else 1))
    method = JiT(noises=2, batch_size=4, chunk=4)
    with pytest.raises(NonFiniteError, match="vanished"):
        method(nn.Linear(16, 3).double(), forget_inputs=x, generator=seeded())
