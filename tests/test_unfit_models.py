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
