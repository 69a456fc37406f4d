"""The speed of training: multiply-adds against hand counts, and the floor that follows."""

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest
import torch
from torch import nn

from unlearnlib.locations import data_folder
from unlearnlib.models import build


@pytest.fixture
def bench(of_book: Callable[[str], ModuleType]) -> ModuleType:
    """book/bench_training.py."""
    return of_book("bench_training")


SIMPLE_CNN = 27 * 32 * 32**2 + 9 * 32 * 64 * 16**2 + 64 * 8**2 * 128 + 128 * 10
STRIDED = 3 * 8**2 * 24 * 8**2 + 9 * 24 * 48 * 4**2 + 48 * 4**2 * 128 + 128 * 10
AIRBENCH = (
    (3 * 4 * 24 + 9 * 24 * 32) * 31**2
    + 9 * (32 * 32 + 32 * 64) * 15**2
    + 9 * (64 * 64 + 64 * 64) * 7**2
    + 9 * 64 * 64 * 3**2
    + 64 * 10
)
STOCK = (
    147 * 64 * 16**2
    + 4 * 9 * 64 * 64 * 8**2
    + (9 * (64 * 128 + 3 * 128 * 128) + 64 * 128) * 4**2
    + (9 * (128 * 256 + 3 * 256 * 256) + 128 * 256) * 2**2
    + 9 * (256 * 512 + 3 * 512 * 512)
    + 256 * 512
    + 512 * 10
)
"""A 7x7 stem of stride 2, pooled; then 8 x 8, 4 x 4, 2 x 2 and 1 x 1 pixels; three shortcuts."""


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("simple_cnn", SIMPLE_CNN), ("strided_cnn", STRIDED), ("airbench_mini", AIRBENCH),
        ("resnet18_stock", STOCK),
    ],
)  # fmt: skip
def test_multiply_adds_are_those_of_a_hand_count(
    bench: ModuleType, name: str, expected: int
) -> None:
    assert bench.multiply_adds(build(name, (3, 32, 32), 10), (3, 32, 32)) == expected


def test_a_layer_counts_as_often_as_it_is_called_and_no_hook_stays(bench: ModuleType) -> None:
    layer = nn.Linear(5, 5, bias=False)
    model = nn.Sequential(layer, nn.ReLU(), layer)
    assert bench.multiply_adds(model, (5,)) == 2 * 25
    assert not layer._forward_hooks


def test_the_floor_is_three_forward_passes_at_the_greatest_speed(
    bench: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measured(rows: list[object], o: Namespace) -> None:
        for row in rows:
            row.seconds = 2.0  # type: ignore[attr-defined]

    monkeypatch.setattr(bench, "measure", measured)
    monkeypatch.setattr(bench, "SIDE", 50)  # 2 x 50^3 operations in 2 s
    monkeypatch.setattr(bench, "MAPS", (2, 10, 5, 3))  # 2 x 2 x 10 x 10 x 5 x 3 x 9 in 2 s
    monkeypatch.setattr(bench, "NETWORKS", {"strided_cnn": 4})
    line = bench.line("strided_cnn", Namespace(threads=0, device="cpu", batch=2, repeats=1))
    assert line["multiply-adds"] == STRIDED
    assert line["product (GFLOP/s)"] == pytest.approx(1.25e-4)
    assert line["convolution (GFLOP/s)"] == pytest.approx(2.7e-5)
    assert line["floor (ms)"] == pytest.approx(1e3 * 3 * 2 * STRIDED / 1.25e5)
    assert line["step (ms)"] == pytest.approx(1e3 * 2.0 / 4)


def test_a_step_that_is_timed_leaves_the_network_where_it_was(bench: ModuleType) -> None:
    options = Namespace(threads=0, device="cpu", batch=2)
    model, batch = bench.problem("strided_cnn", 4, options)
    before = [p.detach().clone() for p in model.parameters()]
    rows = bench.rows_of(model, batch)
    assert [*rows] == ["step", "optimiser", "augmentation", "evaluation"]
    for row in rows.values():
        assert row.examples == 4
        row.run()
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), before, strict=True))
    assert any(p.grad is not None and p.grad.any() for p in model.parameters())


class Tokens(nn.Module):
    """An encoder in small: every token is looked up, transformed, and all are averaged."""

    def __init__(self) -> None:
        super().__init__()
        self.look_up, self.linear = nn.Embedding(1000, 4), nn.Linear(4, 28)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.linear(self.look_up(tokens)).mean(1)


def test_texts_are_tokens_with_several_labels_and_are_not_augmented(
    bench: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(name: str, shape: tuple[int, ...], classes: int) -> nn.Module:
        assert (name, shape, classes) == ("minilm", (40,), 28)
        return Tokens()

    monkeypatch.setitem(bench.problem.__globals__, "build", build)
    model, batch = bench.problem("minilm", 3, Namespace(threads=0, device="cpu", batch=2))
    assert not batch.x.is_floating_point()
    assert batch.y.shape == (3, 28)
    rows = bench.rows_of(model, batch)
    for row in rows.values():
        row.run()
    assert rows["augmentation"].run() is batch.x
    assert bench.multiply_adds(model, (40,), torch.int64) == 40 * 4 * 28


def test_a_line_is_put_in_the_place_of_the_older_one(bench: ModuleType, tmp_path: Path) -> None:
    """And a commit that looks like a number stays a commit."""
    path, mine = (
        tmp_path / "speed.csv",
        {"network": "a", "memory": "kept", "commit": "000000012e30"},
    )
    for line in (mine | {"step": 1}, mine | {"network": "b", "step": 2}, mine | {"step": 3}):
        bench.kept(path, line)
    table = pd.read_csv(path, dtype={"commit": str})
    assert table[["network", "step"]].values.tolist() == [["b", 2], ["a", 3]]
    assert set(table["commit"]) == {"000000012e30"}


def test_what_is_committed_says_where_it_was_measured() -> None:
    table = pd.read_csv(data_folder() / "measured" / "training_speed.csv", dtype={"commit": str})
    assert not table.duplicated(["network", "memory"]).any()
    for column in ("device", "threads", "torch", "date", "load"):
        assert table[column].notna().all(), column
    assert table["commit"].str.fullmatch("[0-9a-f]{12}").all()
    for line in table.to_dict("records"):
        gflops = max(line["product (GFLOP/s)"], line["convolution (GFLOP/s)"])
        expected = 6e3 * line["multiply-adds"] / (1e9 * gflops)
        assert line["floor (ms)"] == pytest.approx(expected, rel=1e-4)
