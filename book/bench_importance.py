r"""What importances cost, ours and others', side by side in one process.

    python book/bench_importance.py --train 5000 --forget 500 --batch 64

The same ResNet18 (CIFAR shape), weights, data, threads and batches for all. Costs are multiples of
the floor: one forward and one backward pass an example, in batches. What is slow runs on `--slow`
examples; a row's cost is always that of one example. On a GPU a floor under
autocast to bfloat16, and the per-example form under it, stand beside.

`--supreme FOLDER` adds the modules of supreme-unlearning, from a folder made by

    pip install --no-deps --target FOLDER \
        supreme-unlearning lightning lightning-utilities torchmetrics

(wandb, which they import and do not need here, is replaced by an empty module), and compares the
parameters that come out.
"""

import argparse
import contextlib
import importlib
import io
import sys
from collections.abc import Callable
from copy import deepcopy
from types import ModuleType
from typing import Any

import torch
from bench import Row, measure, parser, problem, write
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from unlearnlib import ASSD, LFSSD, SSD, JiT, Labelled, fisher_diagonal, output_sensitivity, rng
from unlearnlib.stored.per_example import by_func

Result = nn.Module | None


class Loader(list[tuple[Tensor, None, Tensor]]):
    """What supreme-unlearning reads of a DataLoader."""

    dataset: Labelled


def per_example_loss(z: Tensor, y: Tensor) -> Tensor:
    """Return the cross-entropy of each example."""
    return cross_entropy(z, y, reduction="none")


