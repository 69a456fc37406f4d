"""Label poisoning: some examples of each class carry the label of its partner."""

import random
import re
from dataclasses import replace

import torch

from ..errors import DataError
from .dataset import Dataset
from .tensors import Labelled


def parsed_name(name: str) -> tuple[str, int]:
    """Return the name of a clean set, and how many labels of each class are to be poisoned.

    >>> parsed_name("cifar10+poison500"), parsed_name("cifar10")
    (('cifar10', 500), ('cifar10', 0))

    Raises:
        DataError: What follows `+poison` is no count.
    """
    clean, poison, count = name.partition("+poison")
    if not poison:
        return clean, 0
    if not re.fullmatch("[1-9][0-9]*", count):
        raise DataError(
            f"{name!r} is no poisoned data set: {count!r} is not the number of examples of each "
            f"class that get a wrong label, 1 or more. Write '{clean or 'NAME'}+poison500'."
        )
    return clean, int(count)


def partners(classes: int) -> torch.Tensor:
    """Return the partner of each class, (classes,); the partner of the partner is the class.

    Paired by the shuffle of the release of PGU, which on CIFAR-10 pairs horse and ship, automobile
    and dog, deer and cat, bird and airplane, truck and frog.

    Raises:
        DataError: The number of classes is odd.
    """
    if classes % 2:
        raise DataError(
            f"{classes} classes cannot be paired, so no label has a partner to be swapped with. "
            "Poison a set with an even number of classes."
        )
    order = list(range(classes))
    random.Random(0).shuffle(order)
    pairs = torch.tensor(order).view(-1, 2)
    partner = torch.empty(classes, dtype=torch.long)
    partner[pairs] = pairs.flip(1)
    return partner


def poisoned(data: Dataset, per_class: int, seed: int = 0) -> Dataset:
    """Return `data` with `per_class` training examples of each class given its partner's label.

    Its sub-classes tell `clean` from `poisoned` training examples, so `subclass:poisoned` is the
    request to forget what is wrong. The true label of a poisoned example is the partner of its
    own. All test examples are clean.

    Args:
        data: A data set with an even number of classes.
        per_class: Poisoned examples a class, 1 or more, drawn at random.
        seed: Of the draw.

    Raises:
        DataError: A class has fewer examples, there are an odd number of classes, or an example may
            have several labels.
    """
    if data.train.y.is_floating_point():
        raise DataError(
            f"An example of '{data.name}' may have several labels, so it has no one label to be "
            "swapped for its partner. Poison a set with one label each."
        )
    if isinstance(per_class, bool) or not isinstance(per_class, int) or per_class < 1:
        raise DataError(f"{per_class!r} examples a class cannot be poisoned; ask for 1 or more.")
    y, generator = data.train.y, torch.Generator().manual_seed(seed)
    partner = partners(len(data.classes)).to(y.device)
    wrong = torch.zeros_like(y)
    for c in range(len(data.classes)):
        own = (y == c).nonzero()[:, 0]
        if per_class > len(own):
            raise DataError(
                f"{per_class} examples a class cannot be poisoned: class {c} of '{data.name}' has "
                f"{len(own)}. Ask for fewer."
            )
        drawn = torch.randperm(len(own), generator=generator)[:per_class]
        wrong[own[drawn.to(own.device)]] = 1
    return replace(
        data,
        name=f"{data.name}+poison{per_class}",
        train=Labelled(data.train.x, torch.where(wrong == 1, partner[y], y)),
        subclasses=("clean", "poisoned"),
        train_subclass=wrong,
        test_subclass=torch.zeros_like(data.test.y),
    )
