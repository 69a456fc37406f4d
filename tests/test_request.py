"""Requests: what each form selects, and what is refused."""

from typing import Any

import pytest
import torch
from torch import Tensor

from unlearnlib import Dataset, Labelled, Splits
from unlearnlib.errors import DataError, RequestError
from unlearnlib.request import Selection, form, numbers_of_classes, resolve

from .toys import seeded


def select(request: str, data: Dataset, seed: int = 0) -> Selection:
    return resolve(request, data, seeded(seed))


def labels(chosen: Tensor, y: Tensor) -> set[int]:
    return set(y[chosen].tolist())


@pytest.mark.parametrize("request_", ["class:Boot", "class:1", "class:bOOT", "class: boot "])
def test_a_class_by_name_number_and_any_case(toy: Dataset, request_: str) -> None:
    chosen = select(request_, toy)
    assert torch.equal(chosen.train, toy.train.y == 1)
    assert torch.equal(chosen.test, toy.test.y == 1)


@pytest.mark.parametrize("request_", ["classes:bag,Coat", "classes:0, 2", "classes:coat,0,2"])
def test_several_classes(toy: Dataset, request_: str) -> None:
    chosen = select(request_, toy)
    assert torch.equal(chosen.train, toy.train.y != 1)
    assert torch.equal(chosen.test, toy.test.y != 1)


@pytest.mark.parametrize("request_", ["subclass:rain boot", "subclass:3"])
def test_a_sub_class(toy: Dataset, request_: str) -> None:
    chosen = select(request_, toy)
    assert toy.train_subclass is not None
    assert toy.test_subclass is not None
    assert torch.equal(chosen.train, toy.train_subclass == 3)
    assert torch.equal(chosen.test, toy.test_subclass == 3)
    assert labels(chosen.train, toy.train.y) == {1}
    assert labels(~chosen.train, toy.train.y) == {0, 1, 2}


def test_the_first_of_a_class(toy: Dataset) -> None:
    chosen = select("part:Boot:7", toy)
    own = (toy.train.y == 1).nonzero()[:, 0]
    assert torch.equal(chosen.train.nonzero()[:, 0], own[:7])
    assert torch.equal(chosen.test, toy.test.y == 1)
    assert torch.equal(select("part:1:0.5", toy).train.nonzero()[:, 0], own[: round(len(own) / 2)])


@pytest.mark.parametrize(
    ("request_", "count"),
    [
        ("random:7", 7),
        ("random:119", 119),
        ("random:0.1", 12),
        ("random:0.0125", 2),
        ("random:1", 1),
    ],
)
def test_random_examples(toy: Dataset, request_: str, count: int) -> None:
    chosen = select(request_, toy)
    assert chosen.train.dtype == torch.bool
    assert chosen.train.shape == (120,)
    assert int(chosen.train.sum()) == count
    assert not chosen.test.any()


def test_a_draw_follows_its_generator(toy: Dataset) -> None:
    one, again, other = (select("random:20", toy, seed).train for seed in (0, 0, 1))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    drawn = torch.stack([select("random:60", toy, seed).train for seed in range(200)])
    drawn = drawn.double().mean(0)
    assert drawn.min() > 0.3  # every example has its chance, one half
    assert drawn.max() < 0.7


@pytest.mark.parametrize("request_", ["class:sandal", "class:3", "class:-1", "classes:bag,sandal"])
def test_unknown_classes_list_the_known(toy: Dataset, request_: str) -> None:
    with pytest.raises(RequestError, match=r"there is no class '.*'\. .*Bag, Boot, Coat") as caught:
        select(request_, toy)
    assert request_ in str(caught.value)


def test_unknown_sub_classes_list_the_known(toy: Dataset) -> None:
    with pytest.raises(RequestError, match="Clutch, Tote, Ankle boot, Rain boot, Parka, Trench"):
        select("subclass:boot", toy)


def test_a_sub_class_of_a_set_that_has_none(toy: Dataset) -> None:
    plain = Dataset("plain", toy.train, toy.test, toy.classes)
    with pytest.raises(RequestError, match=r"'plain' has none.*class:boot.*cifar20"):
        select("subclass:boot", plain)


@pytest.mark.parametrize(
    "request_",
    ["", "boot", "class", "class:", "random:", "Class:boot", "ramdom:1", "subclass:", "classes:"],
)
def test_what_is_no_request_lists_the_forms(toy: Dataset, request_: str) -> None:
    with pytest.raises(RequestError, match=r"class:NAME, .* random:SHARE .* random:COUNT"):
        select(request_, toy)


