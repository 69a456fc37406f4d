"""What the benches share: rows that are timed, the machine and its data, the record.

Costs are CPU seconds (on a GPU: seconds), the least of `--repeats` rounds in which the rows take
turns; images are random, since times do not depend on what they show.
"""

import argparse
import json
import platform
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import torch
from torch import nn

from unlearnlib import Labelled, rng
from unlearnlib.cost import stopwatch
from unlearnlib.models import build
from unlearnlib.models.encoders import ENCODERS
from unlearnlib.runs.records import environment


@dataclass
class Row:
    """What is timed, on how many examples, the best that was seen, and the last result."""

    name: str
    run: Callable[[], Any]
    examples: int
    seconds: float = float("inf")
    peak_memory_mib: float | None = None
    result: Any = None

    def measure(self, device: torch.device) -> None:
        """Run once; keep the time if it is the best so far."""
        start = time.process_time()
        with stopwatch(device) as cost:
            self.result = self.run()
        cpu = time.process_time() - start
        self.seconds = min(self.seconds, cost.seconds if device.type == "cuda" else cpu)
        self.peak_memory_mib = cost.peak_memory_mib


def parser(doc: str | None, **counts: int) -> argparse.ArgumentParser:
    """Return the options of a bench: `counts` by name, and those that all have."""
    found = argparse.ArgumentParser(description=(doc or "").partition("\n")[0])
    for name, default in (counts | {"threads": 0}).items():
        found.add_argument(f"--{name}", type=int, default=default)
    found.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    found.add_argument("--load", default="not said", help="what else the machine did meanwhile")
    found.add_argument("--json", metavar="FILE")
    return found


def problem(name: str, n: int, o: argparse.Namespace) -> tuple[nn.Module, Labelled]:
    """Return a network in eval mode, and `n` random examples.

    Of ten classes and of CIFAR's shape; of 28 emotions and 40 tokens, as in GoEmotions, for an
    encoder of `unlearnlib.models.encoders`.
    """
    if o.threads:
        torch.set_num_threads(o.threads)
    generator = rng("bench", 0)
    torch.manual_seed(0)
    if name in ENCODERS:
        x = torch.randint(1, 1000, (n, 40), generator=generator)
        y = torch.randint(2, (n, 28), generator=generator).float()
    else:
        x = torch.randn(n, 3, 32, 32, generator=generator)
        y = torch.randint(10, (n,), generator=generator)
    model = build(name, tuple(x.shape[1:]), y.shape[1] if y.ndim > 1 else 10).to(o.device)
    data = Labelled(x, y).to(torch.device(o.device))
    model(data.x[: o.batch])  # BatchNorm sees something
    return model.eval(), data


def measure(rows: Iterable[Row], o: argparse.Namespace) -> None:
    """Time the rows, in turns."""
    rows = list(rows)
    for _ in range(o.repeats):
        for row in rows:
            row.measure(torch.device(o.device))


def write(found: Mapping[str, Any], o: argparse.Namespace) -> None:
    """Write what was found, where it was found and how, if a file was asked for."""
    if o.json:
        options = {k: v for k, v in vars(o).items() if k not in ("supreme", "json", "load")}
        origin = {"options": options, "environment": environment(), "load": o.load}
        with open(o.json, "w") as file:
            file.write(json.dumps({**origin, **found}, indent=1) + "\n")


def where(o: argparse.Namespace) -> dict[str, Any]:
    """Return on what machine, with what and when something is measured."""
    known = environment()
    return {
        "device": processor() if o.device == "cpu" else known["device"],
        "vectors": torch.backends.cpu.get_cpu_capability(),
        **{name: known[name] for name in ("threads", "torch", "commit")},
        "date": date.today().isoformat(),
        "rounds": o.repeats,
        "load": o.load,
    }


def processor() -> str:
    """Return the name that the processor has for itself, where Linux knows it."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    found = re.search(r"model name\s*: (.*)", text)
    return found[1] if found else platform.machine()
