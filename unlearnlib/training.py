"""The one training loop: data on the device, one optimiser, the papers' schedules."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.optim import SGD, AdamW, Optimizer
from torch.optim import lr_scheduler as schedules

from .access import handed
from .checkpoint import Stateful, batches
from .checks.kinds import check_network
from .checks.outputs import logits, settled
from .data.augment import augment
from .data.tensors import Labelled, batch_count
from .errors import SpecError
from .fields import Checked, Count, NonNegative, Part
from .losses import Labels, mean_loss

Schedule = Literal["constant", "onecycle", "multistep", "linear", "exponential", "tenth"]


@dataclass(frozen=True)
class Recipe(Checked):
    """How a model is trained, on the cross-entropy or, of several labels, the binary one.

    Attributes:
        epochs: Passes over the data.
        lr: Learning rate (of OneCycle: its maximum).
        momentum: Momentum of SGD; `onecycle` moves it between 0.95 and 0.85 instead, against the
            rate, as torch does by default.
        weight_decay: L2 penalty of SGD, decoupled decay of AdamW.
        batch_size: Examples a step.
        schedule: How the rate moves, step by step. `onecycle` warms up over the first three
            tenths and anneals by a cosine; `multistep` divides by five at 3/10, 6/10 and 8/10;
            `linear` falls to zero, `tenth` as straight to a tenth; `exponential` falls to a
            hundredth.
        augment: Random crop, flip and rotation of every batch.
        optimiser: `sgd`, or `adamw`, which transformers need and which has no `momentum`.
    """

    epochs: Count
    lr: NonNegative = 0.1
    momentum: Part = 0.9
    weight_decay: NonNegative = 5e-4
    batch_size: Count = 128
    schedule: Schedule = "onecycle"
    augment: bool = False
    optimiser: Literal["sgd", "adamw"] = "sgd"


def check_recipe(recipe: object) -> None:
    """Refuse what is no recipe.

    Raises:
        SpecError: It is a dictionary of its fields, or anything else.
    """
    if not isinstance(recipe, Recipe):
        told = f"Recipe(**{recipe!r:.60})" if isinstance(recipe, dict) else "Recipe(epochs=...)"
        raise SpecError(
            f"`recipe` must be a Recipe, not a {type(recipe).__name__}. Make it with {told}."
        )


def optimiser_of(recipe: Recipe, model: nn.Module) -> Optimizer:
    """Return the optimiser of `recipe` for the parameters of `model`."""
    if recipe.optimiser == "adamw":
        return AdamW(model.parameters(), recipe.lr, weight_decay=recipe.weight_decay)
    return SGD(model.parameters(), recipe.lr, recipe.momentum, weight_decay=recipe.weight_decay)


def scheduler(recipe: Recipe, optimiser: Optimizer, steps: int) -> schedules.LRScheduler:
    """Return the schedule of `recipe` over `steps` optimiser steps."""
    match recipe.schedule:
        case "constant":
            return schedules.ConstantLR(optimiser, factor=1.0, total_iters=0)
        case "onecycle":
            return schedules.OneCycleLR(optimiser, recipe.lr, total_steps=max(steps, 2))
        case "multistep":
            milestones = [steps * tenths // 10 for tenths in (3, 6, 8)]
            return schedules.MultiStepLR(optimiser, milestones, gamma=0.2)
        case "linear":
            return schedules.LinearLR(optimiser, 1.0, 0.0, total_iters=steps)
        case "exponential":
            return schedules.ExponentialLR(optimiser, gamma=0.01 ** (1 / max(steps, 1)))
        case "tenth":
            return schedules.LinearLR(optimiser, 1.0, 0.1, total_iters=steps)


@contextmanager
def seeded(generator: torch.Generator) -> Iterator[None]:
    """Draw everything that has no generator of its own (dropout, initialisation) from `generator`.

    The global state of the CPU and of the current GPU is restored afterwards.
    """
    handed(generator=generator)
    seed = int(torch.randint(2**31, (), generator=generator, device=generator.device))
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        yield


def train(
    model: nn.Module,
    data: Labelled,
    recipe: Recipe,
    generator: torch.Generator,
    still: Iterable[nn.Module] = (),
) -> nn.Module:
    """Train `model` in place on `data` by `recipe`; return it in eval mode.

    Inside `checkpoint.resumable` the training goes on where an earlier one was interrupted.

    Args:
        model: A classifier, (n, ...) -> logits (n, classes).
        data: The training set, on the model's device.
        recipe: Optimiser and schedule.
        generator: Order of the batches, augmentation and dropout.
        still: Modules of `model` that stay in eval mode.

    Raises:
        DataError, SpecError, UnsupportedModelError: One of them is of another kind.
        NonFiniteError: The training diverged.
        PausedError: Time was up inside `deadline.until`.
    """
    handed(data=data, generator=generator)
    check_network(model)
    check_recipe(recipe)
    optimiser = optimiser_of(recipe, model)
    steps = recipe.epochs * batch_count(len(data), recipe.batch_size)
    schedule = scheduler(recipe, optimiser, steps)
    changed: dict[str, Stateful] = {"model": model, "optimiser": optimiser, "schedule": schedule}
    model.train()
    for module in still:
        module.training = False  # its children may be others
    with seeded(generator):
        for x, y in batches(data, recipe.epochs, recipe.batch_size, generator, changed):
            x = augment(x, generator) if recipe.augment else x
            step(model, optimiser, x, y)
            schedule.step()
    return settled(model)


def step(model: nn.Module, optimiser: Optimizer, x: Tensor, y: Labels) -> None:
    """Take one step on a batch; on CUDA the forward pass runs in bf16 autocast."""
    loss = mean_loss(forward(model, x), y)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()


def forward(model: nn.Module, x: Tensor) -> Tensor:
    """Return the logits of `model` for a step; on CUDA they are computed in bf16 autocast."""
    with torch.autocast("cuda", torch.bfloat16, enabled=x.is_cuda):
        z = logits(model, x)
    return z.float() if z.is_cuda and z.dtype == torch.bfloat16 else z
