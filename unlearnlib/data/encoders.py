"""Texts as tokens of a pretrained encoder, or as its features; kept in the cache."""

from collections.abc import Callable

import torch
from torch import Tensor

from ..cache import kept
from ..models.encoders import loaded, pretrained
from ..models.text import mean_over

LENGTH = 40
"""Tokens of a text: longer ones are cut, shorter ones filled up; as in the release of NablaTau."""


def by_encoder(name: str, features: bool) -> Callable[[list[str], list[str]], tuple[Tensor, ...]]:
    """Return what makes tokens, or features, with a pretrained encoder; kept in the cache."""

    def make(train: list[str], test: list[str]) -> tuple[Tensor, ...]:
        x = tokens(name, [*train, *test])
        made = encode(name, x) if features else x
        return made[: len(train)], made[len(train) :]

    def load(train: list[str], test: list[str]) -> tuple[Tensor, ...]:
        identity = {"text": "goemotions", "encoder": name, "features": features, "length": LENGTH}
        identity["n"] = f"{len(train)} + {len(test)}"
        parts: list[Tensor] = kept(
            "texts",
            identity,
            lambda path: torch.load(path, weights_only=True),
            lambda: [part.clone() for part in make(train, test)],
            torch.save,
        )
        return tuple(parts)

    return load


def tokens(encoder: str, texts: list[str]) -> Tensor:
    """Return the tokens of texts by the encoder's own tokenizer, (n, 40)."""
    tokenized = loaded("AutoTokenizer", encoder)(
        texts, padding="max_length", truncation=True, max_length=LENGTH, return_tensors="pt"
    )
    x: Tensor = tokenized["input_ids"]
    return x


@torch.no_grad()
def encode(encoder: str, x: Tensor, batch_size: int = 256) -> Tensor:
    """Return the mean of an encoder's last vectors over the tokens of each text, (n, width).

    Texts of like length go together, without what fills them up: a third of the work.
    """
    model = pretrained(encoder).eval()
    mask = x != int(model.config.pad_token_id)
    order = mask.sum(1).argsort(stable=True)
    means = torch.empty(len(x), model.config.hidden_size)
    for index in order.split(batch_size):
        longest = int(mask[index].sum(1).max())
        part, seen = x[index, :longest], mask[index, :longest]
        h = model(input_ids=part, attention_mask=seen.long()).last_hidden_state
        means[index] = mean_over(h, seen)
    return means
