"""Train modes in which a part of a model stays in eval mode."""

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd


def train_without_own_dropout(model: nn.Module) -> None:
    """Put `model` in train mode, but for dropout among its own children."""
    model.train()
    for child in model.children():
        if isinstance(child, nn.Dropout):
            child.eval()


def train_without_batchnorm(model: nn.Module) -> None:
    """Put `model` in train mode, but for BatchNorm, wherever in it."""
    model.train()
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            module.eval()


def train_dropout_alone(model: nn.Module) -> None:
    """Put the dropout of `model` in train mode and the rest in eval mode."""
    for module in model.modules():
        module.training = isinstance(module, _DropoutNd)
