"""The rules by which PGU stops, by hand; requests that come one after the other."""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from unlearnlib import PGU, GradientSpace, Inputs, Labelled
from unlearnlib.errors import SpecError, UnsupportedModelError
from unlearnlib.methods.parts.sequential import (
    AfterRequest,
    Iterative,
    random_parts,
    unlearn_in_turn,
)
from unlearnlib.methods.parts.stopping import stopped

from .toys import seeded


class Table(nn.Module):
    """Predicts class 1 for the first `hits` of ten inputs 0..9, class 0 for the others."""

    def __init__(self, hits: int) -> None:
        super().__init__()
        self.hits = hits

    def forward(self, x: Tensor) -> Tensor:
        return 2 * torch.stack([(x >= self.hits), (x < self.hits)], 1).double()


def tables(*hits: int) -> Iterator[nn.Module]:
    return (Table(h) for h in hits)


TEN = Labelled(torch.arange(10.0), torch.ones(10, dtype=torch.long))
SEEN = Labelled(torch.tensor([0.0, 0.0, 0.0, 99, 99]), torch.ones(5, dtype=torch.long))  # 60 %


@pytest.mark.parametrize(
    ("hits", "chosen", "open_"),
    [
        ((10, 9, 7, 4, 1), 7, False),  # gaps -.4, -.3, -.1, +.2: the closer is the one before
        ((10, 9, 8, 5, 1), 5, False),  # gaps -.4, -.3, -.2, +.1: the closer is the last
        ((5, 4), 5, False),  # nothing to do
        ((10, 9, 8), 8, True),  # never closes
        ((10, 6), 6, False),  # closes at the end
    ],
)
def test_the_gap_rule_by_hand(hits: tuple[int, ...], chosen: int, open_: bool) -> None:
    model, exhausted = stopped(tables(*hits), "gap", TEN, SEEN)
    assert isinstance(model, Table)
    assert (model.hits, exhausted) == (chosen, open_)


def test_the_drop_rule_by_hand() -> None:
    """Class 1 of the validation data is what is forgotten; that of class 0 has to stay."""
    both = Labelled(torch.arange(20.0).sub(8), (torch.arange(20) < 8).long())  # class 0 at 0..11
    gone = Labelled(TEN.x[:1], TEN.y[:1])
    model, exhausted = stopped(tables(0, 0, 1, 2, 3), "drop", gone, both)
    assert isinstance(model, Table)
    assert (model.hits, exhausted) == (1, False)
    everything = Labelled(TEN.x[:2], torch.tensor([0, 1]))
    model, _ = stopped(tables(0, 0, 1, 2, 3), "drop", everything, both)
    assert model.hits == 2


def test_no_rule_takes_the_last_and_needs_no_validation() -> None:
    nothing = TEN[torch.arange(0)]
    model, exhausted = stopped(tables(3, 2, 1), None, TEN, nothing)
    assert isinstance(model, Table)
    assert (model.hits, exhausted) == (1, False)
    with pytest.raises(SpecError, match=r"'gap' watches validation data, of which there are none"):
        stopped(tables(3, 2, 1), "gap", TEN, nothing)


def examples(n: int, seed: int) -> Labelled:
    draw = seeded(seed)
    return Labelled(torch.randn(n, 6, generator=draw), torch.randint(4, (n,), generator=draw))


FORGET, RETAIN, VALIDATION = examples(7, 1), examples(12, 2), examples(9, 3)


@pytest.fixture
def model() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 4)).eval()


@pytest.fixture
def space(model: nn.Module) -> GradientSpace:
    return GradientSpace.of(model, Inputs(torch.cat([FORGET.x, RETAIN.x])))


Sequence = Callable[[Iterative, list[Labelled], Labelled], Iterator[AfterRequest]]


@pytest.fixture
def sequence(model: nn.Module, space: GradientSpace) -> Sequence:
    """`unlearn_in_turn` from the original model on."""
    return lambda method, requests, validation: unlearn_in_turn(
        method, model, requests, space, validation, seeded()
    )


class Idle:
    """Changes nothing, and notes what it was asked to forget."""

    stop = "gap"

    def __init__(self) -> None:
        self.asked: list[int] = []

    def iterates(self, model: nn.Module, forget: Labelled, *_: object) -> Iterator[nn.Module]:
        self.asked.append(len(forget))
        yield model


def test_parts_are_drawn_at_random_and_complete() -> None:
    data = Labelled(torch.arange(20.0), torch.arange(20))
    assert random_parts(data, 1, seeded()) == [data]
    drawn = random_parts(data, 3, seeded())
    assert [len(part) for part in drawn] == [7, 7, 6]
    order = torch.cat([part.y for part in drawn])
    assert order.tolist() != list(range(20))
    assert sorted(order.tolist()) == list(range(20))
    assert all(torch.equal(part.x, part.y.float()) for part in drawn)
    assert torch.equal(random_parts(data, 3, seeded())[0].y, drawn[0].y)


def test_requests_carry_model_and_space_on(
    model: nn.Module, space: GradientSpace, sequence: Sequence
) -> None:
    forgets = [FORGET[torch.arange(3)], FORGET[torch.arange(3, 7)]]
    method = PGU(0.5, epochs=2, stop=None, shuffle=False)

    def alone(model: nn.Module, forget: Labelled, space: GradientSpace) -> nn.Module:
        return method(
            model, forget=forget, gradient_space=space, validation=VALIDATION, generator=seeded()
        )

    one, two = sequence(method, forgets, VALIDATION)
    first = alone(model, forgets[0], space)
    carried = space.without(model, forgets[0].inputs).carried_to(first)
    second = alone(first, forgets[1], carried)
    for theirs, ours in ((first, one), (second, two)):
        assert not torch.equal(theirs[0].weight, model[0].weight)  # type: ignore[index]
        assert torch.equal(theirs[0].weight, ours.model[0].weight)  # type: ignore[index]
        ours.gradient_space.check(theirs)
        assert not ours.exhausted
    direct = GradientSpace.of(model, RETAIN.inputs).moments
    left = two.gradient_space.moments
    assert_close(left["0"], direct["0"], rtol=1e-4, atol=1e-4)  # the inputs of the first layer


