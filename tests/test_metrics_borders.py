"""What metrics refuse, and that a metric of what is not finite is NaN."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from unlearnlib import metrics
from unlearnlib.audit.information import curvature, input_gradient, parameter_gradient
from unlearnlib.audit.smoothness import local_ratio
from unlearnlib.errors import DataError, SpecError
from unlearnlib.metrics import divergence
from unlearnlib.metrics.accuracy import hits

from .toys import seeded

Metric = Callable[[Tensor, Tensor], Tensor | float]
N, CLASSES = 8, 3
Y = torch.arange(N) % CLASSES


def logits() -> Tensor:
    return torch.randn(N, CLASSES, generator=seeded(0))


class Same(nn.Module):
    """Returns its input, on which a parameter has no other effect."""

    def __init__(self) -> None:
        super().__init__()
        self.zero = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.zero


ONE_LABEL: dict[str, Metric] = {
    "confidence": metrics.confidence,
    "margin": metrics.margin,
    "modified_entropy": metrics.modified_entropy,
    "input_gradient": lambda z, y: input_gradient(lambda x: x, z, y),
    "curvature": lambda z, y: curvature(lambda x: x, z, y, 0.1, seeded()),
    "parameter_gradient": lambda z, y: parameter_gradient(Same(), z, y),
}
LABELLED: dict[str, Metric] = ONE_LABEL | {
    "hits": hits,
    "accuracy": metrics.accuracy,
    "accuracy_batch_mean": metrics.accuracy_batch_mean,
    "loss": metrics.loss,
    "example_loss": metrics.example_loss,
}
EVERY: dict[str, Metric] = LABELLED | {
    "entropy": lambda z, _: metrics.entropy(z),
    "alignment": lambda z, _: metrics.alignment(z, z[None] + 1),
    "alignment of copies": lambda z, _: metrics.alignment(logits() + 1, z[None]),
    "local_ratio": lambda z, _: local_ratio(lambda x: x, z, 0.1, seeded()),
    "divergence": lambda z, _: divergence(z, logits()),
    "divergence from": lambda z, _: divergence(logits(), z),
    "mia of forget": lambda z, _: metrics.mia_entropy(z, logits(), logits()),
    "mia of retain": lambda z, _: metrics.mia_entropy(logits(), z, logits()),
    "mia of test": lambda z, _: metrics.mia_entropy(logits(), logits(), z),
    "attack_accuracy": lambda z, _: metrics.attack_accuracy(z[:, 0], logits()[:, 0]),
    "attack_accuracy of others": lambda z, _: metrics.attack_accuracy(logits()[:, 0], z[:, 0]),
    "attack_auc": lambda z, _: metrics.attack_auc(z[:, 0], logits()[:, 0]),
    "attack_auc of others": lambda z, _: metrics.attack_auc(logits()[:, 0], z[:, 0]),
    "attack_tpr": lambda z, _: metrics.attack_tpr(z[:, 0], logits()[:, 0]),
    "attack_tpr of others": lambda z, _: metrics.attack_tpr(logits()[:, 0], z[:, 0]),
}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", EVERY)
def test_a_metric_of_what_is_not_finite_is_nan(name: str, value: float) -> None:
    """Of the one example where there is a number for each, and of all where there is one."""
    z = logits()
    z[2, 0] = value
    found = torch.as_tensor(EVERY[name](z, Y))
    if found.dim() == 0:
        assert found.isnan()
    else:
        assert found[2].isnan().all()
        assert found[torch.arange(N) != 2].isfinite().all()
        assert torch.equal(
            found[torch.arange(N) != 2],
            torch.as_tensor(EVERY[name](logits(), Y))[torch.arange(N) != 2],
        )


@pytest.mark.parametrize("name", EVERY)
def test_a_metric_of_nothing_but_nan_is_nan(name: str) -> None:
    found = torch.as_tensor(EVERY[name](torch.full((N, CLASSES), math.nan), torch.zeros_like(Y)))
    assert found.isnan().all()


@pytest.mark.parametrize("metric", [hits, metrics.accuracy, metrics.loss, metrics.example_loss])
def test_several_labels_of_an_output_that_is_not_finite(metric: Metric) -> None:
    z = logits()
    z[2, 1] = math.inf
    found = torch.as_tensor(metric(z, nn.functional.one_hot(Y, CLASSES).float()))
    assert found[2].isnan() if found.dim() else found.isnan()


LABELS = {
    "a column": Y[:, None],
    "a scalar": torch.tensor(1),
    "fewer": Y[:-1],
    "more": torch.cat([Y, Y]),
    "negative": Y - 1,
    "ignored": torch.where(Y == 0, -100, Y),
    "too large": Y + 1,
    "bool": Y > 0,
    "uint8": Y.to(torch.uint8),
    "floats (n,)": Y.double(),
    "50.0": torch.full((N, CLASSES), 50.0),
    "one half": torch.full((N, CLASSES), 0.5),
    "nan": torch.full((N, CLASSES), math.nan),
    "floats of other classes": torch.zeros(N, CLASSES + 1),
    "floats (1, classes)": torch.zeros(1, CLASSES),
    "whole numbers for several": torch.zeros(N, CLASSES, dtype=torch.int64),
    "a list": Y.tolist(),
}


@pytest.mark.parametrize("wrong", LABELS)
@pytest.mark.parametrize("name", LABELLED)
def test_labels_that_are_none_are_refused(name: str, wrong: str) -> None:
    with pytest.raises(DataError, match=r"\.$"):
        LABELLED[name](logits(), LABELS[wrong])  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ONE_LABEL)
def test_several_labels_are_refused_where_one_is_meant(name: str) -> None:
    with pytest.raises(DataError, match="a label for each of"):
        ONE_LABEL[name](logits(), nn.functional.one_hot(Y, CLASSES).float())


OUTPUTS = {
    "one logit": (torch.tensor([[3.0], [-3.0]]), torch.tensor([0, 1])),
    "one of several": (torch.tensor([[3.0], [-3.0]]), torch.tensor([[1.0], [0.0]])),
    "a row": (torch.zeros(N), Y),
    "pixels": (torch.zeros(N, CLASSES, 4), Y),
    "whole numbers": (torch.zeros(N, CLASSES, dtype=torch.int64), Y),
    "nothing": (torch.zeros(0, CLASSES), Y[:0]),
}  # fmt: skip
WHOLE = [name for name in EVERY if "alignment of" not in name and "attack" not in name]


@pytest.mark.parametrize("wrong", OUTPUTS)
@pytest.mark.parametrize("name", [n for n in WHOLE if "gradient" not in n and n != "curvature"])
def test_outputs_that_are_no_logits_are_refused(name: str, wrong: str) -> None:
    with pytest.raises(DataError, match=r"\.$"):
        EVERY[name](*OUTPUTS[wrong])


def test_gradients_of_outputs_that_are_no_logits_are_refused() -> None:
    with pytest.raises(DataError, match="classes"):
        parameter_gradient(Same(), logits()[:, :1], torch.zeros_like(Y))
    for f in (lambda x: x[:, :1], lambda x: x[:, 0], lambda x: x[:0]):
        for of in (
            lambda f: input_gradient(f, logits(), Y),
            lambda f: curvature(f, logits(), Y, 0.1, seeded()),
            lambda f: local_ratio(f, logits(), 0.1, seeded()),
        ):
            with pytest.raises(DataError, match=r"\.$"):
                of(f)
    with pytest.raises(DataError, match="for 8 inputs"):
        local_ratio(lambda x: x[:1], logits(), 0.1, seeded())
    with pytest.raises(DataError, match="a label for each"):
        parameter_gradient(Same(), logits(), Y[:3])
    with pytest.raises(DataError, match="0 parameters"):
        parameter_gradient(nn.Identity(), logits(), Y)


def test_neighbours_without_a_finite_output() -> None:
    """Of an example whose own is finite; nothing is infinitely steep, it is not known."""

    def f(x: Tensor) -> Tensor:
        return torch.where(x[:, :1] > 5, math.inf, x)

    z = logits()
    z[2, 0] = 4.999999
    for found in (
        local_ratio(f, z, 0.1, seeded(), draws=20),
        curvature(f, z, Y, 0.1, seeded(), draws=20),
    ):
        assert found.isnan().tolist() == [i == 2 for i in range(N)]


def test_outputs_that_are_no_tensor_are_refused() -> None:
    with pytest.raises(DataError, match="logits as a tensor"):
        metrics.entropy(logits().tolist())  # type: ignore[arg-type]


@pytest.mark.parametrize("radius", [0.0, -1.0, math.nan, math.inf])
def test_a_sphere_needs_a_radius_and_directions(radius: float) -> None:
    with pytest.raises(SpecError, match="radius"):
        local_ratio(lambda x: x, logits(), radius, seeded())
    with pytest.raises(SpecError, match="radius"):
        curvature(lambda x: x, logits(), Y, radius, seeded())
    with pytest.raises(SpecError, match="directions"):
        local_ratio(lambda x: x, logits(), 1.0, seeded(), draws=0)


def test_labels_of_both_widths_and_the_classes_at_both_ends() -> None:
    z = torch.eye(3)
    assert metrics.accuracy(z, torch.arange(3)) == 1
    assert metrics.accuracy(z, torch.arange(3, dtype=torch.int32)) == 1
    assert metrics.loss(z, torch.arange(3, dtype=torch.int32)) == metrics.loss(z, torch.arange(3))
    assert metrics.accuracy(z, torch.eye(3)) == 1
    assert metrics.accuracy(z, 1 - torch.eye(3)) == 0
    assert hits(z, torch.tensor([0, 0, 2])).tolist() == [1, 0, 1]


@pytest.mark.parametrize("size", [0, -1, 2.0, True])
def test_batches_have_examples(size: int) -> None:
    with pytest.raises(SpecError, match="batch_size"):
        metrics.accuracy_batch_mean(logits(), Y, batch_size=size)


@pytest.mark.parametrize(
    "noisy",
    [
        torch.zeros(N, CLASSES),
        torch.zeros(2, 1, CLASSES),
        torch.zeros(2, N, 1),
        torch.zeros(0, N, CLASSES),
    ],
)
def test_copies_are_those_of_the_examples(noisy: Tensor) -> None:
    with pytest.raises(DataError, match="Noisy copies"):
        metrics.alignment(logits(), noisy)


def test_two_models_are_compared_on_the_same_examples() -> None:
    for other in (logits()[:1], torch.zeros(N, CLASSES + 1)):
        with pytest.raises(DataError, match="same examples"):
            divergence(logits(), other)


class TestAttack:
    attacks = (metrics.attack_accuracy, metrics.attack_auc, metrics.attack_tpr)

    @pytest.mark.parametrize("attack", attacks)
    @pytest.mark.parametrize("wrong", [torch.zeros(9, 1), torch.tensor(1.0), torch.zeros(9) > 0])
    def test_scores_are_a_row_of_numbers(self, attack: Metric, wrong: Tensor) -> None:
        for pair in ((wrong, torch.arange(9.0)), (torch.arange(9.0), wrong)):
            with pytest.raises(DataError, match="a score for each"):
                attack(*pair)

    @pytest.mark.parametrize("attack", attacks[1:])
    def test_both_sets_have_some(self, attack: Metric) -> None:
        full, none = torch.arange(9.0), torch.zeros(0)
        for pair in ((full, none), (none, full)):
            with pytest.raises(DataError, match="one of each"):
                attack(*pair)
            assert math.isnan(metrics.attack_accuracy(*pair))

    @pytest.mark.parametrize("fpr", [1.0, -0.1, math.nan, math.inf])
    def test_the_rate_is_a_share(self, fpr: float) -> None:
        with pytest.raises(SpecError, match="fpr"):
            metrics.attack_tpr(torch.arange(9.0), torch.arange(9.0), fpr)

    def test_sizes_below_six_and_six(self) -> None:
        five, six = torch.arange(5.0), torch.arange(6.0)
        assert math.isnan(metrics.attack_accuracy(five, six))
        assert math.isnan(metrics.attack_accuracy(six, five))
        assert metrics.attack_accuracy(six, six + 100) == 1
        with pytest.raises(SpecError, match="split"):
            metrics.attack_accuracy(six, six, splits=0)

    def test_one_score_for_all_tells_nothing(self) -> None:
        assert metrics.attack_accuracy(torch.ones(20), torch.ones(30)) == 0.5
        assert metrics.attack_auc(torch.ones(20), torch.ones(30)) == 0.5
        assert metrics.attack_tpr(torch.ones(20), torch.ones(30)) == 0

    def test_whole_numbers_are_scores(self) -> None:
        assert metrics.attack_auc(torch.tensor([2, 3]), torch.tensor([1, 2])) == 0.875

    def test_scores_may_have_a_gradient(self) -> None:
        z = logits().requires_grad_()
        score = metrics.margin(z, Y)
        assert 0 <= metrics.attack_accuracy(score, score + 1) <= 1
        assert 0 <= metrics.mia_entropy(z, z, z) <= 1
