"""Networks: one family a file, each built from the shape of an input and the number of classes.

A specification names a network by its key in :data:`MODELS`; :func:`build` makes it.

- `small`: perceptron, the CNN of JiT's entropy experiment, a strided CNN
- `vgg`: VGG-11, the network of the JiT paper, and its miniature
- `small_vgg`: the network of PGU's data removal and de-poisoning
- `all_cnn`: the network of PGU's sub-class removal
- `airbench`: the network of airbench in small, which learns CIFAR-10 by heart on one core
- `resnet`: ResNet-18 with a stem for small images, or with its own
- `vit`: vision transformers of `timm`, an extra
- `patch_transformer`: a vision transformer of plain layers, which needs no extra
- `dinov2`: a pretrained vision transformer of plain layers, whose weights are an extra
- `onnx`: the tensors in an ONNX file
- `text`: classifiers of texts: words, a transformer, a head on an encoder
- `encoders`: the pretrained encoders of `text`, an extra
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn

from ..errors import SpecError
from .airbench import AirbenchMini
from .all_cnn import AllCNN
from .dinov2 import Dinov2
from .patch_transformer import PatchTransformer
from .resnet import ResNet18
from .small import MLP, SimpleCNN, StridedCNN
from .small_vgg import SmallVGG
from .text import BagOfWords, EncoderClassifier, TextTransformer
from .vgg import VGG11, VGGMini
from .vit import ViT

Factory = Callable[[torch.Generator], nn.Module]
"""Makes an untrained network; draws its initial parameters from the generator."""

MODELS: dict[str, Callable[[Any, int], nn.Module]] = {
    "vgg_mini": VGGMini,
    "vgg_mini_bn": partial(VGGMini, batchnorm=True),
    "vgg_mini_no_dropout": partial(VGGMini, dropout=0.0),
    "simple_cnn": SimpleCNN,
    "mlp": MLP,
    "mlp_16": partial(MLP, width=16),
    "mlp_256": partial(MLP, width=256),
    "mlp_1024": partial(MLP, width=1024),
    "resnet18": ResNet18,
    "resnet18_mini": partial(ResNet18, width=8),
    "vgg11": VGG11,
    "small_vgg": SmallVGG,
    "small_vgg_mini": partial(SmallVGG, widths=(16, 32, 64), hidden=64),
    "all_cnn": AllCNN,
    "all_cnn_mini": partial(AllCNN, width=12),
    "resnet18_stock": partial(ResNet18, stock=True),
    "strided_cnn": StridedCNN,
    "strided_cnn_plain": partial(StridedCNN, batchnorm=False),
    "bag_of_words": BagOfWords,
    "text_transformer": TextTransformer,
    "minilm": partial(EncoderClassifier, encoder="minilm"),
    "roberta": partial(EncoderClassifier, encoder="roberta"),
    "mlp_512": partial(MLP, width=512),
    "vit": ViT,
    "vit_tiny": partial(
        ViT, name="vit_tiny_patch16_224", pretrained=False, img_size=32, patch_size=4, depth=6
    ),
    "patch_transformer": PatchTransformer,
    "vit_small_dinov2": Dinov2,
    "airbench_mini": AirbenchMini,
    "airbench_mini_plain": partial(AirbenchMini, batchnorm=False),
    "airbench_96_plain": partial(AirbenchMini, widths=(16, 64, 96), batchnorm=False),
    "airbench_128_plain": partial(AirbenchMini, widths=(16, 96, 128), batchnorm=False),
    "airbench_192_plain": partial(AirbenchMini, widths=(16, 96, 192), batchnorm=False),
}
"""Every network by its name in a specification."""


def build(name: str, shape: tuple[int, ...], classes: int) -> nn.Module:
    """Return an untrained network; that of images with its parameters channels-last.

    Channels-last is the faster layout of convolutions, on GPUs and CPUs alike.

    Args:
        name: A key of `MODELS`.
        shape: Shape of one input.
        classes: Number of outputs.

    Raises:
        SpecError: The name is unknown.
    """
    if name not in MODELS:
        raise SpecError(f"There is no model '{name}'. Known are: {', '.join(MODELS)}.")
    model = MODELS[name](shape, classes)
    if len(shape) == 3:
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return model


__all__ = [
    "MLP", "MODELS", "VGG11", "AirbenchMini", "AllCNN", "BagOfWords", "Dinov2", "EncoderClassifier",
    "Factory", "PatchTransformer", "ResNet18", "SimpleCNN", "SmallVGG", "StridedCNN",
    "TextTransformer", "VGGMini", "ViT", "build",
]  # fmt: skip
