"""What every method keeps. One whose defaults do nothing here needs a row of `CASES`."""

from copy import deepcopy
from dataclasses import FrozenInstanceError, fields
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from unlearnlib import (
    ACCESS,
    METHODS,
    Method,
    access,
    methods,
)

from .made_offers import (
    Forbidden,
    State,
    assert_same,
    differ,
    network,
    offers,
    state,
    unlearned,
)

CASES: dict[str, Method] = {
    "Original": methods.Original(),
    "Retrain": methods.Retrain(),
    "FineTune": methods.FineTune(epochs=2, batch_size=6),
    "JiT": methods.JiT(noises=3, batch_size=5, chunk=10),
    "JiT as released": methods.JiT.as_released(noises=3, batch_size=5, lr=0.01),
    "JiT with sparse noise": methods.JiT(noises=3, batch_size=5, noise="sparse"),
    "SSD": methods.SSD(alpha=1.2),
    "SSD as released": methods.SSD.as_released(alpha=1.1, group=1),
    "LFSSD": methods.LFSSD(alpha=1.2, chunk=4),
    "LFSSD as released": methods.LFSSD.as_released(alpha=1.1, group=1),
    "ASSD": methods.ASSD(),
    "ASSD as released": methods.ASSD.as_released(),
    "NablaTau": methods.NablaTau.as_released(batch_size=6),
    "NablaTau as released, text": methods.NablaTau.as_released_text(batch_size=6, budget=4.0),
    "GradientAscent": methods.GradientAscent(batch_size=4),
    "NegGradPlus": methods.NegGradPlus(beta=0.8, epochs=2, batch_size=6, forget_batch_size=4),
    "RandomLabel": methods.RandomLabel(epochs=2, batch_size=7),
    "SCRUB": methods.SCRUB(batch_size=6, lr=0.01),
    "SCRUB as released": methods.SCRUB.as_released(batch_size=6, lr=0.01),
    "SCRUB+R": methods.SCRUBRewind(batch_size=6, lr=0.01),
    "SCRUB+R as released": methods.SCRUBRewind.as_released(batch_size=6, lr=0.01),
    "BoundaryShrink": methods.BoundaryShrink(lr=0.01, batch_size=4),
    "BoundaryShrink as released": methods.BoundaryShrink.as_released(lr=0.01, batch_size=4),
    "BoundaryExpand": methods.BoundaryExpand(lr=0.01, batch_size=4),
    "BoundaryExpand as released": methods.BoundaryExpand.as_released(lr=0.01, batch_size=4),
    "GKT": methods.GKT(batches=3, batch_size=12, student_steps=2, eps=0.35),
    "GKT as released": methods.GKT.as_released(batches=3, batch_size=12, student_steps=2, eps=0.35),
    "GKT as copied": methods.GKT.as_copied(batches=3, batch_size=12, student_steps=2, eps=0.35),
    "EMMN": methods.EMMN(copies=2),
    "EMMN as copied": methods.EMMN.as_copied(copies=2),
    "BadTeacher": methods.BadTeacher(epochs=2, batch_size=6),
    "BadTeacher as released": methods.BadTeacher.as_released(epochs=2, batch_size=6),
    "UNSIR": methods.UNSIR(noises=4, steps=3, copies=2, batch_size=6),
    "UNSIR as released": methods.UNSIR.as_released(noises=4, steps=3, copies=2, batch_size=6),
    "UNSIR as copied": methods.UNSIR.as_copied(noises=4, steps=3, copies=2, batch_size=6),
    "UNSIRByLabel": methods.UNSIRByLabel(noises=4, steps=3, copies=2, batch_size=6),
    "UNSIRByLabel as copied": methods.UNSIRByLabel.as_copied(
        noises=4, steps=3, copies=2, batch_size=6
    ),
    "SalUn": methods.SalUn(epochs=2, batch_size=6),
    "SalUn as released": methods.SalUn.as_released(epochs=2, batch_size=6),
    "DELETE": methods.DELETE(epochs=3, batch_size=6),
    "DELETE, BatchNorm in eval mode": methods.DELETE(
        epochs=3, batch_size=6, batchnorm_in_train_mode=False
    ),
    "FisherForgetting": methods.FisherForgetting(),
    "FisherForgetting as released": methods.FisherForgetting.as_released(),
    "WoodFisher": methods.WoodFisher(examples=7, chunk=3),
    "WoodFisher as released": methods.WoodFisher.as_released(examples=7),
    "L1Sparse": methods.L1Sparse(epochs=2, batch_size=6),
    "SFROn": methods.SFROn(steps=6, every=2, batch_size=6),
    "SFROn as released": methods.SFROn.as_released(steps=6, every=2, batch_size=6, group=4),
    "EUK": methods.EUK(),
    "EUK as released": methods.EUK.as_released(k=2),
    "MSG": methods.MSG(batch_size=7),
    "CT": methods.CT(batch_size=7),
    "LoTUS": methods.LoTUS(lr=0.01, batch_size=7, to_zero=True),
    "AMUN": methods.AMUN(batch_size=7, epochs=2),
    "AMUN as released": methods.AMUN.as_released(batch_size=7, epochs=2),
    "CFK": methods.CFK(epochs=3, batch_size=7),
    "CFK as released": methods.CFK.as_released(k=2, epochs=3, batch_size=7),
    "PGU": methods.PGU(epochs=3, batch_size=4, stop=None),
    "PGU as released": methods.PGU.as_released(epochs=3, batch_size=4, stop=None, stride_one=False),
    "PGU in turn": methods.PGU(epochs=3, batch_size=4, gamma=0.5, stop=None, steps=2),
    "PGU for poison": methods.PGU.depoisoning(epochs=3, batch_size=4, trust=2),
}
CASES |= {name: cls() for name, cls in METHODS.items() if cls not in map(type, CASES.values())}
ANEW = (methods.Retrain, methods.GKT)
"""Methods that return a network that was untrained."""
DTYPES = [torch.float32, torch.float64]

