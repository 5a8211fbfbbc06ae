"""Where sequences begin and end in a batch of flat tokens, and attention inside each of them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from trainer.dropout import Dropout, RowNoise

Multipliers = Callable[[float], Tensor]
# Rows go to one product with others of up to a quarter more padding; below 512 tokens a product of its own costs more.
_MAX_PADDING = 1.25
_MIN_TOKENS = 512


@dataclass(frozen=True)
class Bin:
    """Consecutive rows, tokens `begin` to `end`, that attend in one product, padded to `length`."""

    first_row: int
    num_rows: int
    begin: int
    end: int
    length: int

    @property
    def rows(self) -> slice:
        """The rows as a slice."""
        return slice(self.first_row, self.first_row + self.num_rows)


def plan_bins(lengths: Sequence[int]) -> list[Bin]:
    """Cut rows into bins of little padding; best where rows come sorted by length.

    >>> [(b.first_row, b.num_rows, b.length) for b in plan_bins([512, 512, 300, 60])]
    [(0, 2, 512), (2, 2, 300)]
    """
    bins: list[Bin] = []
    first = begin = end = longest = 0
    for row, length in enumerate(lengths):
        tokens, padded = end - begin, max(longest, length) * (row - first + 1)
        even = tokens == longest * (row - first)
        if tokens >= _MIN_TOKENS and (padded > _MAX_PADDING * (tokens + length) or (even and length != longest)):
            bins.append(Bin(first, row - first, begin, end, longest))
            first, begin, longest = row, end, 0
        end, longest = end + length, max(longest, length)
    return [*bins, Bin(first, len(lengths) - first, begin, end, longest)]


def send(values: Sequence[int] | npt.NDArray[np.integer[Any]], device: torch.device, dtype: type = np.int64) -> Tensor:
    """Return integers on a device, without waiting until a GPU has done what it was asked for before."""
    return torch.from_numpy(np.asarray(values, dtype)).to(device, non_blocking=True)


class Tokens:
    """Tokens of N rows that lie flat, [T, …]: row i has `lengths[i]` of them, behind those of the rows before it.

    They are all tokens of a batch or, with `index` [T] (where they are among all), some of them.
    """

    def __init__(self, lengths: Sequence[int], noise: RowNoise | None, index: Tensor | None = None) -> None:
        self.lengths, self.noise, self.index = list(lengths), noise, index
        self.ends = [0, *itertools.accumulate(self.lengths)]
        self._ends_on: dict[torch.device, Tensor] = {}

    def ends_on(self, device: torch.device) -> Tensor:
        """Return `ends` as int32 on a device, copied there once for all layers."""
        if device not in self._ends_on:
            self._ends_on[device] = send(self.ends, device, np.int32)
        return self._ends_on[device]

    @property
    def starts(self) -> list[int]:
        """Where each row begins."""
        return self.ends[:-1]

    def token_noise(self, width: int) -> Multipliers | None:
        """Return what drops numbers of [T, width], or None to leave it to torch's generator."""
        if self.noise is None:
            return None
        real = self.noise.lengths if self.index is None else self.lengths
        return partial(self.noise.tokens, self.starts, real, self.ends[-1], width)

    def to_rows(self, x: Tensor, rows: slice) -> tuple[Tensor, Tensor | None]:
        """Return some rows of [T, …] padded to [n, L, …], and the index of their tokens therein (None: all)."""
        lengths = self.lengths[rows]
        longest = max(lengths)
        x = x[self.ends[rows.start] : self.ends[rows.stop]]
        shape = (len(lengths), longest, *x.shape[1:])
        if min(lengths) == longest:
            return x.view(shape), None
        real = torch.arange(longest, device=x.device) < send(lengths, x.device)[:, None]
        index = real.flatten().nonzero().squeeze(1)
        return x.new_zeros(len(lengths) * longest, *x.shape[1:]).index_copy(0, index, x).view(shape), index


