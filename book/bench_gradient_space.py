r"""What the gradient space costs: its moments against a forward pass, its steps against plain ones.

    python book/bench_gradient_space.py --images 1000 --forget 512 --repeats 3 --threads 1

AllCNN at its full size on CIFAR's shape, all in one process. What is compared does the same passes
in the same batches:

- moments: a forward pass with the products of all layers' inputs, against one without;
- a step: forward, backward and update of a batch, with the projection of each gradient, against
  one without. The decomposition, once a request, is a row of its own.
"""

import torch
from bench import Row, measure, parser, problem, write
from torch import Tensor, nn

from unlearnlib import PGU, GradientSpace, Labelled
from unlearnlib.methods.parts.projection import Steps, descend, projections

RATIOS = {
    "moments / forward pass": ("moments", "forward pass", 6.0),
    "projected step / plain step": ("projected steps", "plain steps", 1.3),
}  # name -> what is divided by what, and the border that was set


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
    o = parser(__doc__, images=1000, forget=512, batch=128, repeats=3).parse_args()
    model, data = problem("all_cnn", o.images, o)

    rows = {r.name: r for r in rows_of(model, data, data[torch.arange(o.forget)], o.batch)}
    measure(rows.values(), o)
    for row in rows.values():
        print(f"{row.name:20}{row.examples:7}{row.seconds:10.2f} s")
    ratios = [
        {"name": name, "times": rows[one].seconds / rows[other].seconds, "border": border}
        for name, (one, other, border) in RATIOS.items()
    ]
    for ratio in ratios:
        print(f"{ratio['name']:30}{ratio['times']:6.2f} (border {ratio['border']:g})")
    lines = [{"name": r.name, "images": r.examples, "seconds": r.seconds} for r in rows.values()]
    write({"ratios": ratios, "rows": lines}, o)


if __name__ == "__main__":
    main()