@pytest.mark.parametrize("argument", ["many", "1%", "0,1", "nan", "inf", "-inf"])
def test_neither_share_nor_count(toy: Dataset, argument: str) -> None:
    with pytest.raises(RequestError, match="neither a count nor a share"):
        select(f"random:{argument}", toy)


@pytest.mark.parametrize(
    "request_",
    ["random:0", "random:120", "random:121", "random:1.0", "random:2.5", "random:0.0001",
     "random:-0.5", "random:-3", "classes:bag,boot,coat"],
)  # fmt: skip
def test_all_or_nothing_is_refused(toy: Dataset, request_: str) -> None:
    with pytest.raises(
        RequestError, match=r"some to forget and some to retain|neither a count|asks for"
    ):
        select(request_, toy)


@pytest.mark.parametrize("size", ["0", "-1", "0.0", "1.5", "nan", "inf", "1e3", "", "many", "²"])
def test_no_size_of_a_part(toy: Dataset, size: str) -> None:
    with pytest.raises(RequestError, match=r"neither a count nor a share, such as 100 or 0\.01"):
        select(f"part:Bag:{size}", toy)


@pytest.mark.parametrize("request_", ["part:Bag:41", "part:Bag:99999999"])
def test_a_part_is_no_larger_than_its_class(toy: Dataset, request_: str) -> None:
    with pytest.raises(
        RequestError, match=rf"'{request_}' asks for \d+ examples, and there are 40"
    ):
        select(request_, toy)


@pytest.mark.parametrize("request_", ["part:Bag:40", "part:Bag:1.0"])
def test_a_part_may_be_all_of_its_class(toy: Dataset, request_: str) -> None:
    assert torch.equal(select(request_, toy).train, toy.train.y == 0)


def test_a_part_of_nothing(toy: Dataset) -> None:
    with pytest.raises(RequestError, match="selects 0 of 120"):
        select("part:Bag:0.01", toy)


@pytest.mark.parametrize("request_", ["part:Bag", "part:7", "part::7", "classes:bag,,boot"])
def test_a_name_is_missing(toy: Dataset, request_: str) -> None:
    with pytest.raises(RequestError, match=r"is not a request\. Known are class:NAME"):
        select(request_, toy)


def test_the_nearest_kind_is_told() -> None:
    with pytest.raises(RequestError, match=r"not a request\. Did you mean subclass\? Known are"):
        form("sub_class:boot")


def test_the_form_of_a_request_needs_no_data() -> None:
    assert form("classes:a, b") == ("classes", ["a", " b"], 0)
    assert form("random:0.5") == ("random", [], 0.5)
    count = form("part:a:b:1")
    assert count == ("part", ["a:b"], 1)
    assert isinstance(count[2], int)  # one example, where 1.0 is all of them


def examples(*labels: int, after: int = 0) -> Labelled:
    """Examples with these labels; `after` so many others, so that none of them is the same."""
    y = torch.tensor(labels, dtype=torch.int64)
    return Labelled(2.0 * after + torch.arange(2.0 * len(labels)).view(-1, 2), y)


def test_what_a_model_shall_not_know_any_more_is_told_by_the_retain_set() -> None:
    given: dict[str, Any] = {
        "forget": examples(2, 2, 1),
        "retain": examples(0, 1),
        "test": examples(0, 1, 2, 2, after=10),
    }
    splits = Splits.of(**given, validation=examples(2, 0, after=20))
    assert splits.test_forget.y.tolist() == [2, 2]
    assert splits.test_forget.x[:, 0].tolist() == [24, 26]
    assert splits.test_retain.y.tolist() == [0, 1]
    assert (splits.validation_forget.y.tolist(), splits.validation_retain.y.tolist()) == ([2], [0])
    assert {name: mask.tolist() for name, mask in splits.alike.items()} == {
        "test": [False, False, True, True],
        "validation": [True, False],
    }
    assert not len(Splits.of(**given).validation)


def test_without_a_class_that_is_gone_no_test_example_is_of_the_forgotten_kind() -> None:
    splits = Splits.of(forget=examples(1), retain=examples(0, 1), test=examples(0, 1, after=10))
    assert (len(splits.test_forget), len(splits.test_retain)) == (0, 2)


def test_the_forgotten_kind_can_be_given() -> None:
    alike = {"test": torch.tensor([True, False])}
    test = examples(1, 1, after=10)
    splits = Splits.of(forget=examples(1), retain=examples(0, 1), test=test, alike=alike)
    assert splits.test_forget.x.tolist() == [[20, 21]]


def test_of_several_labels_a_class_is_gone_too() -> None:
    def several(*rows: list[int]) -> tuple[Tensor, Tensor]:
        return torch.ones(len(rows), 3), torch.tensor(rows, dtype=torch.float32)

    splits = Splits.of(
        forget=several([1, 0, 1]), retain=several([1, 1, 0]), test=several([1, 0, 0], [0, 1, 1])
    )
    assert splits.alike["test"].tolist() == [False, True]