class Sequences(Tokens):
    """The sequences of a batch: those whose tokens attend to each other."""

    bins: list[Bin]

    def position_ids(self, device: torch.device) -> Tensor:
        """Return each token's place in its sequence, [T]."""
        return torch.cat([torch.arange(length, device=device) for length in self.lengths])

    def select(self, index: npt.NDArray[np.int64], device: torch.device) -> Tokens:
        """Return the tokens at `index` [S], which ascends and has at least one token of every row."""
        lengths: list[int] = np.diff(np.searchsorted(index, self.ends)).tolist()
        return Tokens(lengths, self.noise, send(index, device))

    def key_mask(self, part: Bin, device: torch.device) -> Tensor | None:
        """Return which keys of a bin's rows may be seen, [n, 1, 1, L]; None: all."""
        raise NotImplementedError

    def attend(self, query: Tensor, key: Tensor, value: Tensor, dropout: Dropout, queries: Tokens) -> Tensor:
        """Attend within each sequence: `query` [S, heads, D] of `queries`, `key` and `value` [T, heads, D] of all."""
        parts = [self._attend_bin(part, query, key, value, dropout, queries) for part in self.bins]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _attend_bin(
        self, part: Bin, query: Tensor, key: Tensor, value: Tensor, dropout: Dropout, queries: Tokens
    ) -> Tensor:
        keys, values = self.to_rows(key, part.rows)[0], self.to_rows(value, part.rows)[0]
        padded, index = queries.to_rows(query, part.rows)
        noise: Multipliers | None = None
        if self.noise is not None:
            real = self.noise.lengths if queries is self else queries.lengths
            shape = (part.num_rows, query.shape[1], padded.shape[1], keys.shape[1])
            noise = partial(self.noise.attention, part.first_row, real[part.rows], shape)
        attended = attend_rows([padded, keys, values], self.key_mask(part, key.device), dropout, noise)
        attended = attended.reshape(-1, *query.shape[1:])
        return attended if index is None else attended.index_select(0, index)


def attend_rows(rows: list[Tensor], mask: Tensor | None, dropout: Dropout, noise: Multipliers | None) -> Tensor:
    """Attend over query, key and value, each [N, L, heads, D]; `mask` [N, 1, 1, L] is true where a key may be seen."""
    query, key, value = (x.transpose(1, 2) for x in rows)
    if query.is_cuda or not dropout.active:
        # torch's CPU kernel of this needs dropout 0; with dropout it falls back to slow generic code.
        attended = F.scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=dropout.rate)
        return attended.transpose(1, 2)
    scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)  # [N, heads, L, L]
    if mask is not None:
        scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    shares: Tensor = dropout(scores.softmax(-1), noise)
    return (shares @ value).transpose(1, 2)


class PaddedSequences(Sequences):
    """N rows of L tokens; `attention_mask` [N, L] is true at real tokens."""

    def __init__(self, num_rows: int, length: int, attention_mask: Tensor | None, noise: RowNoise | None) -> None:
        super().__init__([length] * num_rows, noise)
        self.mask = None if attention_mask is None else attention_mask.bool()[:, None, None, :]
        self.bins = [Bin(0, num_rows, 0, num_rows * length, length)]

    def key_mask(self, part: Bin, device: torch.device) -> Tensor | None:
        return self.mask


class PackedSequences(Sequences):
    """N sequences one behind the other without padding; `cu_seqlens` [N + 1] are their ends, from 0.

    On a GPU a kernel for variable lengths takes them as they are, in 16 bits; elsewhere rows of like length share a
    product, which a CPU does faster than one product under a block-diagonal mask.
    """

    def __init__(self, cu_seqlens: Tensor, noise: RowNoise | None) -> None:
        super().__init__(cu_seqlens.diff().tolist(), noise)
        self.bins = plan_bins(self.lengths)
        self._masks: dict[int, Tensor | None] = {}

    def key_mask(self, part: Bin, device: torch.device) -> Tensor | None:
        if part.first_row not in self._masks:
            lengths = send(self.lengths[part.rows], device)
            mask = (torch.arange(part.length, device=device) < lengths[:, None])[:, None, None, :]
            self._masks[part.first_row] = None if part.end - part.begin == part.num_rows * part.length else mask
        return self._masks[part.first_row]

    def attend(self, query: Tensor, key: Tensor, value: Tensor, dropout: Dropout, queries: Tokens) -> Tensor:
        if not (query.is_cuda and query.element_size() == 2 and query.shape[-1] % 8 == 0):
            return super().attend(query, key, value, dropout, queries)
        # The kernel of `torch.nn.attention.varlen`, which that function calls without dropout.
        output: Tensor = torch.ops.aten._flash_attention_forward(
            *(query, key, value, queries.ends_on(query.device), self.ends_on(query.device)),
            *(max(queries.lengths), max(self.lengths), dropout.rate),
            is_causal=False,
            return_debug_mask=False,
        )[0]
        return output
