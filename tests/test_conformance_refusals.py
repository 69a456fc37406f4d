"""What every method refuses, and with the same words: data, models and results."""

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from unlearnlib import Inputs, Labelled, Method, access, methods
from unlearnlib.errors import DataError, NonFiniteError, UnsupportedModelError

from .made_offers import network, offers, unlearned
from .test_conformance import CASES, each_method


def data_of(method: Method) -> list[str]:
    """The data that a method names."""
    return [n for n in access(method) if n.startswith(("forget", "retain", "validation"))]


def sees(*names: str, but: tuple[str, ...] = ()) -> Any:
    """The methods that name one of `names`."""
    rows = [
        pytest.param(m, id=n)
        for n, m in CASES.items()
        if set(names) & set(access(m)) and not n.startswith(but or ("-",))
    ]
    return pytest.mark.parametrize("method", rows)


@sees("forget", "forget_inputs")
def test_there_must_be_something_to_forget(method: Method) -> None:
    given = offers()
    given.forget = given.forget[torch.arange(0)]
    given.forget_inputs = given.forget.inputs
    with pytest.raises(DataError) as caught:
        unlearned(method, network(), given)
    assert str(caught.value) == (
        "The forget set is empty. Hand over at least one example to forget."
    )


@sees("forget_classes")
def test_classes_are_numbers_that_the_model_has(method: Method) -> None:
    given = offers()
    for wrong in ((), [1], 1, (1.0,), (True,), ("Boot",), None, given.forget):
        given.forget_classes = wrong
        with pytest.raises(DataError, match=r"^`forget_classes` must be a tuple of the numbers of"):
            unlearned(method, network(), given)
    for number, why in ((3, "There is a label 3, but the model has 3 outputs"), (-1, "a label -1")):
        given.forget_classes = (0, number)
        with pytest.raises(DataError, match=why):
            unlearned(method, network(), given)


@sees("retain", but=("RandomLabel", "AMUN"))
def test_there_must_be_something_to_retain(method: Method) -> None:
    given = offers()
    given.retain = given.retain[torch.arange(0)]
    with pytest.raises(DataError, match="no examples to go through"):
        unlearned(method, network(), given)


@pytest.mark.parametrize("name", ["RandomLabel", "AMUN"])
def test_some_need_nothing_to_retain(name: str) -> None:
    given = offers()
    given.retain = given.retain[torch.arange(0)]
    assert not unlearned(CASES[name], network(), given).training


@sees("forget", "forget_inputs", "retain")
def test_data_are_inputs_or_labelled(method: Method) -> None:
    for name in set(data_of(method)) - {"forget_classes"}:
        given = offers()
        right = getattr(given, name)
        kind, other = (
            (Inputs, given.forget) if "inputs" in name else (Labelled, given.forget_inputs)
        )
        loader = DataLoader(TensorDataset(right.x))
        for wrong in (right.x, list(right.x), loader, right.x.numpy(), None, other):
            setattr(given, name, wrong)
            with pytest.raises(DataError, match=rf"^`{name}` must be {kind.__name__}, not a "):
                unlearned(method, network(), given)


@sees("forget", "forget_inputs", "forget_classes", "retain", but=("Retrain", "GKT"))
def test_some_parameter_must_be_free_to_move(method: Method) -> None:
    with pytest.raises(UnsupportedModelError, match=r"^No parameter of Sequential requires a gra"):
        unlearned(method, network().requires_grad_(False), offers())
    unlearned(CASES["Original"], network().requires_grad_(False), offers())


@sees("forget", "retain", but=("SCRUB+R as released",))
def test_labels_are_those_of_the_outputs(method: Method) -> None:
    for name in set(data_of(method)) & {"forget", "retain"}:
        given = offers()
        y = getattr(given, name).y.clone()
        y[-1] = 7
        setattr(given, name, Labelled(getattr(given, name).x, y))
        with pytest.raises(DataError, match=r"There is a label [3-7], but the model has 3 outputs"):
            unlearned(method, network(), given)


@sees(
    "forget",
    "retain",
    but=("SSD", "LFSSD", "ASSD", "PGU", "BoundaryShrink", "AMUN", "UNSIRByLabel"),
)
def test_several_labels_have_a_column_for_each_output(method: Method) -> None:
    given = offers()
    for name in ("forget", "retain", "validation"):
        x = getattr(given, name).x
        setattr(
            given, name, Labelled(x, (torch.arange(len(x))[:, None] % 4 == torch.arange(4)) * 1.0)
        )
    with pytest.raises(DataError, match="for 4 classes, the model has 3 outputs"):
        unlearned(method, network(), given)


@sees("forget")
def test_labels_are_all_of_one_kind(method: Method) -> None:
    if len(set(data_of(method)) - {"forget_inputs"}) > 1:
        given = offers()
        given.forget = Labelled(given.forget.x, torch.eye(3)[given.forget.y])
        with pytest.raises(DataError, match=r"several shapes: forget \(n, 3\), \w+ \(n, \)"):
            unlearned(method, network(), given)


