"""Vision transformers through `timm`, an optional extra: `pip install "unlearnlib[vit]"`.

The papers fine-tune `google/vit-base-patch16-224` (ImageNet-21k, then 1k) with a linear layer on
the class token. `timm` carries the same weights as `vit_base_patch16_224.augreg_in21k_ft_in1k`.
"""

from typing import Any

from torch import Tensor, nn
from torch.nn.functional import interpolate

from ..errors import PackageError, SpecError, first_line

HUB_NAME = "vit_base_patch16_224.augreg_in21k_ft_in1k"


class ViT(nn.Module):
    """A `timm` transformer that resizes its images to the side that it was built for.

    Args:
        shape: (channels, height, width) of an input.
        classes: Number of outputs.
        name: Architecture for `timm.create_model`.
        pretrained: Start from the hub's weights; needs a network the first time.
        options: Passed on to `timm.create_model`, for instance `embed_dim`, `depth`, `img_size`.

    Raises:
        PackageError: `timm` is not installed.
        SpecError: The weights cannot be loaded.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        classes: int,
        *,
        name: str = HUB_NAME,
        pretrained: bool = True,
        **options: Any,
    ) -> None:
        """Build the network."""
        super().__init__()
        try:
            from timm import create_model
        except (ImportError, RuntimeError) as error:  # the second: torchvision of another torch
            raise PackageError(
                f"A ViT is built by timm, which cannot be imported: {first_line(error)}. "
                "It is an extra: pip install 'unlearnlib[vit]'."
            ) from None
        self.side = options.get("img_size", 224)
        try:
            self.transformer = create_model(
                name, pretrained=pretrained, num_classes=classes, in_chans=shape[0], **options
            )
        except OSError as error:
            raise SpecError(
                f"The weights of '{name}' cannot be loaded: {first_line(error)}. Without a network "
                "they must be there already; 'vit_tiny' needs none."
            ) from None

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, channels, height, width) to logits (n, classes)."""
        if x.shape[-1] != self.side:
            x = interpolate(x, size=self.side, mode="bilinear", antialias=True)
        logits: Tensor = self.transformer(x)
        return logits
