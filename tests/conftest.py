"""What all tests share: a fixed number of threads, and torchvision where it can be had."""

import importlib
import sys
from types import ModuleType

import pytest
import torch

torch.set_num_threads(2)


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
        module = importlib.import_module("torchvision")
        module.schemas_for_cpu = library  # the schemas live as long as this object
        return module
    except ImportError as error:
        pytest.skip(f"torchvision cannot be imported: {error}")
