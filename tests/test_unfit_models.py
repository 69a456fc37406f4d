"""Inputs that a model cannot take, and models that nothing can be learned by."""

import pytest
import torch
from torch import Tensor, nn

from unlearnlib.checks.outputs import logits
from unlearnlib.errors import DataError, UnsupportedModelError


@pytest.mark.parametrize(
    "x",
    [torch.zeros(2, 5), torch.zeros(2, 4, dtype=torch.float64), torch.zeros(2, 4).long()],
    ids=["width", "type", "tokens"],
)
def test_inputs_are_those_of_the_model(x: Tensor) -> None:
    with pytest.raises(
        UnsupportedModelError, match=r"^Linear cannot be given these inputs, torch\.\w+ of shape \("
    ) as caught:
        logits(nn.Linear(4, 3), x)
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_tokens_are_those_of_the_vocabulary() -> None:
    model = nn.Sequential(nn.Embedding(5, 3), nn.Flatten(), nn.Linear(6, 2))
    with pytest.raises(UnsupportedModelError, match=r"^Sequential cannot be given these inputs"):
        logits(model, torch.tensor([[0, 7]]))


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("full"), DataError("no")])
def test_other_errors_of_a_model_stay(error: Exception) -> None:
    def fail(*_: object) -> None:
        raise error

    model = nn.Linear(4, 3)
    model.register_forward_pre_hook(fail)
    with pytest.raises(type(error)) as caught:
        logits(model, torch.zeros(2, 4))
    assert caught.value is error


class Sure(nn.Sequential):
    """Returns probabilities."""

    def __init__(self) -> None:
        super().__init__(nn.Linear(4, 3), nn.Softmax(1))


def test_probabilities_in_the_place_of_logits_are_told_once() -> None:
    class Fresh(Sure):
        pass

    x, model = torch.randn(5, 4), Fresh()
    logits(model, x[:1])  # one row may sum to one by chance
    with pytest.warns(UserWarning, match=r"^Fresh returns probabilities .* log-softmax"):
        logits(model, x)
    for again in (model, Fresh()):
        logits(again, x)


class Constant(nn.Module):
    """Says this, whatever it is shown."""

    def __init__(self, *rows: list[float]) -> None:
        super().__init__()
        self.rows = torch.tensor(rows)

    def forward(self, x: Tensor) -> Tensor:
        return self.rows


@pytest.mark.parametrize(
    "model",
    [
        nn.Sequential(nn.Linear(1, 3), nn.LogSoftmax(1)),
        Constant([0.2, 0.8], [0.5, 0.501]),
        Constant([0.2, 0.8], [1.5, -0.5]),
        Constant([0.0, 0.0], [0.0, 0.0]),
        Constant([torch.nan, 1.0], [0.0, 1.0]),
    ],
)
def test_what_is_no_probability_is_taken_without_a_word(model: nn.Module) -> None:
    logits(model, torch.ones(2, 1))
    logits(Constant([0.2, 0.8]), torch.ones(1, 1))
