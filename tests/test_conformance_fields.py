"""What the fields of every method and of the recipe may hold."""

from collections.abc import Callable
from dataclasses import fields
from functools import partial
from typing import Any, get_type_hints

import pytest

from unlearnlib import METHODS, Recipe, methods
from unlearnlib.errors import SpecError

NAMED: dict[str, Any] = {**METHODS, "Recipe": Recipe}
BELOW = {
    **dict.fromkeys(("epochs", "batch_size", "forget_batch_size", "noises", "chunk", "group",
                     "steps", "refresh", "max_epochs", "batches", "student_steps", "retain_steps",
                     "copies", "per_class", "examples", "every", "k", "maker_steps"), (0, 1)),
    **dict.fromkeys(("ascents", "trust", "again", "free"), (-1, 0)),
    **dict.fromkeys(("sigma", "temperature", "budget", "floor", "clip"), (0.0, 1e-9)),
    **dict.fromkeys(("lr", "lr_end", "weight_decay", "momentum", "alpha", "lam", "beta", "gamma",
                     "offset", "eps", "noise_lr", "lam_retain", "fraction", "repair_lr", "salient",
                     "power", "ascent", "r"), (-1e-9, 0.0)),
}  # fmt: skip
"""Of each number, the largest (or nearly) that is refused and the least that is taken."""
SHARES = {
    ("FineTune", "momentum"), ("Recipe", "momentum"), ("NegGradPlus", "beta"), ("PGU", "gamma"),
    ("NablaTau", "alpha"), ("NablaTau", "lr_end"), ("GKT", "eps"), ("BadTeacher", "fraction"),
    ("SalUn", "salient"), ("SalUn", "momentum"), ("L1Sparse", "momentum"), ("SFROn", "momentum"),
    ("CFK", "momentum"), ("MSG", "momentum"), ("MSG", "r"), ("CT", "momentum"),
    ("AMUN", "momentum"), ("LoTUS", "fraction"),
}  # fmt: skip
POSITIVE = {("PGU", "lr"), ("PGU", "lr_end"), ("AMUN", "eps"), ("WoodFisher", "lam")}
"""Those that cannot be 0, where others of the name can: factors and divisors."""
WORDS = {"optimiser", "reduction", "order", "norm", "noise", "match", "share", "stop", "schedule"}


def each_field(kind: Any) -> Any:
    """Every field of every method and of the recipe that holds such a thing."""
    cases = [
        (name, field.name)
        for name, cls in NAMED.items()
        for field in fields(cls)
        if kind(field.default, field.name)
    ]
    return pytest.mark.parametrize(("name", "field"), cases, ids="-".join)


def made(name: str, field: str, value: object) -> Any:
    return NAMED[name](**({"epochs": 3} if name == "Recipe" else {}) | {field: value})


def refused(name: str, field: str, *values: object) -> None:
    for value in values:
        with pytest.raises(SpecError, match=rf"^{name}\.{field}(\[1\])? (must be|cannot be) .*\.$"):
            made(name, field, value)


def taken(name: str, field: str, *values: object) -> None:
    for value in values:
        assert getattr(made(name, field, value), field) == value


@each_field(lambda default, name: isinstance(default, bool))
def test_yes_and_no_are_no_other_words(name: str, field: str) -> None:
    refused(name, field, "false", "true", 0, 1, None)
    taken(name, field, True, False)


@each_field(lambda default, name: name in BELOW)
def test_numbers_have_a_type_and_a_range(name: str, field: str) -> None:
    low, least = BELOW["budget" if (name, field) in POSITIVE else field]
    refused(name, field, low, -7, float("nan"), float("inf"), "1e-3", True, [1])
    taken(name, field, least)
    if isinstance(least, int):
        refused(name, field, 1.5)
    if (name, field) in SHARES:
        part = field == "momentum"
        refused(name, field, 1 + 1e-9, 1.5, *[1.0] * part)
        taken(name, field, 1 - 1e-9 if part else 1.0)
    else:
        taken(name, field, 7)
        refused(name, field, 2**63 if isinstance(least, int) else 1e31)


@each_field(lambda default, name: name in WORDS)
def test_words_are_known_words(name: str, field: str) -> None:
    refused(name, field, "nonsense", "None", "", 3, True, *[None] * (field != "stop"))


def test_every_field_was_looked_at() -> None:
    told = BELOW.keys() | WORDS | {"layers", "entropy"}
    for cls in NAMED.values():
        hints = get_type_hints(cls)
        assert {f.name for f in fields(cls) if hints[f.name] is not bool} <= told


def test_what_may_be_left_out_and_what_has_any_sign() -> None:
    for field in ("alpha", "max_epochs"):
        taken("NablaTau", field, None)
    taken("PGU", "stop", None, "gap", "drop")
    taken("PGU", "entropy", -0.2)
    refused("PGU", "layers", "a", ("a", 3))
    assert methods.PGU(layers=["a", "b"]) == methods.PGU(layers=("a", "b"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (partial(methods.JiT.as_released, reduction="avg"), "JiT.reduction cannot be .*'avg'"),
        (partial(methods.SSD.as_released, group=0), "SSD.group must be at least 1"),
        (partial(methods.PGU.as_released, share="singualr"), "Did you mean singular"),
        (partial(methods.PGU.depoisoning, stop="None"), "PGU.stop cannot be the text 'None'"),
        (partial(methods.NablaTau, match="moment"), "Did you mean moments"),  # type: ignore[arg-type]
        (partial(methods.NablaTau.as_released_text, max_epochs=0), "NablaTau.max_epochs"),
        (partial(methods.SCRUBRewind.as_released, rewind="no"), "SCRUBRewind.rewind"),
        (partial(methods.JiT, sigma=0), "JiT.sigma must be above 0, not 0"),
        (partial(Recipe, 0), "Recipe.epochs must be at least 1, not 0"),
        (partial(methods.SSD, chunk=2**63), f"SSD.chunk must be at most 2147483647, not {2**63}"),
        (partial(methods.FineTune, lr=1e308), r"FineTune.lr must be at most 1e\+30, not 1e\+308"),
        (
            partial(methods.NablaTau, budget=1e7),
            r"budget must be above 0 and at most 1000000, not 10000000",
        ),
        (partial(Recipe, 2, augment="false"), "Recipe.augment must be true or false"),  # type: ignore[arg-type]
        (partial(Recipe, 2, schedule="onecicle"), "Did you mean onecycle"),  # type: ignore[arg-type]
    ],
)
def test_constructors_and_subclasses_refuse_too(make: Callable[[], Any], match: str) -> None:
    with pytest.raises(SpecError, match=match):
        make()
