"""Classifiers of texts: a small transformer from scratch, and one on a pretrained encoder.

Both map tokens, (n, length) integers, to logits. The second needs the extra `text` (the package
`transformers`), which is imported when it is built.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from .encoders import pretrained

VOCABULARY = 8192
"""Words that have a number; 0 fills up, 1 stands for all others."""


class Layer(nn.Module):
    """Self-attention and a perceptron, each with LayerNorm before and a shortcut around it."""

    def __init__(self, width: int, heads: int) -> None:
        """Build an untrained layer."""
        super().__init__()
        self.heads = heads
        self.norm, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(self, h: Tensor, mask: Tensor) -> Tensor:
        """Map (n, length, width) to the same shape; `mask`, (n, length), says what to attend to."""
        n, length, width = h.shape
        q, k, v = self.qkv(self.norm(h)).view(n, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        seen = scaled_dot_product_attention(q, k, v, mask[:, None, None, :])
        h = h + self.out(seen.transpose(1, 2).reshape(n, length, width))
        mixed: Tensor = h + self.mlp(self.norm2(h))
        return mixed


class TextTransformer(nn.Module):
    """Two layers of width 64 over words, the mean over the words, one linear layer.

    Positions are fixed sinusoids, as of Vaswani et al., 2017, arXiv:1706.03762.

    Args:
        shape: (length,) of a text.
        classes: Number of outputs.
        width: Of the words' vectors and of the layers.
        depth: Layers.
        heads: Of the attention.
    """

    place: Tensor

    def __init__(
        self,
        shape: tuple[int],
        classes: int,
        *,
        width: int = 64,
        depth: int = 2,
        heads: int = 4,
    ) -> None:
        """Build an untrained network."""
        super().__init__()
        (length,) = shape
        self.word = nn.Embedding(VOCABULARY, width, padding_idx=0)
        rate = torch.exp(torch.arange(0, width, 2) * (-math.log(10_000) / width))
        angle = torch.arange(length)[:, None] * rate
        place = torch.stack([angle.sin(), angle.cos()], 2).flatten(1)
        self.register_buffer("place", place, persistent=False)
        self.layers = nn.ModuleList(Layer(width, heads) for _ in range(depth))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map the numbers of words, (n, length), to logits (n, classes)."""
        mask = x != 0
        h = self.word(x) + self.place[: x.shape[1]]
        for layer in self.layers:
            h = layer(h, mask)
        logits: Tensor = self.head(mean_over(self.norm(h), mask))
        return logits


class BagOfWords(nn.Module):
    """The mean of the words' vectors, one hidden layer: the lightest classifier of texts.

    As fastText (Joulin et al., EACL 2017, arXiv:1607.01759), with a hidden layer.

    Args:
        shape: (length,) of a text; not used.
        classes: Number of outputs.
        width: Of the words' vectors and of the hidden layer.
    """

    def __init__(self, shape: tuple[int], classes: int, *, width: int = 64) -> None:
        """Build an untrained network."""
        super().__init__()
        self.word = nn.Embedding(VOCABULARY, width, padding_idx=0)
        self.head = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, classes))

    def forward(self, x: Tensor) -> Tensor:
        """Map the numbers of words, (n, length), to logits (n, classes)."""
        logits: Tensor = self.head(mean_over(self.word(x), x != 0))
        return logits


class EncoderClassifier(nn.Module):
    """A pretrained encoder; on its vector of the first token a dense layer, dropout, a linear one.

    The network of NablaTau's release, which has RoBERTa-base as its encoder and `transformers`'
    pooler as its dense layer. Here that is the classifier's own, untrained for every encoder.

    Args:
        shape: (length,) of a text; not used.
        classes: Number of outputs.
        encoder: A key of `ENCODERS`, or a name that `transformers.AutoModel` loads; or any encoder
            as a model, `EncoderClassifier((40,), 28, encoder=DistilBertModel(config))`: tokens and
            mask in, `last_hidden_state` out, `hidden_size` and `pad_token_id` in its `config`.
        dropout: Of the dense layer's output.
    """

    def __init__(
        self, shape: tuple[int], classes: int, *, encoder: Any, dropout: float = 0.5
    ) -> None:
        """Load the encoder; the two layers on it are untrained."""
        super().__init__()
        self.encoder = pretrained(encoder) if isinstance(encoder, str) else encoder
        self.pad = int(self.encoder.config.pad_token_id)
        width = self.encoder.config.hidden_size
        self.pooler = nn.Sequential(nn.Linear(width, width), nn.Tanh())
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens, (n, length), to logits (n, classes)."""
        h = self.encoder(input_ids=x, attention_mask=(x != self.pad).long()).last_hidden_state
        logits: Tensor = self.head(self.dropout(self.pooler(h[:, 0])))
        return logits


def mean_over(h: Tensor, mask: Tensor) -> Tensor:
    """Return the mean of (n, length, width) over where `mask`, (n, length), is true."""
    weight = mask.to(h.dtype)[..., None]
    return (h * weight).sum(1) / weight.sum(1).clamp_min(1)
