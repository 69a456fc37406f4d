"""Requests: what each form selects, and what is refused."""

import re

import pytest
import torch
from torch import Tensor

from unlearnlib import Dataset, Labelled
from unlearnlib.errors import RequestError
from unlearnlib.request import Selection, form, numbers_of_classes, resolve

from .toys import seeded


def select(request: str, data: Dataset, seed: int = 0) -> Selection:
    return resolve(request, data, seeded(seed))


def labels(chosen: Tensor, y: Tensor) -> set[int]:
    return set(y[chosen].tolist())


@pytest.mark.parametrize("request_", ["class:Boot", "class:1"])
def test_a_class_by_name_and_number(toy: Dataset, request_: str) -> None:
    chosen = select(request_, toy)
    assert torch.equal(chosen.train, toy.train.y == 1)
    assert torch.equal(chosen.test, toy.test.y == 1)


@pytest.mark.parametrize("request_", ["classes:Bag,Coat", "classes:0,2", "classes:0,Coat"])
def test_several_classes(toy: Dataset, request_: str) -> None:
    chosen = select(request_, toy)
    assert torch.equal(chosen.train, toy.train.y != 1)
    assert torch.equal(chosen.test, toy.test.y != 1)


@pytest.mark.parametrize("request_", ["subclass:Rain boot", "subclass:3"])
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


@pytest.mark.parametrize("request_", ["class:sandal", "class:3", "class:-1", "classes:Bag,sandal"])
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
     "random:-0.5", "random:-3", "classes:Bag,Boot,Coat"],
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


@pytest.mark.parametrize(
    ("request_", "right"),
    [
        ("class:boot", "Boot"), ("class: Boot", "Boot"), ("class:01", "1"), ("class:\u0661", "1"),
        ("part:bag:7", "Bag"), ("part:Bag:07", "7"), ("part:Bag:0.50", "0.5"),
        ("subclass:RAIN boot", "Rain boot"), ("classes:Bag, Coat", "Coat"),
        ("classes:Coat,0", "classes:0,Coat"), ("classes:1,Boot", "classes:1"),
        ("random:0.10", "0.1"), ("random:.1", "0.1"), ("random:1e-1", "0.1"), ("random:012", "12"),
    ],
)  # fmt: skip
def test_a_request_has_one_spelling(toy: Dataset, request_: str, right: str) -> None:
    """Runs and models are known by it: two spellings of one request would be two."""
    with pytest.raises(RequestError, match=re.escape(f"'{request_}': did you mean '{right}'? A")):
        select(request_, toy)


def test_small_shares_are_written_out() -> None:
    assert form("random:0.00001")[2] == 1e-5


def test_the_nearest_kind_is_told() -> None:
    with pytest.raises(RequestError, match=r"not a request\. Did you mean subclass\? Known are"):
        form("sub_class:Boot")


def test_the_form_of_a_request_needs_no_data() -> None:
    assert form("classes:a, b") == ("classes", ["a", " b"], 0)
    assert form("random:0.5") == ("random", [], 0.5)
    count = form("part:a:b:1")
    assert count == ("part", ["a:b"], 1)
    assert isinstance(count[2], int)  # one example, where 1.0 is all of them


@pytest.mark.parametrize(
    ("request_", "numbers"),
    [("class:Boot", (1,)), ("class:2", (2,)), ("classes:0,Coat", (0, 2))],
)
def test_the_numbers_of_the_classes(toy: Dataset, request_: str, numbers: tuple[int, ...]) -> None:
    assert numbers_of_classes(request_, toy) == numbers


@pytest.mark.parametrize("request_", ["random:7", "random:0.1", "subclass:Parka", "part:Boot:7"])
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
    with pytest.raises(RequestError, match=r"^'class:Boot': an example of 'many' may have several"):
        numbers_of_classes("class:Boot", several)
