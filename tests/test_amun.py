"""AMUN: how near its adversarial examples are, and that it is fine-tuning on the union."""

from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from unlearnlib import AMUN, Dataset, FineTune, Labelled
from unlearnlib.errors import DataError, SpecError, UnsupportedModelError
from unlearnlib.methods.parts.adversary import nearest_adversaries, unit

from .made_forgetting import forgotten_and_kept
from .made_offers import assert_same, state
from .toys import seeded


def network(dtype: torch.dtype = torch.float64) -> nn.Module:
    """Smooth, with BatchNorm that has seen something, and dropout."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = nn.Sequential(
            nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Dropout(0.3), nn.Linear(8, 3)
        ).to(dtype)  # fmt: skip
        model(torch.randn(50, 6, dtype=dtype))
    return model.eval()


def examples(n: int, seed: int) -> Labelled:
    x = torch.randn(n, 6, dtype=torch.float64, generator=seeded(seed))
    return Labelled(x, network()(x).argmax(1))


FORGET, RETAIN = examples(7, 1), examples(11, 2)


def by_hand(model: nn.Module, x: Tensor, y: Tensor, eps: float, steps: int) -> Tensor:
    """One example, by the gradient of its cross-entropy."""
    there = x.clone()
    while True:
        for _ in range(steps):
            near = there.clone().requires_grad_()
            z = model(near[None])
            if z[0].argmax() != y:
                return there
            (g,) = torch.autograd.grad(cross_entropy(z, y[None]), near)
            there = there + eps / 10 * g / (g**2).sum().sqrt()
            length = ((there - x) ** 2).sum().sqrt()
            if length > eps:
                there = x + (there - x) * eps / length
        eps *= 2


@pytest.mark.parametrize(("eps", "steps"), [(0.1, 50), (0.3, 50), (0.1, 7), (5.0, 2)])
def test_the_neighbours_are_those_of_one_example_at_a_time(eps: float, steps: int) -> None:
    model = network()
    there, answers = nearest_adversaries(model, FORGET.x, FORGET.y, eps, steps)
    pairs = zip(FORGET.x, FORGET.y, strict=True)
    assert_close(there, torch.stack([by_hand(model, x, y, eps, steps) for x, y in pairs]))
    assert torch.equal(answers, model(there).argmax(1))
    assert (answers != FORGET.y).all()


def test_before_a_straight_border_they_are_hardly_beyond_it() -> None:
    """It is d away; the last radius is below 2 d, or the first one, and steps are a tenth."""
    model = nn.Linear(6, 2).double()
    x = torch.randn(40, 6, dtype=torch.float64, generator=seeded())
    z = model(x)
    d = (z[:, 0] - z[:, 1]).abs() / (model.weight[0] - model.weight[1]).norm()
    there, _ = nearest_adversaries(model, x, z.argmax(1), 0.05, 50)
    away = (there - x).norm(dim=1)
    assert (away > d).all()
    assert (away <= torch.maximum(1.2 * d, d + 0.005)).all()


def test_what_is_wrong_already_stays_with_its_answer() -> None:
    model, wrong = network(), (FORGET.y + 1) % 3
    there, answers = nearest_adversaries(model, FORGET.x, wrong, 0.04, 50)
    assert torch.equal(there, FORGET.x)
    assert torch.equal(answers, FORGET.y)


@pytest.mark.parametrize("scale", [60.0, 1e3, 1e30])
def test_confident_examples_have_neighbours_too(scale: float) -> None:
    """In single precision the gradient of their cross-entropy is 0, or its square is."""
    model = network(torch.float32)
    model[-1].weight.data *= scale  # type: ignore[index]
    x = FORGET.x.float()
    y = model(x).argmax(1)
    there, answers = nearest_adversaries(model, x, y, 0.04, 50)
    assert (answers != y).all()
    assert torch.equal(model(there).argmax(1), answers)


def test_rows_of_any_size_have_length_one() -> None:
    g = torch.tensor([[3.0, 4.0], [3e-30, 4e-30], [-3e30, 4e30], [0.0, 0.0]])
    assert_close(unit(g), torch.tensor([[0.6, 0.8], [0.6, 0.8], [-0.6, 0.8], [0.0, 0.0]]))


def test_a_model_that_ignores_its_input_is_told() -> None:
    model = nn.Linear(6, 3).double()
    model.weight.data.zero_()
    forget = Labelled(FORGET.x, model(FORGET.x).argmax(1))
    with pytest.raises(UnsupportedModelError, match="Linear answers all inputs near the forget se"):
        AMUN()(model, forget=forget, retain=RETAIN, generator=seeded())


def test_one_that_has_no_neighbour_is_left_out() -> None:
    """It stands where all rectified units are off, and nothing slopes."""
    model = nn.Sequential(nn.Linear(1, 1), nn.ReLU(), nn.Linear(1, 2)).double()
    values = [[1.0]], [0.0], [[0.0], [1.0]], [0.5, 0.0]
    for p, value in zip(model.parameters(), values, strict=True):
        p.data = torch.tensor(value, dtype=torch.float64)
    x, y = torch.tensor([[-3.0], [0.2], [0.9]]).double(), torch.tensor([0, 0, 1])
    with pytest.warns(UserWarning, match="^1 of 3 examples to forget have no adv.* without one"):
        there, answers = nearest_adversaries(model, x, y, 0.1, 10)
    assert answers.tolist() == [1, 0]
    assert 0.5 < there[0] < 0.6
    assert 0.4 < there[1] < 0.5


def test_what_is_not_found_is_told_once_of_the_whole_set() -> None:
    """Not batch by batch: a batch without any is no reason to give up."""
    model = nn.Linear(6, 3).double()
    model.weight.data.zero_()  # 0 is what it answers wherever it is asked
    model.bias.data = torch.tensor([2.0, 0.0, 0.0]).double()
    forget = Labelled(FORGET.x, torch.tensor([0, 0, 1, 0, 0, 0, 0]))
    with pytest.warns(UserWarning, match="^6 of 7 examples") as told:
        AMUN(batch_size=2, epochs=1)(model, forget=forget, retain=RETAIN, generator=seeded())
    assert len(told) == 1
    assert told[0].filename == __file__


def test_labels_are_checked_before_the_search() -> None:
    seen = list[int]()
    model = network()
    model.register_forward_pre_hook(lambda _, given: seen.append(len(given[0])))
    forget = Labelled(FORGET.x, torch.tensor([0, 0, 1, 0, 0, 0, 3]))
    with pytest.raises(DataError, match="There is a label 3"):
        AMUN(batch_size=2)(model, forget=forget, retain=RETAIN, generator=seeded())
    assert seen == [2]  # two examples are tried


def union(*parts: Labelled) -> Labelled:
    return Labelled(torch.cat([p.x for p in parts]), torch.cat([p.y for p in parts]))


@pytest.mark.parametrize("forget_too", [True, False])
@pytest.mark.parametrize("size", [4, 100])
def test_it_is_fine_tuning_on_the_union(forget_too: bool, size: int) -> None:
    """Bit for bit, the statistics of BatchNorm too: the attack leaves them alone."""
    model, fields = network(), {"epochs": 3, "lr": 0.05, "batch_size": size}
    method = AMUN(**fields, forget_too=forget_too)  # type: ignore[arg-type]
    result = method(model, forget=FORGET, retain=RETAIN, generator=seeded())
    D_A = Labelled(*nearest_adversaries(model, FORGET.x, FORGET.y, 0.04, 50, size))
    D = union(RETAIN, FORGET, D_A) if forget_too else union(RETAIN, D_A)
    tuned = FineTune(**fields)(model, retain=D, generator=seeded())  # type: ignore[arg-type]
    assert_same(state(result), state(tuned))


def test_without_a_retain_set_it_trains_on_the_two_others() -> None:
    model, nothing = network(), RETAIN[torch.arange(0)]
    method = AMUN(epochs=1, lr=0.05, batch_size=100)
    result = method(model, forget=FORGET, retain=nothing, generator=seeded())
    D_A = Labelled(*nearest_adversaries(model, FORGET.x, FORGET.y, 0.04, 50))
    tuned = FineTune(1, 0.05, batch_size=100)(model, retain=union(FORGET, D_A), generator=seeded())
    assert_same(state(result), state(tuned))


def test_the_rate_falls_to_a_tenth() -> None:
    assert [*AMUN(epochs=5, lr=2.0, every=2).rates()] == pytest.approx([2, 2, 0.2, 0.2, 0.02])
    assert [*AMUN(epochs=2, lr=2.0, every=5).rates()] == [2, 2]


def test_presets() -> None:
    released = AMUN(0.01, lr=0.05, every=1, forget_too=False)
    assert AMUN.as_released() == released
    assert AMUN.as_released(forget_too=True, eps=0.1).forget_too


def test_tokens_and_several_labels_are_refused() -> None:
    model, several = network(), Labelled(FORGET.x, torch.eye(3)[FORGET.y])
    with pytest.raises(SpecError, match=r"have several labels\. Use another method"):
        AMUN()(model, forget=several, retain=several, generator=seeded())
    tokens = Labelled(torch.arange(6)[:, None], torch.arange(6) % 3)
    words = nn.Sequential(nn.Embedding(6, 3), nn.Flatten())
    with pytest.raises(SpecError, match="are tokens"):
        AMUN()(words, forget=tokens, retain=tokens, generator=seeded())


def test_a_first_layer_may_work_in_place() -> None:
    net = nn.Sequential(nn.LeakyReLU(0.5, inplace=True), nn.Linear(6, 3)).double()
    plain = nn.Sequential(nn.LeakyReLU(0.5), deepcopy(net[1]))
    x = FORGET.x.clone()
    y = plain(x).argmax(1)
    pairs = [nearest_adversaries(model, x, y, 0.04, 50) for model in (net, plain)]
    assert torch.equal(pairs[0][0], pairs[1][0])
    assert torch.equal(x, FORGET.x)


def test_the_forget_set_is_known_less_well_and_the_rest_kept(toy: Dataset) -> None:
    """At first the losses are about 0.001."""
    kept_too = AMUN(0.5, lr=0.05, epochs=4, batch_size=20)
    for accuracy, loss, kept in forgotten_and_kept(kept_too, toy):
        assert loss > 0.005
        assert min(accuracy, kept) >= 0.95
    released = AMUN.as_released(eps=0.5, epochs=3, batch_size=20)
    for accuracy, loss, kept in forgotten_and_kept(released, toy):
        assert accuracy <= 0.1
        assert loss > 1
        assert kept >= 0.95