each_method = pytest.mark.parametrize("method", CASES.values(), ids=CASES.keys())
random_method = pytest.mark.parametrize(
    "method",
    [pytest.param(m, id=name) for name, m in CASES.items() if "generator" in access(m)],
)


def usual(method: Method) -> State:
    """What the method makes of the network with the usual offers."""
    return state(unlearned(method, network(), offers()))


def test_every_name_of_the_vocabulary_is_on_offer() -> None:
    assert set(vars(offers())) == set(ACCESS)


@each_method
def test_hyper_parameters_are_frozen(method: Method) -> None:
    for field in fields(method):
        with pytest.raises(FrozenInstanceError):
            setattr(method, field.name, None)


@each_method
def test_the_model_stays_as_it_is(method: Method) -> None:
    model = network()
    first = next(model.parameters())
    for parameter in model.parameters():
        parameter.grad = torch.full_like(parameter, 3.0)
    before, identities = state(model), [id(p) for p in model.parameters()]
    result = unlearned(method, model, offers())
    assert_same(state(model), before)
    assert [id(p) for p in model.parameters()] == identities
    assert not any(module.training for module in model.modules())
    for p in model.parameters():
        assert p.requires_grad
        assert p.grad is not None
        assert (p.grad == 3).all()
    assert result is not model
    shared = {t.data_ptr() for t in before.values()} | {first.data_ptr()}
    assert shared.isdisjoint(p.data_ptr() for p in result.parameters())


@each_method
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_eval_mode_device_dtype_and_requires_grad(method: Method, dtype: torch.dtype) -> None:
    model = network(dtype)
    result = unlearned(method, model, offers(dtype))
    assert type(result) is type(model)
    assert not any(module.training for module in result.modules())
    for theirs, ours in zip(model.parameters(), result.parameters(), strict=True):
        assert ours.dtype == theirs.dtype
        assert ours.device == theirs.device
        assert ours.requires_grad
        assert ours.is_leaf
    assert all(value.isfinite().all() for value in state(result).values())


@each_method
def test_equal_generators_equal_models(method: Method) -> None:
    results = []
    for seed in (1, 2):  # the global seed does not matter
        torch.manual_seed(seed)
        results.append(usual(method))
    assert_same(*results)