def ours(
    model: nn.Module, data: Labelled, forget: Labelled, o: argparse.Namespace
) -> dict[str, Row]:
    """Return the floors, our methods and the plain loop of torch.func."""
    slow, few = data[torch.arange(o.slow)], data[torch.arange(o.slow // 4)]
    both = len(data) + len(forget)
    parameters = list(model.parameters())
    stored = fisher_diagonal(model, data, chunk=o.batch)

    def floor() -> None:
        for part in (forget, data):
            for x, y in part.batches(o.batch):
                torch.autograd.grad(cross_entropy(model(x), y), parameters)

    @torch.no_grad()
    def forward() -> None:
        for x, _ in forget.batches(o.batch):
            model(x)

    def ssd(group: int, part: Labelled = data, small: Labelled = forget) -> nn.Module:
        fisher = fisher_diagonal(model, part, group=group, chunk=o.batch)
        return SSD(1.0, group=group, chunk=o.batch)(model, forget=small, fisher=fisher)

    def lfssd(group: int) -> nn.Module:
        felt = output_sensitivity(model, data.inputs, group=group, chunk=o.batch)
        method = LFSSD(1.0, group=group, chunk=o.batch)
        return method(model, forget_inputs=forget.inputs, sensitivity=felt)

    def assd() -> nn.Module:
        fisher = fisher_diagonal(model, data, group=o.batch, chunk=o.batch)
        return ASSD(group=o.batch, chunk=o.batch)(model, forget=forget, fisher=fisher)

    def half(run: Callable[[], Result]) -> Result:
        with torch.autocast(forget.x.device.type, torch.bfloat16):
            return run()

    def second() -> nn.Module:
        return SSD(1.0, chunk=o.batch)(model, forget=forget, fisher=stored)

    def func() -> None:
        for batch in slow.batches(16):  # as many as a small machine can hold
            by_func(model, batch, per_example_loss, p=2)

    def jit(chunk: int | None) -> nn.Module:
        method = JiT(0.1, 1e-3, noises=o.noises, batch_size=o.batch, chunk=chunk)
        return method(
            model, forget_inputs=forget.inputs, generator=rng("method", 0, forget.x.device)
        )

    rows = [
        Row("floor: forward and backward", floor, both),
        Row("forward alone", forward, len(forget)),
        Row("SSD, groups", lambda: ssd(o.batch), both),
        Row("SSD, per example", lambda: ssd(1), both),
        Row("SSD, per example, the slow ones' data", lambda: ssd(1, slow, few), o.slow + len(few)),
        Row("LFSSD, groups", lambda: lfssd(o.batch), both),
        Row("LFSSD, per example", lambda: lfssd(1), both),
        Row("SSD, per example, second request", second, len(forget)),
        Row("ASSD, groups", assd, both),
        Row("torch.func", func, o.slow),
        Row("JiT", lambda: jit(JiT.chunk), len(forget)),
        Row("JiT, one copy a pass", lambda: jit(o.batch), len(forget)),
    ]
    if forget.x.is_cuda:
        rows.insert(1, Row("floor in bfloat16", lambda: half(floor), both))
        rows.append(Row("SSD, per example, in bfloat16", lambda: half(lambda: ssd(1)), both))
    return {row.name: row for row in rows}


def supreme(
    folder: str, model: nn.Module, data: Labelled, forget: Labelled, o: argparse.Namespace
) -> dict[str, Row]:
    """Return the rows of supreme-unlearning, with the loaders that it expects."""
    sys.path.append(folder)
    sys.modules.setdefault("wandb", ModuleType("wandb"))
    fabric = importlib.import_module("lightning.fabric").Fabric(accelerator="auto", devices=1)

    def loader(part: Labelled) -> Loader:
        batches = Loader((x, None, y) for x, y in part.batches(o.batch))
        batches.dataset = part
        return batches

    def row(name: str, small: Labelled, whole: Labelled | None, **options: Any) -> Row:
        module = importlib.import_module(f"supreme.methods.unlearning_methods.{name}")
        if whole is not None:
            options |= {"dampening_constant": 1.0, "selection_weighting": 1.0}
            options["full_train_dataloader"] = loader(whole)

        def run() -> nn.Module:
            copy = deepcopy(model)
            with contextlib.redirect_stdout(io.StringIO()):
                getattr(module, name)(fabric, 1, False, copy, loader(small), **options)
            return copy

        examples = len(small) + (0 if whole is None else len(whole))
        return Row(f"supreme {name}", run, examples)

    slow, few = data[torch.arange(o.slow)], data[torch.arange(o.slow // 4)]
    rows = [row(name, forget, data) for name in ("ssd", "lfssd", "assd")]
    rows += [row(name, few, slow) for name in ("ssd_det", "lfssd_det")]
    rows.append(row("jit", forget, None, n_samples=o.noises, jit_weighting=0.1))
    return {r.name: r for r in rows}


def distance(one: Result, other: Result) -> float:
    """Return the largest difference between parameters, over the largest parameter."""
    assert one is not None
    assert other is not None
    pairs = list(zip(one.parameters(), other.parameters(), strict=True))
    largest = max(float(p.detach().abs().max()) for p, _ in pairs)
    return max(float((p - q).detach().abs().max()) for p, q in pairs) / largest


def main() -> None:
    """Measure, print a table, write it if asked."""
    options = parser(__doc__, train=5000, forget=500, batch=64, slow=64, noises=25, repeats=1)
    options.add_argument("--supreme", metavar="FOLDER")
    options.add_argument("--only", default="", help="rows whose name holds this, and floors")
    o = options.parse_args()
    model, data = problem("resnet18", o.train, o)
    forget = data[torch.arange(o.train - o.forget, o.train)]

    rows = ours(model, data, forget, o)
    if o.supreme:
        rows |= supreme(o.supreme, model, data, forget, o)
    floors = ("floor", "forward")
    rows = {k: r for k, r in rows.items() if k.startswith(floors) or o.only in k}
    measure(rows.values(), o)
    floor = rows["floor: forward and backward"]
    unit = floor.seconds / floor.examples
    forward = rows["forward alone"].seconds / rows["forward alone"].examples
    lines = []
    for row in rows.values():
        each = row.seconds / row.examples
        base = (3 + o.noises) * forward if "jit" in row.name.lower() else unit
        lines.append({
            "name": row.name, "examples": row.examples, "seconds": row.seconds,
            "ms_an_example": 1e3 * each, "times_floor": each / base,
            "peak_memory_mib": row.peak_memory_mib,
        })  # fmt: skip
        print(f"{row.name:40}{row.examples:7}{row.seconds:10.2f} s{each / base:9.2f} x floor")
    print(f"(the floor of JiT is {3 + o.noises} forward passes an example)")
    for one, other in (
        ("SSD, groups", "supreme ssd"),
        ("LFSSD, groups", "supreme lfssd"),
        ("ASSD, groups", "supreme assd"),
        ("SSD, per example, the slow ones' data", "supreme ssd_det"),
    ):
        if {one, other} <= rows.keys():
            print(f"{one} against {other}: {distance(rows[one].result, rows[other].result):.1e}")
    for one, other, each in (
        ("SSD, per example, second request", "SSD, per example", False),
        ("supreme ssd_det", "SSD, per example, the slow ones' data", True),
    ):
        if {one, other} <= rows.keys():
            a, b = ((r.seconds / (r.examples if each else 1)) for r in (rows[one], rows[other]))
            print(f"{one} / {other}: {a / b:.3g}")
    write({"rows": lines}, o)


if __name__ == "__main__":
    main()
