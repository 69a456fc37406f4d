r"""How fast the networks train on this device, against the floor that arithmetic sets.

    python book/bench_training.py --threads 1 --csv data/measured/training_speed.csv
    MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=100000000000 python book/bench_training.py ...

The floor of an image is its multiply-adds, two operations each, three times over (forward, and
backward to the inputs and to the weights), at the speed of a large product of matrices or of a
large convolution, whichever is the faster; both are measured in the same turns. A step is that of
`unlearnlib.training`, on a random batch of the size that the network's specification has, of images
or, for `minilm` (the extra `text`), of 40 tokens; the products of attention are not counted. What
is added to it in a training, the augmentation of a batch, and what a step spends in the optimiser
alone have columns of their own, as has evaluation.

The second command keeps the memory of a step for the next one, where glibc else gives it back and
asks for it again, page by page; its lines stand beside those of the first.
"""

import argparse
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from bench import Row, measure, parser, problem, where
from torch import Tensor, nn
from torch.nn.functional import conv2d

from unlearnlib import Labelled, rng
from unlearnlib.data.augment import augment
from unlearnlib.runs.one_run import outputs
from unlearnlib.training import Recipe, optimiser_of, step

NETWORKS = {
    "simple_cnn": 128, "resnet18_stock": 256, "small_vgg": 256, "vgg11": 64, "all_cnn": 256,
    "resnet18": 64, "vgg_mini": 128, "small_vgg_mini": 256, "all_cnn_mini": 256,
    "resnet18_mini": 128, "strided_cnn": 128, "airbench_mini": 128,
    "minilm": 128,
}  # fmt: skip
"""Network -> examples a step: the papers' as in their specifications, the miniatures, texts."""

SIDE = 2048
"""Of the square matrices whose product is one measure of the device's speed."""

MAPS = (32, 256, 16, 16)
"""Of the images whose 3x3 convolution to as many channels is the other one."""


def multiply_adds(
    model: nn.Module, shape: tuple[int, ...], dtype: torch.dtype = torch.float32
) -> int:
    """Return the multiply-adds of one input's forward pass: of convolutions and linear layers.

    Args:
        model: A network.
        shape: Of one input.
        dtype: Of its elements, whole numbers for tokens.
    """
    counted = [0]

    def count(layer: nn.Module, _: Any, output: Tensor) -> None:
        weight = layer.get_parameter("weight")
        counted[0] += weight[0].numel() * output[0].numel()  # (c_out, ...) -> each output's inputs

    layers = [m for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    try:
        with torch.no_grad():
            device = next(model.parameters()).device
            model.eval()(torch.ones(1, *shape, dtype=dtype, device=device))
    finally:
        for hook in hooks:
            hook.remove()
    return counted[0]


def rows_of(model: nn.Module, batch: Labelled) -> dict[str, Row]:
    """Return what is timed of one network."""
    texts = not batch.x.is_floating_point()
    recipe = Recipe(1, lr=0.0, optimiser="adamw" if texts else "sgd")  # goes nowhere, as fast
    optimiser = optimiser_of(recipe, model)
    generator = rng("bench", 0)

    def train() -> None:
        step(model.train(), optimiser, batch.x, batch.y)

    timed: dict[str, Callable[[], object]] = {
        "step": train,
        "optimiser": optimiser.step,
        "augmentation": lambda: batch.x if texts else augment(batch.x, generator),
        "evaluation": lambda: outputs(model, batch.x),
    }
    return {name: Row(name, run, len(batch)) for name, run in timed.items()}


def fastest(device: str) -> dict[str, Row]:
    """Return what runs at the speed of the device; `examples` are its operations."""
    a, b = torch.randn(2, SIDE, SIDE, device=device)
    n, channels, height, width = MAPS
    maps = torch.randn(MAPS, device=device).contiguous(memory_format=torch.channels_last)
    filters = torch.randn(channels, channels, 3, 3, device=device)
    filters = filters.contiguous(memory_format=torch.channels_last)
    outputs = n * channels * height * width
    return {
        "product": Row("product", lambda: a @ b, 2 * SIDE**3),
        "convolution": Row(
            "convolution", lambda: conv2d(maps, filters, padding=1), 2 * outputs * 9 * channels
        ),
    }


def line(name: str, o: argparse.Namespace) -> dict[str, Any]:
    """Return the line of one network: what it is, and milliseconds an image."""
    size = NETWORKS[name]
    model, batch = problem(name, size, o)
    rows, peaks = rows_of(model, batch), fastest(o.device)
    rows["step"].run()  # the first step makes the momentum
    measure([*peaks.values(), *rows.values()], o)
    speeds = {name: row.examples / row.seconds / 1e9 for name, row in peaks.items()}
    count = multiply_adds(model, tuple(batch.x.shape[1:]), batch.x.dtype)
    spent = {f"{part} (ms)": 1e3 * row.seconds / size for part, row in rows.items()}
    return {
        "network": name,
        "batch": size,
        "parameters": sum(p.numel() for p in model.parameters()),
        "multiply-adds": count,
        **{f"{name} (GFLOP/s)": speed for name, speed in speeds.items()},
        "floor (ms)": 1e3 * 6 * count / (1e9 * max(speeds.values())),
        **spent,
    }


def kept(path: Path, line: Mapping[str, Any]) -> None:
    """Put a line into the table at `path`, in the place of an older one of the same kind."""
    table = pd.DataFrame([line])
    if path.exists():
        old = pd.read_csv(path, dtype={"commit": str})  # 12e3 is no number
        same = (old["network"] == line["network"]) & (old["memory"] == line["memory"])
        table = pd.concat([old[~same], table])
    table.to_csv(path, index=False, float_format="%.6g", lineterminator="\n")


def main() -> None:
    """Measure, print, write it if asked."""
    options = parser(__doc__, batch=64, repeats=3)
    options.add_argument("--only", nargs="*", default=list(NETWORKS), metavar="NETWORK")
    options.add_argument("--csv", metavar="FILE", type=Path)
    o = options.parse_args()
    memory = "kept" if os.environ.get("MALLOC_MMAP_MAX_") == "0" else "given back"
    for name in o.only:
        found = line(name, o) | {"memory": memory} | where(o)
        times = found["step (ms)"] / found["floor (ms)"]
        print(f"{name:16}{found['step (ms)']:9.3f} ms an image{times:7.2f} x floor", flush=True)
        if o.csv:
            kept(o.csv, found)


if __name__ == "__main__":
    main()