def test_a_retain_set_with_what_is_to_be_forgotten_is_refused() -> None:
    """Whole training sets are handed over for it, or an example is in the data twice."""
    whole = examples(0, 1, 2, 2)
    test = examples(0, after=10)
    with pytest.raises(DataError, match=r"^2 of 2 examples to forget .*forget\[0\],.*retain\[2\]:"):
        Splits.of(forget=whole[whole.y == 2], retain=whole, test=test)
    twice = Labelled(torch.cat([whole.x, whole.x[3:]]), torch.cat([whole.y, whole.y[3:]]))
    one, rest = (twice[torch.tensor(which)] for which in ([1, 2, 4], [0, 3]))
    with pytest.raises(DataError, match=r"^1 of 3 examples to forget .* forget every copy\.$"):
        Splits.of(forget=one, retain=rest, test=test)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64, torch.int64])
def test_an_example_is_the_same_in_all_of_its_numbers_and_its_label(dtype: torch.dtype) -> None:
    x = torch.zeros(1100, 2, 3, dtype=dtype)
    x[:, 1, 2] = torch.arange(1100).to(dtype) // 8 * 8  # what bfloat16 can still tell apart
    y = torch.arange(1100) % 8
    other = (x[:1], y[:1] + 8)
    Splits.of(forget=(x[1099:], y[1099:]), retain=(x[:1099], y[:1099]), test=other)
    with pytest.raises(DataError, match=r"^1 of 2 .* forget\[0\], which is retain\[1098\]:"):
        Splits.of(forget=(x[1098:], y[1098:]), retain=(x[:1099], y[:1099]), test=other)


@pytest.mark.parametrize("name", ["test", "validation"])
def test_data_held_out_that_the_model_was_trained_on_are_told(name: str) -> None:
    given: dict[str, Any] = {
        "forget": examples(2),
        "retain": examples(0, 1, after=5),
        "test": examples(0, after=9),
    }
    for seen in (examples(0, 1, after=5), examples(2)):  # of the retain set, and of the forget set
        held = Labelled(torch.cat([seen.x, seen.x + 50]), torch.cat([seen.y, seen.y]))
        told = f"^{len(seen)} of {len(held)} {name} examples are in the forget or in the retain set"
        with pytest.warns(UserWarning, match=told) as caught:
            Splits.of(**{**given, name: held})
        assert caught[0].filename == __file__


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"forget": examples()}, "forget set is empty"),
        ({"test": (torch.ones(2, 3), torch.tensor([0, 1]))}, r"several shapes: .* test \(3,\)"),
        ({"test": (torch.ones(2, 2), torch.eye(2))}, "labels have several shapes"),
        ({"retain": torch.ones(3, 2)}, "Tensor that holds 1"),
    ],
)
def test_splits_that_do_not_fit_together_are_refused(changed: dict[str, Any], match: str) -> None:
    given = {"forget": examples(1), "retain": examples(0), "test": examples(0), **changed}
    with pytest.raises(DataError, match=match):
        Splits.of(**given)


@pytest.mark.parametrize(
    ("request_", "numbers"),
    [("class:boot", (1,)), ("class:2", (2,)), ("classes:coat,0", (0, 2)), ("classes:1,Boot", (1,))],
)
def test_the_numbers_of_the_classes(toy: Dataset, request_: str, numbers: tuple[int, ...]) -> None:
    assert numbers_of_classes(request_, toy) == numbers


@pytest.mark.parametrize("request_", ["random:7", "random:0.1", "subclass:parka", "part:Boot:7"])
def test_what_is_no_class_has_no_number(toy: Dataset, request_: str) -> None:
    with pytest.raises(RequestError) as caught:
        numbers_of_classes(request_, toy)
    assert str(caught.value) == (
        f"'{request_}' forgets no whole class, and a method that sees no example of what is to be "
        "forgotten can only be told which classes: use class:NAME or classes:NAME,NAME, or another "
        "method."
    )
    with pytest.raises(RequestError, match="there is no class 'shoe'"):
        numbers_of_classes("class:shoe", toy)


def test_classes_of_several_labels_are_not_forgotten_by_number(toy: Dataset) -> None:
    train, test = (Labelled(part.x, torch.eye(3)[part.y]) for part in (toy.train, toy.test))
    several = Dataset("many", train, test, toy.classes)
    with pytest.raises(RequestError, match=r"^'class:boot': an example of 'many' may have several"):
        numbers_of_classes("class:boot", several)
