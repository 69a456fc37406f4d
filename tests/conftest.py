"""What all tests share: one thread, torchvision where it can be had, a toy data set, a folder."""

import gc
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from unlearnlib import Dataset, Labelled, Scenario, locations, scenario
from unlearnlib.data import NAMES
from unlearnlib.runs import records, run_grid, specification
from unlearnlib.runs.grid import Run

from .toys import seeded

collect_ignore = ["checked.py"]  # doctests would import it, and so switch the check on for all
torch.set_num_threads(1)  # the tests are tiny, and two threads on busy cores wait for each other


@pytest.fixture(scope="session")
def torchvision() -> ModuleType:
    """Import torchvision, or skip.

    Its binary part needs the CUDA libraries of torch. Beside a CPU-only torch it is not loaded, and
    the import then fails on two operators that nobody here calls: declaring them is enough.
    """
    try:
        return importlib.import_module("torchvision")
    except RuntimeError:
        schemas = (
            "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
            "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
        )
        library = torch.library.Library("torchvision", "FRAGMENT")
        for schema in schemas:
            library.define(schema)
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        module: Any = importlib.import_module("torchvision")
        module.schemas_for_cpu = library  # the schemas live as long as this object
        return module
    except ImportError as error:
        pytest.skip(f"torchvision cannot be imported: {error}")


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let specifications name the toy."""
    monkeypatch.setattr(specification, "NAMES", (*NAMES, "toy"))


@pytest.fixture
def model() -> nn.Module:
    """A smooth network, 4 -> 5 -> 3, in float64."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)).double().eval()


@pytest.fixture
def toy() -> Dataset:
    """Three classes of two sub-classes each, 1 x 8 x 8, 120 + 60 images around six centres."""
    generator = seeded(0)
    centres = torch.randn(6, 1, 8, 8, generator=generator)

    def draw(each: int) -> tuple[Labelled, torch.Tensor]:
        fine = torch.arange(6).repeat(each)
        noise = torch.randn(len(fine), 1, 8, 8, generator=generator)
        return Labelled(centres[fine] + 0.7 * noise, fine // 2), fine

    (train, train_subclass), (test, test_subclass) = draw(20), draw(10)
    classes = ("Bag", "Boot", "Coat")
    subclasses = ("Clutch", "Tote", "Ankle boot", "Rain boot", "Parka", "Trench")
    return Dataset("toy", train, test, classes, subclasses, train_subclass, test_subclass)


@pytest.fixture
def lab(toy: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of one's own for cache and records, where every data set is the toy, on the CPU."""
    monkeypatch.setenv("UNLEARNLIB_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("UNLEARNLIB_RECORDS", raising=False)
    monkeypatch.setattr(locations, "data_folder", lambda: tmp_path / "data")
    monkeypatch.setattr(scenario, "load", lambda name: toy)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    slow = SimpleNamespace(collect=lambda: None)  # pytest keeps many objects to go through
    monkeypatch.setattr(run_grid, "gc", slow)
    return tmp_path


@pytest.fixture
def went(lab: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """The runs that were made, as (label, seed)."""
    noted: list[tuple[str, int]] = []
    real = Run.go

    def go(run: Run, on: Scenario) -> records.Record:
        noted.append((run.label, run.seed))
        return real(run, on)

    monkeypatch.setattr(Run, "go", go)
    return noted


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder where data sets are searched."""
    root = tmp_path / "root"
    root.mkdir()
    monkeypatch.setenv("UNLEARNLIB_DATA", str(root))
    monkeypatch.setenv("no_proxy", "*")
    return root


@pytest.fixture(scope="session")
def of_book() -> Callable[[str], ModuleType]:
    """Import a file of book/, which is no package; each time anew."""
    folder = Path(__file__).resolve().parent.parent / "book"

    def imported(name: str) -> ModuleType:
        specification = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
        assert specification is not None
        assert specification.loader is not None
        module = importlib.util.module_from_spec(specification)
        with pytest.MonkeyPatch.context() as patch:
            patch.syspath_prepend(str(folder))  # where its neighbours are
            specification.loader.exec_module(module)
        return module

    return imported


@pytest.fixture(scope="module")
def browser(of_book: Callable[[str], ModuleType]) -> Iterator[Any]:
    """A tab of Chromium; what needs one is skipped where there is none."""
    module = of_book("browser")
    if module.executable() is None:
        pytest.skip("no chromium here")
    with module.browsing(module.executable()) as opened:
        yield opened


@pytest.fixture
def kernels_leave_nothing() -> Iterator[None]:
    """See what is left open here, not in the test that happens to come next."""
    yield
    gc.collect()


@pytest.fixture
def figures_closed() -> Iterator[None]:
    """Close what a test has drawn."""
    yield
    importlib.import_module("matplotlib.pyplot").close("all")
