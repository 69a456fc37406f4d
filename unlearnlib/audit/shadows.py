"""Many small models of one architecture, trained at once."""

from collections.abc import Sequence
from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn.functional import cross_entropy
from torch.optim import SGD

from ..checks.outputs import settled
from ..data.augment import augment
from ..data.tensors import Labelled
from ..errors import DataError
from ..training import Recipe, scheduler, seeded


def train_many(
    models: Sequence[nn.Module],
    data: Labelled,
    recipe: Recipe,
    generators: Sequence[torch.Generator],
) -> list[nn.Module]:
    """Train copies of `models` on the same data by `recipe`; return them in eval mode.

    Each has its own order of batches and its own augmentation, drawn from its generator as `train`
    draws them, so that without dropout it becomes the model that `train` makes of it, up to
    rounding. One step of all is one pass of stacked parameters: faster where a single small model
    leaves a GPU idle, hardly on a CPU.

    Args:
        models: Untrained networks of one architecture.
        data: The training set, on the models' device.
        recipe: Optimiser and schedule.
        generators: One for each model; the first also seeds dropout.

    Raises:
        DataError: There is no model, or not one generator for each; or no example, or several
            labels for each.
        NonFiniteError: A model diverged.
    """
    if not models or len(generators) != len(models) or not len(data) or data.y.dim() != 1:
        raise DataError(
            f"{len(models)} models, {len(generators)} generators and {len(data)} examples with "
            f"labels {tuple(data.y.shape)} cannot be trained at once: give a model or more, a "
            "generator for each, and examples with one label each."
        )
    trained = [deepcopy(model) for model in models]
    parameters, buffers = stack_module_state(trained)
    one = deepcopy(trained[0]).train()
    optimiser = SGD(
        list(parameters.values()), recipe.lr, recipe.momentum, weight_decay=recipe.weight_decay
    )
    steps = -(-len(data) // recipe.batch_size)
    schedule = scheduler(recipe, optimiser, recipe.epochs * steps)

    def loss(p: dict[str, Tensor], b: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        return cross_entropy(functional_call(one, (p, b), (x,)), y)

    losses = vmap(loss, randomness="different")
    for generator in generators[1:]:  # what `seeded` draws of the first, `train` draws of each
        torch.randint(2**31, (), generator=generator, device=generator.device)
    with seeded(generators[0]):
        for _ in range(recipe.epochs):
            orders = [
                torch.randperm(len(data), generator=g, device=g.device).to(data.x.device)
                for g in generators
            ]
            for index in torch.stack(orders).split(recipe.batch_size, 1):
                x = data.x[index]
                if recipe.augment:
                    x = torch.stack([augment(a, g) for a, g in zip(x, generators, strict=True)])
                with torch.autocast("cuda", torch.bfloat16, enabled=x.is_cuda):
                    # The models share nothing: the sum's gradient is to each that of its own loss
                    total = losses(parameters, buffers, x, data.y[index]).sum()
                optimiser.zero_grad()
                total.backward()
                optimiser.step()
                schedule.step()
    for i, model in enumerate(trained):
        state = {name: value[i].detach() for name, value in (parameters | buffers).items()}
        model.load_state_dict(state)
    return [settled(model) for model in trained]
