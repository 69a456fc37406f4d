"""WoodFisher against its equations, with the Fisher information as a whole matrix."""

from dataclasses import asdict

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import LBFGS
from torch.testing import assert_close

from unlearnlib import Labelled, WoodFisher, losses

from .made_classes import accuracy, trained
from .toys import assert_same, seeded


def examples(n: int, seed: int) -> Labelled:
    x = torch.randn(n, 4, dtype=torch.float64, generator=seeded(seed))
    return Labelled(x, torch.arange(n) % 3)


FORGET, RETAIN = examples(5, 1), examples(8, 2)


def flat(model: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def stepped(method: WoodFisher, model: nn.Module, forget: Labelled = FORGET) -> Tensor:
    return flat(method(model, forget=forget, retain=RETAIN)) - flat(model)


def gradients(model: nn.Module, data: Labelled) -> Tensor:
    """One example at a time, (n, p)."""
    rows = []
    for i in range(len(data)):
        loss = losses(model(data.x[i : i + 1]), data.y[i : i + 1])
        each = torch.autograd.grad(loss, list(model.parameters()))
        rows.append(torch.cat([g.flatten() for g in each]))
    return torch.stack(rows)


def influence(model: nn.Module, forget: Labelled, retain: Labelled) -> Tensor:
    """(1 / n) sum over D_f of g - (n_f / (n n_r)) sum over D_r of g."""
    n_f, n_r = len(forget), len(retain)
    of_f, of_r = gradients(model, forget).sum(0), gradients(model, retain).sum(0)
    return of_f / (n_f + n_r) - n_f * of_r / ((n_f + n_r) * n_r)


@pytest.mark.parametrize(
    ("N", "chunk", "lam"), [(3, 1, 1.0), (5, 2, 0.01), (8, 3, 0.1), (99, 9, 1e-4)]
)
def test_it_is_the_equation(model: nn.Module, N: int, chunk: int, lam: float) -> None:
    rows = gradients(model, RETAIN)[:N]
    F = sum(torch.outer(g, g) for g in rows) / len(rows) + lam * torch.eye(len(rows[0])).double()
    expected = 0.7 * torch.linalg.inv(F) @ influence(model, FORGET, RETAIN)
    assert_close(stepped(WoodFisher(0.7, lam, N, chunk=chunk), model), expected)


def test_the_recursion_of_the_paper_is_the_same(model: nn.Module) -> None:
    """F_{t+1}^-1 = F_t^-1 - F_t^-1 g g^T F_t^-1 / (N + g^T F_t^-1 g), from F_0 = lam I."""
    inverse = torch.eye(len(flat(model))).double() / 0.05
    for g in gradients(model, RETAIN):
        o = inverse @ g
        inverse = inverse - torch.outer(o, o) / (8 + g @ o)
    expected = inverse @ influence(model, FORGET, RETAIN)
    assert_close(stepped(WoodFisher(1, 0.05, 8), model), expected)


@pytest.mark.parametrize("N", [2, 6, 50])
def test_as_released_v_loses_a_multiple_of_the_first_gradient(model: nn.Module, N: int) -> None:
    v, rows = influence(model, FORGET, RETAIN), gradients(model, RETAIN)
    k, share = v, 1.0  # the vector of the release is share * g_1
    for g in rows[1 : N + 2]:
        overlap = share * float(rows[0] @ g)
        k = k - (k @ g) / (N + overlap) * share * rows[0]
        share -= overlap / (N + overlap) * share
    step = stepped(WoodFisher.as_released(1, examples=N), model)
    assert_close(step, k)
    lost = step - v
    assert abs(float(torch.cosine_similarity(lost, rows[0], 0))) > 1 - 1e-12
    full = stepped(WoodFisher(1, examples=N), model)
    assert (step - full).norm() > 0.1 * v.norm()  # it is not the inverse


def test_limits(model: nn.Module) -> None:
    assert not stepped(WoodFisher(0), model).any()
    assert not stepped(WoodFisher.as_released(0), model).any()
    assert_close(stepped(WoodFisher(1e9, 1e9), model), influence(model, FORGET, RETAIN))
    shuffled = RETAIN[torch.tensor([3, 1, 0, 2, 7, 6, 5, 4])]
    assert stepped(WoodFisher(1, 0.1), model, shuffled).abs().max() < 1e-12  # D_f as D_r


def convex(seed: int) -> tuple[Labelled, Labelled]:
    """Labels drawn by a linear softmax, 20 to forget and 180 to retain."""
    draw = seeded(seed)
    x = torch.randn(200, 3, dtype=torch.float64, generator=draw)
    truth = torch.randn(3, 3, dtype=torch.float64, generator=draw)
    y = torch.multinomial((x @ truth).softmax(1), 1, generator=draw)[:, 0]
    return Labelled(x[:20], y[:20]), Labelled(x[20:], y[20:])


def optimum(x: Tensor, y: Tensor) -> nn.Module:
    """A linear softmax from zero, so that no logit is added to all classes."""
    model = nn.Linear(3, 3).double()
    lbfgs = LBFGS(model.parameters(), max_iter=100, line_search_fn="strong_wolfe")
    for theta in model.parameters():
        theta.data.zero_()

    def loss() -> Tensor:
        lbfgs.zero_grad()
        value = cross_entropy(model(x), y)
        value.backward()
        return value

    lbfgs.step(loss)
    return model.eval()


@pytest.mark.parametrize("seed", range(5))
def test_in_a_convex_problem_it_goes_towards_the_retrained_model(seed: int) -> None:
    """Where the model is well specified, the Fisher information is near the Hessian."""
    forget, retain = convex(seed)
    original = optimum(torch.cat([forget.x, retain.x]), torch.cat([forget.y, retain.y]))
    retrained = flat(optimum(retain.x, retain.y))
    before = (flat(original) - retrained).norm()
    result = WoodFisher(1, 1e-6, 180)(original, forget=forget, retain=retain)
    plain = WoodFisher.as_released(1)(original, forget=forget, retain=retain)
    assert (flat(result) - retrained).norm() < 0.75 * before
    assert (flat(plain) - retrained).norm() > 0.8 * before


def test_it_forgets_a_class_and_keeps_the_rest() -> None:
    """In the mean over models: a step along a gradient of nearly nothing may be too short."""
    means = []
    for seed in range(5):
        model, forget, retain = trained(seed, epochs=3)
        result = WoodFisher(10, 0.1)(model, forget=forget, retain=retain)
        means.append((accuracy(result, forget), accuracy(result, retain)))
    forgotten, kept = torch.tensor(means).mean(0).tolist()
    assert forgotten < 0.6
    assert kept > 0.95


def test_the_smaller_the_damping_the_more_it_forgets() -> None:
    """The default is nearly the plain gradient step, and hardly changes what is known."""
    model, forget, retain = trained(0, epochs=3)
    v = WoodFisher(1e9, 1e9)(model, forget=forget, retain=retain)
    losses_of = []
    for lam in (1.0, 0.1, 0.01):
        result = WoodFisher(lam=lam)(model, forget=forget, retain=retain)
        losses_of.append(float(cross_entropy(result(forget.x), forget.y).detach()))
        if lam == 1:
            steps = flat(result) - flat(model), flat(v) - flat(model)
            assert torch.cosine_similarity(*steps, 0) > 0.95
            assert accuracy(result, forget) == accuracy(model, forget)
    assert losses_of[2] > 3 * losses_of[1] > 3 * losses_of[0]


def test_it_looks_at_the_first_retained_examples_alone(model: nn.Module) -> None:
    """In the inverse: two of them exchanged beyond N, or beyond N + 2, change nothing."""
    for method, border in ((WoodFisher(1, 0.1, 4), 4), (WoodFisher.as_released(1, examples=4), 6)):
        for place, same in ((border, True), (border - 1, False)):
            order = torch.arange(8)
            order[place], order[7] = 7, place
            other = method(model, forget=FORGET, retain=RETAIN[order])
            one = method(model, forget=FORGET, retain=RETAIN)
            assert torch.allclose(flat(one), flat(other), rtol=0, atol=1e-13) == same


def test_several_labels(model: nn.Module) -> None:
    forget, retain = (
        Labelled(data.x, (torch.rand(len(data), 3, generator=seeded(3)) < 0.5).double())
        for data in (FORGET, RETAIN)
    )
    rows = gradients(model, retain)
    F = rows.T @ rows / 8 + 0.1 * torch.eye(rows.shape[1]).double()
    expected = torch.linalg.solve(F, influence(model, forget, retain))
    result = WoodFisher(1, 0.1)(model, forget=forget, retain=retain)
    assert_close(flat(result) - flat(model), expected)


def test_batchnorm_keeps_its_statistics_and_old_gradients_do_not_matter() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 3)).double()
        net(RETAIN.x)
    one = WoodFisher(1)(net, forget=FORGET, retain=RETAIN)
    for theta in net.parameters():
        theta.grad = torch.ones_like(theta)
    assert_same(one, WoodFisher(1)(net, forget=FORGET, retain=RETAIN), rtol=0, atol=0)
    for name, buffer in net.named_buffers():
        assert torch.equal(one.get_buffer(name), buffer)


def test_the_preset() -> None:
    ours, released = asdict(WoodFisher()), asdict(WoodFisher.as_released())
    changed = {name: value for name, value in released.items() if value != ours[name]}
    assert changed == {"alpha": 10.0, "examples": 1000, "one_vector": True}
    assert WoodFisher.as_released(20, examples=5) == WoodFisher(20, examples=5, one_vector=True)
