"""SalUn's mask against its equation, and steps that stay within it."""

from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import SGD, Adam, AdamW, Optimizer

from unlearnlib import Labelled
from unlearnlib.methods.parts.saliency import Mask, confine, saliency

from .toys import seeded

X = torch.randn(7, 4, dtype=torch.float64, generator=seeded(1))
DATA = Labelled(X, torch.arange(7) % 3)


def flat(tensors: Iterable[Tensor]) -> Tensor:
    return torch.cat([t.detach().flatten() for t in tensors])


def chosen(mask: Mask) -> Tensor:
    return flat(mask.values())


def gradients(model: nn.Module, data: Labelled) -> Tensor:
    """Those of the mean loss, one example at a time."""
    total = torch.zeros(len(flat(model.parameters())), dtype=torch.float64)
    for x, y in zip(data.x, data.y, strict=True):
        loss = cross_entropy(model(x[None]), y[None])
        total += flat(torch.autograd.grad(loss, list(model.parameters())))
    return total / len(data)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.1, 0.5, 0.999, 1.0])
def test_it_has_the_largest_gradients(model: nn.Module, share: float) -> None:
    """As many as it says, of 43, over all parameters together."""
    sizes = gradients(model, DATA).abs().tolist()
    largest = sorted(range(43), key=sizes.__getitem__, reverse=True)[: int(share * 43)]
    mask = saliency(model, DATA, share)
    assert [p.shape for p in mask] == [m.shape for m in mask.values()]
    assert list(map(id, mask)) == list(map(id, model.parameters()))
    assert chosen(mask).nonzero()[:, 0].tolist() == sorted(largest)


def test_gradients_are_added_up_with_their_signs() -> None:
    """Two examples that cancel out leave no trace, in one batch or in several."""
    net = nn.Linear(4, 2).double()
    net.weight.data.zero_()
    net.bias.data.zero_()
    large = 100 * torch.eye(4, dtype=torch.float64)[0]
    x = torch.stack([large] * 600 + [torch.eye(4, dtype=torch.float64)[1]])
    y = torch.tensor([0, 1] * 300 + [0])
    mask = saliency(net, Labelled(x, y), 0.4)
    assert mask[net.weight].int().tolist() == [[0, 1, 0, 0]] * 2
    assert mask[net.bias].all()


def test_a_dead_unit_is_not_chosen() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3)).double()
    net[0].bias.data[2] = -1e3  # type: ignore[operator]
    g = gradients(net, DATA)
    mask = saliency(net, DATA, (int((g != 0).sum()) + 0.5) / len(g))
    assert torch.equal(chosen(mask), g != 0)
    assert not mask[net[0].weight][2].any()  # type: ignore[index]


def test_neither_order_nor_old_gradients_matter(model: nn.Module) -> None:
    x = torch.randn(600, 4, dtype=torch.float64, generator=seeded(2))
    data = Labelled(x, torch.arange(600) % 3)
    one = chosen(saliency(model, data, 0.5))
    for p in model.parameters():
        p.grad = torch.randn(p.shape, dtype=p.dtype)
    other = chosen(saliency(model, data[torch.randperm(600, generator=seeded())], 0.5))
    assert torch.equal(one, other)
    assert all(p.grad is None for p in model.parameters())


def test_frozen_parameters_have_no_share(model: nn.Module) -> None:
    model[0].requires_grad_(False)  # type: ignore[index]
    mask = saliency(model, DATA, 0.5)
    assert len(chosen(mask)) == 5 * 3 + 3
    assert chosen(mask).sum() == 9


OPTIMISERS: dict[str, Callable[[Any], Optimizer]] = {
    "SGD": lambda p: SGD(p, 0.1),
    "momentum and decay": lambda p: SGD(p, 0.1, momentum=0.9, weight_decay=0.1),
    "Adam with decay": lambda p: Adam(p, 0.1, weight_decay=0.1),
    "AdamW": lambda p: AdamW(p, 0.1, weight_decay=0.5),
}


@pytest.mark.parametrize("make", OPTIMISERS.values(), ids=OPTIMISERS.keys())
def test_steps_move_what_may_move_and_nothing_else(
    model: nn.Module, make: Callable[[Any], Optimizer]
) -> None:
    """Bit by bit, whatever decay and momentum do."""
    mask = saliency(model, DATA, 0.5)
    within, before = chosen(mask), flat(model.parameters())
    plain = deepcopy(model)
    confined, free = make(model.parameters()), make(plain.parameters())
    confine(confined, mask)
    for step in range(5):
        for net, optimiser in ((model, confined), (plain, free)):
            optimiser.zero_grad()
            cross_entropy(net(DATA.x), DATA.y).backward()
            optimiser.step()
        assert torch.equal(flat(model.parameters())[~within], before[~within])
        if step == 0:
            assert torch.equal(flat(model.parameters())[within], flat(plain.parameters())[within])
    assert (flat(model.parameters())[within] != before[within]).all()
    assert (flat(plain.parameters()) != before).all()
