"""A small vision transformer of plain layers, for experiments that need no pretrained weights.

Dosovitskiy et al., "An Image is Worth 16x16 Words", ICLR 2021, arXiv:2010.11929, with the mean of
the tokens in place of a class token. It needs nothing but PyTorch, and each of its parameters
belongs to a linear layer, a normalisation or an embedding.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention


class Attention(nn.Module):
    """Self-attention with several heads, after a normalisation, added to its input."""

    def __init__(self, width: int, heads: int) -> None:
        """Build an untrained layer."""
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, tokens, width) to the same shape."""
        n, tokens, width = x.shape
        heads = self.qkv(self.norm(x)).view(n, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = scaled_dot_product_attention(*heads.unbind(0))
        total: Tensor = x + self.out(mixed.transpose(1, 2).reshape(n, tokens, width))
        return total


class PatchTransformer(nn.Module):
    """Patches, embedded with their positions, through blocks of attention and perceptron.

    Args:
        shape: (channels, height, width) of an input.
        classes: Number of outputs.
        grid: Patches a side; height and width are multiples of it.
        width: Numbers a token.
        depth: Number of blocks.
        heads: Heads of the attention.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        classes: int,
        *,
        grid: int = 4,
        width: int = 48,
        depth: int = 3,
        heads: int = 3,
    ) -> None:
        """Build an untrained network."""
        super().__init__()
        channels, high, wide = shape
        self.patch = (high // grid, wide // grid)
        self.embed = nn.Linear(channels * self.patch[0] * self.patch[1], width)
        self.position = nn.Embedding(grid * grid, width)
        self.blocks = nn.ModuleList()
        for _ in range(depth):
            perceptron = nn.Sequential(
                nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(),
                nn.Linear(2 * width, width),
            )  # fmt: skip
            self.blocks += [Attention(width, heads), perceptron]
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, channels, height, width) to logits (n, classes)."""
        (p, q), n = self.patch, len(x)
        patches = x.unfold(2, p, p).unfold(3, q, q).permute(0, 2, 3, 1, 4, 5).flatten(3)
        tokens = self.embed(patches.flatten(1, 2))
        places = torch.arange(tokens.shape[1], device=x.device).expand(n, -1)
        tokens = tokens + self.position(places)
        for block in self.blocks:
            tokens = block(tokens) if isinstance(block, Attention) else tokens + block(tokens)
        logits: Tensor = self.head(self.norm(tokens).mean(1))
        return logits