def test_iterates_are_the_runs_of_fewer_epochs(model: nn.Module, space: GradientSpace) -> None:
    method = PGU(0.5, 0.1, 0.1, epochs=4, stop=None)  # a constant rate
    torch.manual_seed(3)
    state = torch.get_rng_state()
    kept = []
    for theta in method.iterates(model, FORGET, space.without(model, FORGET.inputs), seeded()):
        assert torch.equal(torch.get_rng_state(), state)
        assert not any(m.training for m in theta.modules())
        kept.append(theta[2].weight.clone())  # type: ignore[index]
    assert len(kept) == 5
    assert torch.equal(kept[0], model[2].weight)  # type: ignore[index]
    for epochs in (1, 2, 4):
        result = replace(method, epochs=epochs)(
            model, forget=FORGET, gradient_space=space, validation=VALIDATION, generator=seeded()
        )
        assert torch.equal(kept[epochs], result[2].weight)  # type: ignore[index]


def test_a_method_with_steps_is_a_sequence_of_its_parts(
    model: nn.Module, space: GradientSpace
) -> None:
    method, generator = PGU(0.9, epochs=2, stop=None, steps=2), seeded()
    result = method(
        model, forget=FORGET, gradient_space=space, validation=VALIDATION, generator=seeded()
    )
    requests = random_parts(FORGET, 2, generator)
    *_, last = unlearn_in_turn(method, model, requests, space, VALIDATION, generator)
    assert torch.equal(result[2].weight, last.model[2].weight)  # type: ignore[index]


def test_an_exhausted_request_ends_the_sequence(model: nn.Module, sequence: Sequence) -> None:
    known = Labelled(FORGET.x, model(FORGET.x).argmax(1))  # without a fault, which nothing changes
    wrong = Labelled(VALIDATION.x, (model(VALIDATION.x).argmax(1) + 1) % 4)
    forgets = [known[torch.arange(2)], known[torch.arange(2, 7)]]
    idle: Any = Idle()
    with pytest.warns(UserWarning, match="Request 1 of 2 is exhausted .* were not tried"):
        assert [step.exhausted for step in sequence(idle, forgets, wrong)] == [True]
    assert idle.asked == [2]
    with warnings.catch_warnings(action="error"):
        assert [step.exhausted for step in sequence(idle, forgets, known)] == [False, False]
        assert [step.exhausted for step in sequence(idle, forgets[:1], wrong)] == [True]


def test_a_method_whose_capacity_ends_says_so(model: nn.Module, space: GradientSpace) -> None:
    known = Labelled(FORGET.x, model(FORGET.x).argmax(1))
    wrong = Labelled(VALIDATION.x, (model(VALIDATION.x).argmax(1) + 1) % 4)
    told: Any = {"forget": known, "gradient_space": space, "validation": wrong}
    with pytest.warns(UserWarning, match="Request 1 of 2 is exhausted"):
        PGU(0.9, lr=1e-9, lr_end=1e-9, epochs=1, steps=2)(model, **told, generator=seeded())


def test_the_gap_is_that_of_all_that_was_forgotten(model: nn.Module, sequence: Sequence) -> None:
    """Of the second request all is known, of both three in seven; two thirds of what is unseen."""
    z, unseen = model(FORGET.x).argmax(1), model(VALIDATION.x).argmax(1)
    labels = Labelled(FORGET.x, (z + (torch.arange(7) < 4)) % 4)
    validation = Labelled(VALIDATION.x, (unseen + (torch.arange(9) < 3)) % 4)
    forgets = [labels[torch.arange(4)], labels[torch.arange(4, 7)]]
    idle: Any = Idle()
    steps = sequence(idle, forgets, validation)
    assert [step.exhausted for step in steps] == [False, False]
    (alone,) = sequence(idle, forgets[1:], validation)
    assert alone.exhausted


def test_a_gap_of_half_a_point_is_closed() -> None:
    """Of two forgotten examples one is known, of 400 unseen ones a quarter of a point fewer."""
    n = 400
    unseen = Labelled(torch.arange(float(n)), torch.ones(n, dtype=torch.long))
    for known, exhausted in ((199, False), (197, True)):
        gone = Labelled(torch.tensor([known - 1.0, known]), torch.ones(2, dtype=torch.long))
        _, open_ = stopped(tables(known), "gap", gone, unseen)
        assert open_ is exhausted
    _, open_ = stopped(tables(0, 0), "drop", TEN, SEEN)
    assert open_ is False


def test_there_are_no_more_steps_than_examples() -> None:
    assert [len(part) for part in random_parts(FORGET, 7, seeded())] == [1] * 7
    with pytest.raises(SpecError, match="7 examples cannot be forgotten in 8 steps"):
        random_parts(FORGET, 8, seeded())


def test_what_is_judged_are_logits(model: nn.Module) -> None:
    with pytest.raises(UnsupportedModelError, match="not logits"):
        stopped(iter([nn.Sequential(model, nn.Linear(4, 1))]), "gap", FORGET, VALIDATION)
