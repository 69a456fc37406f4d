r"""Retraining from scratch, the oracle.

Every parameter is initialised anew and trained on the retain set alone, by the recipe of the
original model:

.. math:: \theta_r = \mathcal{A}(D \setminus D_f)

Sees: :math:`D_r`, an untrained network, the recipe. Never sees: :math:`D_f`.

Departs from the JiT release (jwf40/Information-Theoretic-Unlearning @ c967614): its `retrain`
resets only the direct children that have `reset_parameters`, which on its VGG and ViT is the last
linear layer; the trained backbone is kept, and it trains by another recipe than the original.
"""

from dataclasses import dataclass

import torch
from torch import nn

from ..access import handed
from ..data.tensors import Labelled
from ..fields import Checked, Whole
from ..models import Factory
from ..training import Recipe, train


@dataclass(frozen=True)
class Retrain(Checked):
    """Train an untrained network on the retain set.

    `fresh_model` is a function that makes an untrained network of a generator, `recipe` says how it
    is trained; `OwnScenario` makes both of a factory and a `Recipe`.

    Attributes:
        again: Which of several models retrained with one seed. How far the second is from the first
            is how far any method would be that does what retraining does.
    """

    again: Whole = 0

    def __call__(
        self,
        model: nn.Module,
        *,
        retain: Labelled,
        fresh_model: Factory,
        recipe: Recipe,
        generator: torch.Generator,
    ) -> nn.Module:
        """Return a network that never saw the forget set; nothing of `model` is used."""
        handed(retain=retain, fresh_model=fresh_model, generator=generator)
        for _ in range(self.again):  # the generator of the next model is drawn from this one's
            seed = torch.randint(2**62, (), generator=generator, device=generator.device)
            generator = torch.Generator(generator.device).manual_seed(int(seed))
        return train(fresh_model(generator), retain, recipe, generator)
