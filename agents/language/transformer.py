"""A small transformer that reads a dialogue and chooses an action after each message.

Source: Vaswani et al. 2017, Attention is all you need; the layers are those of PyTorch.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

CONTEXT = 320
"""The most tokens of a dialogue."""


class Transformer(nn.Module):
    """Logits of actions at every token of a dialogue; each sees only what came before it."""

    def __init__(self, tokens: int, actions: int, width: int = 64, layers: int = 2, heads: int = 4) -> None:
        """Begin with random weights."""
        super().__init__()
        self.embedding = nn.Embedding(tokens, width)
        self.places = nn.Embedding(CONTEXT, width)
        layer = nn.TransformerEncoderLayer(
            width, heads, 4 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, layers, nn.LayerNorm(width), enable_nested_tensor=False)
        self.output = nn.Linear(width, actions)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return logits, shape `(dialogues, tokens, actions)`, for tokens, shape `(dialogues, tokens)`.

        Dialogues that are shorter than others are filled up at their end.
        """
        length = tokens.shape[1]
        mask = nn.Transformer.generate_square_subsequent_mask(length)
        seen = self.embedding(tokens) + self.places(torch.arange(length))
        logits: Tensor = self.output(self.layers(seen, mask=mask, is_causal=True))
        return logits


def padded(dialogues: Sequence[Sequence[int]]) -> Tensor:
    """Return the tokens of dialogues as one tensor, filled up with zeros at the end."""
    rows = [torch.tensor(dialogue) for dialogue in dialogues]
    return nn.utils.rnn.pad_sequence(rows, batch_first=True)
