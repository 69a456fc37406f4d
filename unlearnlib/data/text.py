"""Texts as tensors: numbers of words, tokens of a pretrained encoder, or its features.

GoEmotions (Demszky et al., ACL 2020, arXiv:2005.00547) is comments from Reddit, each with one or
more of 27 emotions or none of them (neutral): several labels an example, 0 or 1 in floats. Its
comments belong to those who wrote them, so none of them is part of this project.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

import torch
from torch import Tensor

from ..errors import DataError, first_line
from ..models.text import VOCABULARY
from .encoders import LENGTH, by_encoder
from .tensors import Labelled

LABELS = 28
_WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?|[^\sa-z0-9]")

Texts = tuple[list[str], Tensor]


def read_tsv(content: bytes) -> Texts:
    """Return the texts of a file, and their labels, (n, 28), 0 or 1.

    A line has a text, the numbers of its labels with commas between, and the comment's name.
    """
    lines = [line.split("\t") for line in content.decode().splitlines()]
    y = torch.zeros(len(lines), LABELS)
    for i, (_, labels, _) in enumerate(lines):
        y[i, [int(label) for label in labels.split(",")]] = 1
    return [text for text, *_ in lines], y


def words(text: str) -> list[str]:
    """Return the words and signs of a text, in small letters.

    >>> words("I can't, [NAME]!")
    ['i', "can't", ',', '[', 'name', ']', '!']
    """
    return _WORD.findall(text.lower())


def vocabulary(texts: Iterable[str]) -> dict[str, int]:
    """Return the numbers, from 2, of the commonest words; ties are in the order of the alphabet."""
    counts = Counter(word for text in texts for word in words(text))
    common = sorted(counts, key=lambda word: (-counts[word], word))
    return {word: i for i, word in enumerate(common[: VOCABULARY - 2], 2)}


def numbered(texts: Iterable[str], known: Mapping[str, int]) -> Tensor:
    """Return the numbers of the first words of each text, (n, 40)."""
    rows = [[known.get(word, 1) for word in words(text)[:LENGTH]] for text in texts]
    return torch.tensor([row + [0] * (LENGTH - len(row)) for row in rows])


def _by_words(train: list[str], test: list[str]) -> tuple[Tensor, Tensor]:
    """Return the words; those that have a number are the training set's."""
    known = vocabulary(train)
    return numbered(train, known), numbered(test, known)


FORMS: Mapping[str, Callable[[list[str], list[str]], tuple[Tensor, ...]]] = {
    "goemotions": _by_words,
    "goemotions_minilm": by_encoder("minilm", features=False),
    "goemotions_minilm_features": by_encoder("minilm", features=True),
    "goemotions_roberta": by_encoder("roberta", features=False),
}
"""What the texts become: numbers of words, tokens of an encoder, or features of a frozen one."""


def load_text(name: str, train: bytes, test: bytes) -> tuple[Labelled, Labelled]:
    """Return the training and the test set in the form `name`, a key of `FORMS`.

    Raises:
        DataError: A file is not of the official form.
    """
    try:
        (texts, y), (test_texts, test_y) = read_tsv(train), read_tsv(test)
    except (ValueError, IndexError, UnicodeDecodeError) as error:
        raise DataError(
            f"A file of '{name}' is not of the official form: {first_line(error)}."
        ) from None
    x, test_x = FORMS[name](texts, test_texts)
    return Labelled(x, y), Labelled(test_x, test_y)
