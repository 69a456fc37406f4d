r"""What the gradient space costs: its moments against a forward pass, its steps against plain ones.

    python book/bench_gradient_space.py --images 1000 --forget 512 --repeats 3 --threads 1

AllCNN at its full size on CIFAR's shape and random images, since times do not depend on what they
show; all in one process. Costs are CPU seconds (on a GPU: seconds), the least of `--repeats`
rounds, in which the rows take turns. What is compared does the same passes in the same batches:

- moments: a forward pass with the products of all layers' inputs, against one without;
- a step: forward, backward and update of a batch, with the projection of each gradient, against
  one without. The decomposition, once a request, is a row of its own.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from unlearnlib import PGU, GradientSpace, Labelled, rng
from unlearnlib.models import build
from unlearnlib.projection import Steps, descend, projections
from unlearnlib.records import environment
from unlearnlib.stopwatch import stopwatch

RATIOS = {
    "moments / forward pass": ("moments", "forward pass", 6.0),
    "projected step / plain step": ("projected steps", "plain steps", 1.3),
}  # name -> what is divided by what, and the border that was set


@dataclass
class Row:
    """What is timed, on how many images, and the best that was seen."""

    name: str
    run: Callable[[], object]
    images: int
    seconds: float = float("inf")

    def measure(self, device: torch.device) -> None:
        """Run once; keep the time if it is the best so far."""
        start = time.process_time()
        with stopwatch(device) as cost:
            self.run()
        cpu = time.process_time() - start
        self.seconds = min(self.seconds, cost.seconds if device.type == "cuda" else cpu)


def unchanged(gradient: Tensor) -> Tensor:
    """Return the gradient: the step of plain descent."""
    return gradient


def rows_of(model: nn.Module, data: Labelled, forget: Labelled, batch: int) -> list[Row]:
    """Return what is timed."""
    space, method = GradientSpace.of(model, data.inputs, chunk=batch), PGU(0.9, 0.1)
    projected = projections(model, space, method.gamma, method.share)
    plain: Steps = dict.fromkeys(projected, unchanged)

    @torch.no_grad()
    def forward() -> None:
        for x in data.inputs.batches(batch):
            model(x)

    def steps(kind: Steps) -> None:
        descend(model, kind, method.loss, forget.batches(batch), 0.0)

    return [
        Row("forward pass", forward, len(data)),
        Row("moments", lambda: GradientSpace.of(model, data.inputs, chunk=batch), len(data)),
        Row("plain steps", lambda: steps(plain), len(forget)),
        Row("projected steps", lambda: steps(projected), len(forget)),
        Row("decomposition", lambda: projections(model, space, 0.9, "energy"), 0),
    ]


def main() -> None:
    """Measure, print, write it if asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    for name, default in (
        ("images", 1000), ("forget", 512), ("batch", 128), ("repeats", 3), ("threads", 0),
    ):  # fmt: skip
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--load", default="", help="what else the machine did meanwhile")
    parser.add_argument("--json", metavar="FILE")
    o = parser.parse_args()
    if o.threads:
        torch.set_num_threads(o.threads)
    device, generator = torch.device(o.device), rng("bench", 0)
    torch.manual_seed(0)
    model = build("all_cnn", (3, 32, 32), 10).to(device)
    x = torch.randn(o.images, 3, 32, 32, generator=generator)
    data = Labelled(x, torch.randint(10, (o.images,), generator=generator)).to(device)
    model(data.x[: o.batch])  # BatchNorm sees something
    model.eval()

    rows = {r.name: r for r in rows_of(model, data, data[torch.arange(o.forget)], o.batch)}
    for _ in range(o.repeats):
        for row in rows.values():
            row.measure(device)
    for row in rows.values():
        print(f"{row.name:20}{row.images:7}{row.seconds:10.2f} s")
    ratios = [
        {"name": name, "times": rows[one].seconds / rows[other].seconds, "border": border}
        for name, (one, other, border) in RATIOS.items()
    ]
    for ratio in ratios:
        print(f"{ratio['name']:30}{ratio['times']:6.2f} (border {ratio['border']:g})")
    if o.json:
        options = {k: v for k, v in vars(o).items() if k not in ("json", "load")}
        told = {"options": options, "load": o.load, "environment": environment(), "ratios": ratios}
        lines = [{"name": r.name, "images": r.images, "seconds": r.seconds} for r in rows.values()]
        with open(o.json, "w") as file:
            json.dump(told | {"rows": lines}, file, indent=1)
            file.write("\n")


if __name__ == "__main__":
    main()