Output = Callable[[Tensor], object]
OUTPUTS: dict[str, tuple[Output, str]] = {
    "tuple": (lambda z: (z,), "returns a tuple, not a tensor"),
    "dict": (lambda z: {"logits": z}, "returns a dict, not a tensor"),
    "object": (lambda z: SimpleNamespace(logits=z), "returns a SimpleNamespace, not a tensor"),
    "one logit": (
        lambda z: z[:, :1],
        r"returns torch.float64 of shape \(\d+, 1\) for \d+ examples",
    ),
    "no classes": (lambda z: z[:, 0], r"returns torch.float64 of shape \(\d+,\) for"),
    "pixels": (
        lambda z: z[:, :, None, None].expand(-1, 3, 2, 2),
        r"returns torch.float64 of shape \(\d+, 3, 2, 2\) for",
    ),
    "fewer": (
        lambda z: z[1:],
        r"(returns torch.float64 of shape \(\d+, 3\) for|gives an example other outputs alone)",
    ),
    "classes": (lambda z: z.argmax(1, keepdim=True).expand(-1, 3), "returns torch.int64"),
}


class Odd(nn.Sequential):
    """The usual network, and what it returns beside."""

    shape: Output

    def forward(self, x: Tensor) -> Any:
        return self.shape(super().forward(x))


def odd(model: nn.Module, shape: Output) -> nn.Module:
    strange = Odd(*model.children()).eval()
    strange.shape = shape
    return strange


@pytest.mark.parametrize("kind", OUTPUTS)
@sees("forget", "forget_inputs", "forget_classes", "retain", but=("SSD", "LFSSD", "ASSD"))
def test_outputs_are_logits(method: Method, kind: str) -> None:
    shape, match = OUTPUTS[kind]
    given = offers()
    fresh = given.fresh_model
    given.fresh_model = lambda generator: odd(fresh(generator), shape)
    with pytest.raises(UnsupportedModelError, match=rf"^Odd {match}"):
        unlearned(method, odd(network(), shape), given)


def spoilt(layer: nn.Module) -> None:
    """Make the weights of a linear layer infinite."""
    if isinstance(layer, nn.Linear):
        layer.weight.data.fill_(torch.inf)


@each_method
def test_results_are_finite(method: Method) -> None:
    """By steps that are too long, by importances or moments that are NaN, by a model that is."""
    given, model = offers(), network()
    if hasattr(method, "lr"):
        method = replace(method, lr=1e30)
        if not isinstance(method, methods.PGU | methods.JiT):
            model[-1].weight.data *= 1e300  # type: ignore[index]
    no_steps = methods.Original | methods.FisherForgetting | methods.WoodFisher
    if isinstance(method, no_steps | methods.JiT | methods.EUK | methods.GKT):
        model[0].weight.data[2, 3] = torch.inf  # type: ignore[index]
    if isinstance(method, methods.GKT):
        fresh = given.fresh_model
        given.fresh_model = lambda generator: fresh(generator).apply(spoilt)
    given.recipe = replace(given.recipe, lr=1e30, weight_decay=1e30)
    for name in ("fisher", "sensitivity"):
        stored = getattr(given, name)
        setattr(given, name, replace(stored, values={k: v / 0 for k, v in stored.values.items()}))
    space = given.gradient_space
    given.gradient_space = replace(space, moments={k: M / 0 for k, M in space.moments.items()})
    with pytest.raises(NonFiniteError, match="NaN or infinite"):
        unlearned(method, model, given)


TRAINS = {
    "FineTune": 17, "Retrain": 17, "JiT as released": 9, "NegGradPlus": 17, "RandomLabel": 27,
    "NablaTau as released, text": 9, "SCRUB": 9, "SCRUB+R": 17, "BoundaryShrink as released": 9,
    "BoundaryExpand as released": 9, "BadTeacher": 14, "UNSIR": 17, "SalUn": 9, "DELETE": 9,
    "L1Sparse": 17, "SFROn": 9,
}  # fmt: skip
"""Methods in train mode, and a batch size that leaves one of 10, of 15, of 18 or of 28 over."""


@pytest.mark.parametrize("name", TRAINS)
def test_batchnorm_in_train_mode_is_shown_no_single_example(name: str) -> None:
    method, given = CASES[name], offers()
    for size in (TRAINS[name], 1):
        given.recipe = replace(given.recipe, batch_size=size)
        some = method
        if hasattr(method, "batch_size"):
            some = replace(method, batch_size=size)
        if size > 1:
            assert not unlearned(some, network(), given).training
        else:
            with pytest.raises(UnsupportedModelError, match=r"BatchNorm of Sequential in train mo"):
                unlearned(some, network(), given)


@each_method
def test_a_model_that_cannot_be_copied_is_refused(method: Method) -> None:
    model = network()
    model[0].note = model[0].weight * 2  # type: ignore[index]
    if not isinstance(method, methods.Retrain):
        with pytest.raises(
            UnsupportedModelError, match=r"^Sequential cannot be copied \(Only Tens"
        ):
            unlearned(method, model, offers())
        with pytest.raises(UnsupportedModelError, match=r"^A function is no torch\.nn\.Module"):
            unlearned(method, lambda x: x, offers())  # type: ignore[arg-type]