@random_method
def test_another_generator_another_model(method: Method) -> None:
    one, two = (unlearned(method, network(), offers(seed=seed)) for seed in (0, 1))
    assert differ(one, two)


@each_method
def test_the_global_generator_is_left_alone(method: Method) -> None:
    model, given = network(), offers()
    torch.manual_seed(5)
    before = torch.get_rng_state()
    unlearned(method, model, given)
    assert torch.equal(torch.get_rng_state(), before)


@each_method
def test_data_are_left_alone(method: Method) -> None:
    given, untouched = offers(), offers()
    unlearned(method, network(), given)
    for name in ("forget", "retain", "validation"):
        data, kept = getattr(given, name), getattr(untouched, name)
        assert torch.equal(data.x, kept.x)
        assert torch.equal(data.y, kept.y)
        assert data.x.grad is None


@pytest.mark.parametrize(
    "name",
    [
        "JiT",
        "NablaTau",
        "NegGradPlus",
        "RandomLabel",
        "FineTune",
        "BadTeacher",
        "UNSIR",
        "SalUn",
        "DELETE",
    ],
)
def test_data_are_left_alone_by_a_first_layer_in_place(name: str) -> None:
    given, untouched = offers(), offers()
    model = nn.Sequential(nn.ReLU(inplace=True), network()).eval()
    unlearned(CASES[name], model, given)
    for part in ("forget", "retain", "validation"):
        assert torch.equal(getattr(given, part).x, getattr(untouched, part).x)


@each_method
def test_undeclared_offers_are_not_touched(method: Method) -> None:
    given = offers()
    guarded = SimpleNamespace(**{name: Forbidden(name) for name in (*ACCESS, "test")})
    for name in access(method):
        setattr(guarded, name, getattr(given, name))
    assert_same(state(unlearned(method, network(), guarded)), usual(method))


@each_method
def test_undeclared_data_do_not_matter(method: Method) -> None:
    given, other = offers(), offers(data=1)
    for name in access(method):
        setattr(other, name, getattr(given, name))
    assert_same(state(unlearned(method, network(), other)), usual(method))


@each_method
def test_declared_data_matter(method: Method) -> None:
    other = offers(data=1)
    one, two = (unlearned(method, network(), given) for given in (offers(), other))
    assert differ(one, two) == any(name.startswith(("forget", "retain")) for name in access(method))


@each_method
def test_parameters_move_unless_nothing_is_meant_to(method: Method) -> None:
    model = network()
    result = unlearned(method, model, offers())
    assert differ(result, model) != isinstance(method, methods.Original)


@each_method
def test_old_gradients_do_not_matter(method: Method) -> None:
    model = network()
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    assert_same(state(unlearned(method, model, offers())), usual(method))


@pytest.mark.parametrize(
    "method",
    [m for m in CASES.values() if not isinstance(m, ANEW)],
    ids=[name for name, m in CASES.items() if not isinstance(m, ANEW)],
)
def test_frozen_parameters_stay(method: Method) -> None:
    model = network()
    frozen = model.get_submodule("0").requires_grad_(False)
    result = unlearned(method, model, offers())
    assert_same(state(result.get_submodule("0")), state(frozen))
    assert [p.requires_grad for p in result.parameters()] == [
        p.requires_grad for p in model.parameters()
    ]
    assert differ(result, model) != isinstance(method, methods.Original)


def test_batchnorm_keeps_its_statistics_in_eval_mode() -> None:
    model = network()
    before = dict(model.named_buffers())
    still = dict(unlearned(CASES["JiT"], model, offers()).named_buffers())
    moved = dict(unlearned(CASES["JiT as released"], model, offers()).named_buffers())
    assert_same(still, before)
    assert not torch.equal(moved["1.running_mean"], before["1.running_mean"])


@each_method
def test_a_model_in_train_mode_gives_the_same(method: Method) -> None:
    """The mode of `model` is not an input: methods choose their own, and return eval mode."""
    model = deepcopy(network()).train()
    result = unlearned(method, model, offers())
    assert model.training
    assert not result.training
    assert_same(state(result), usual(method))
