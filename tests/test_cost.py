"""What is on the clock, and what is counted."""

import hashlib
import threading
import time

import pytest
import torch
from torch import Tensor, nn

from unlearnlib import SSD, Labelled, fisher_diagonal
from unlearnlib.checks.intact import intact
from unlearnlib.cost import (
    count_forwards,
    hooked_by_others,
    off_the_clock,
    peak_memory_mib,
    stopwatch,
)
from unlearnlib.errors import UnsupportedModelError
from unlearnlib.runs.one_run import warm_up

from .toys import seeded

CPU = torch.device("cpu")


def test_the_clock_runs_inside_only(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [10.0]
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    with stopwatch(CPU) as cost:
        clock[0] += 2.5
        assert cost.seconds != cost.seconds  # nan until it is done
    clock[0] += 4
    assert cost.seconds == 2.5
    assert cost.peak_memory_mib is None


class Clock:
    """A clock that a test sets; the processor runs half of the time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.time = 0.0
        monkeypatch.setattr(time, "perf_counter", lambda: self.time)
        monkeypatch.setattr(time, "process_time", lambda: self.time / 2)

    def run(self, seconds: float) -> None:
        self.time += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def fail(clock: Clock) -> None:
    clock.run(256)
    raise ZeroDivisionError


def test_what_is_off_the_clock_is_off_every_clock_that_runs(clock: Clock) -> None:
    with stopwatch(CPU) as outer:
        clock.run(1)
        with stopwatch(CPU) as inner:
            clock.run(2)
            with off_the_clock():
                clock.run(16)
                with off_the_clock():
                    clock.run(32)
                with stopwatch(CPU) as own:
                    clock.run(64)
                    with off_the_clock():
                        clock.run(128)
            clock.run(4)
        with pytest.raises(ZeroDivisionError), off_the_clock():
            fail(clock)
        clock.run(8)
    assert (outer.seconds, inner.seconds, own.seconds) == (15, 6, 64)
    assert (outer.cpu_seconds, inner.cpu_seconds, own.cpu_seconds) == (7.5, 3, 32)


def test_another_thread_does_not_stop_the_clock(clock: Clock) -> None:
    def other() -> None:
        with off_the_clock():
            clock.run(2)

    with stopwatch(CPU) as cost:
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert cost.seconds == 2


def test_what_keeps_a_model_intact_is_off_the_clock(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each comparison of a tensor with its copy takes 100 seconds here; what is inside takes 1."""
    real, compared = torch.equal, list[int]()

    def slow(one: torch.Tensor, other: torch.Tensor) -> bool:
        compared.append(1)
        clock.run(100)
        return real(one, other)

    monkeypatch.setattr(torch, "equal", slow)
    with stopwatch(CPU) as cost, intact(nn.Linear(2, 2)):
        clock.run(1)
    assert len(compared) == 2
    assert cost.seconds == 1


def test_a_method_is_not_charged_for_the_hash_of_its_model(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every hash of a model takes 100 seconds here, and one forward pass 1."""
    model = nn.Linear(4, 3).double().eval()
    data = Labelled(torch.randn(6, 4, dtype=torch.float64), torch.arange(6) % 3)
    fisher = fisher_diagonal(model, data)
    hashes: list[int] = []
    real = hashlib.sha256

    def slow() -> object:
        hashes.append(1)
        clock.run(100)
        return real()

    monkeypatch.setattr(hashlib, "sha256", slow)
    model.register_forward_hook(lambda *_: clock.run(1))
    with stopwatch(CPU) as cost:
        SSD(alpha=1.0)(model, forget=data[torch.arange(2)], fisher=fisher)
    assert len(hashes) == 2  # of the stored importance, and of that of the forget set
    assert 0 < cost.seconds < 100


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_peak_memory_is_above_the_start() -> None:
    held = torch.ones(2**20, device="cuda")
    with stopwatch(torch.device("cuda")) as cost:
        torch.ones(8 * 2**20, device="cuda").sum()
    assert cost.peak_memory_mib == pytest.approx(32, abs=2)
    del held


class Net(nn.Module):
    """A network with a network inside."""

    def __init__(self, inner: nn.Module | None = None) -> None:
        super().__init__()
        self.layer, self.inner = nn.Linear(3, 3), inner

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.layer(x)
        return self.inner(x) if self.inner is not None else x


def test_examples_of_every_network_of_the_kind_count_once() -> None:
    one, other = Net(), Net(inner=Net())
    with count_forwards(Net) as count:
        one(torch.ones(5, 3))
        other(torch.ones(7, 3))
        one(torch.ones(1, 3))
        nn.Linear(3, 3)(torch.ones(9, 3))  # of another kind
    assert count == [13]
    one(torch.ones(5, 3))
    assert count == [13]


def test_a_class_of_its_own_is_another_kind() -> None:
    class Derived(Net):
        """Such as the network that makes inputs for a method."""

    with count_forwards(Net) as count:
        Derived()(torch.ones(9, 3))
        Net()(torch.ones(2, 3))
    assert count == [2]


def test_counting_stops_after_a_failure() -> None:
    with pytest.raises(ZeroDivisionError), count_forwards(Net) as count:
        count[0] = 1 // 0
    Net()(torch.ones(2, 3))
    assert count == [0]


def test_warming_up_leaves_no_trace() -> None:
    net = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Linear(3, 2)).eval()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    torch.manual_seed(0)
    state = torch.get_rng_state()
    warm_up(net, torch.randn(4, 3, generator=seeded(0)))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(parameter.grad is None for parameter in net.parameters())
    assert not net.training


def test_what_is_checked_does_not_count() -> None:
    net = Net()
    with count_forwards(Net) as count:
        with off_the_clock():
            net(torch.ones(5, 3))
            with off_the_clock():
                net(torch.ones(5, 3))
            net(torch.ones(5, 3))
        net(torch.ones(2, 3))
    assert count == [2]


def test_a_failed_pass_and_one_by_keyword_count_too() -> None:
    net = Net(inner=Net())
    with count_forwards(Net) as count:
        for _ in range(2):
            with pytest.raises(RuntimeError):
                net(torch.ones(5, 4))
        net(x=torch.ones(7, 3))
    assert count == [17]


def test_hooks_of_others_are_told_from_ours() -> None:
    module = torch.nn.modules.module
    assert not hooked_by_others()
    with count_forwards(Net), count_forwards(nn.Linear):
        assert not hooked_by_others()
        for kind in ("forward", "forward_pre", "full_backward", "full_backward_pre"):
            handle = getattr(module, f"register_module_{kind}_hook")(lambda *_: None)
            assert hooked_by_others(), kind
            handle.remove()
        assert not hooked_by_others()


def test_warming_up_refuses_what_is_not_logits() -> None:
    with pytest.raises(UnsupportedModelError, match="not logits"):
        warm_up(nn.Linear(3, 1), torch.ones(2, 3))
    warm_up(nn.Linear(3, 2).requires_grad_(False), torch.ones(2, 3))


def test_peak_memory_counts_what_is_held_at_one_time() -> None:
    def run() -> Tensor:
        x = torch.zeros(2**18)  # 1 MiB
        for _ in range(3):
            y = torch.zeros(2**19)  # 2 MiB, released each time round
            del y
        return x

    assert peak_memory_mib(run) == pytest.approx(3.0, abs=0.01)
