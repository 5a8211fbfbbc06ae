"""Where sequences begin and end in a batch of flat tokens, and attention inside each of them."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from trainer.dropout import Dropout


class Sequences(Protocol):
    """The sequences of a batch whose tokens lie flat, [T, …]."""

    def position_ids(self, device: torch.device) -> Tensor:
        """Return each token's place in its sequence, [T]."""

    def first_index(self, device: torch.device) -> Tensor:
        """Return the flat index of each sequence's first token, [N]."""

    def attend(self, query: Tensor, key: Tensor, value: Tensor, dropout: Dropout) -> Tensor:
        """Attend within each sequence; all are [T, heads, D]."""


def attend_batch(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, dropout: Dropout) -> Tensor:
    """Attend over [N, heads, L, D]; `mask` is true where a key may be seen, [N, 1, 1, L] or None."""
    if not dropout.active:
        return F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
    scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
    if mask is not None:
        scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    return dropout(scores.softmax(-1)) @ value


class PaddedSequences:
    """N rows of L tokens; `attention_mask` [N, L] is true at real tokens."""

    def __init__(self, num_rows: int, length: int, attention_mask: Tensor | None = None) -> None:
        self.num_rows, self.length = num_rows, length
        self.mask = None if attention_mask is None else attention_mask.bool()[:, None, None, :]

    def position_ids(self, device: torch.device) -> Tensor:
        return torch.arange(self.length, device=device).repeat(self.num_rows)

    def first_index(self, device: torch.device) -> Tensor:
        return torch.arange(self.num_rows, device=device) * self.length

    def attend(self, query: Tensor, key: Tensor, value: Tensor, dropout: Dropout) -> Tensor:
        rows = (x.unflatten(0, (self.num_rows, self.length)).transpose(1, 2) for x in (query, key, value))
        return attend_batch(*rows, self.mask, dropout).transpose(1, 2).flatten(0, 1)


class PackedSequences:
    """N sequences one behind the other without padding; `cu_seqlens` [N + 1] are their ends, from 0."""

    def __init__(self, cu_seqlens: Tensor) -> None:
        self.cu_seqlens = cu_seqlens
        lengths = cu_seqlens.diff().tolist()
        self.num_rows, self.length = len(lengths), max(lengths)
        places = torch.arange(self.length, device=cu_seqlens.device)
        self.real = places < cu_seqlens.diff()[:, None]  # [N, L]
        self.flat_index = self.real.flatten().nonzero().squeeze(1)  # [T]

    def position_ids(self, device: torch.device) -> Tensor:
        return (self.flat_index % self.length).to(device)

    def first_index(self, device: torch.device) -> Tensor:
        return self.cu_seqlens[:-1].long()

    def attend(self, query: Tensor, key: Tensor, value: Tensor, dropout: Dropout) -> Tensor:
        rows = []
        for x in (query, key, value):
            padded = x.new_zeros(self.num_rows * self.length, *x.shape[1:]).index_copy(0, self.flat_index, x)
            rows.append(padded.unflatten(0, (self.num_rows, self.length)).transpose(1, 2))
        y = attend_batch(*rows, self.real[:, None, None, :], dropout).transpose(1, 2).flatten(0, 1)
        return y.index_select(0, self.flat_index)
