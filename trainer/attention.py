"""Where sequences begin and end in a batch of flat tokens, and attention inside each of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from trainer.dropout import Dropout, RowNoise

Multipliers = Callable[[float], Tensor]
# Rows go to one product with others of up to a quarter more padding; below 512 tokens a product of its own costs more.
_MAX_PADDING = 1.25
_MIN_TOKENS = 512


class Sequences:
    """N rows of tokens that lie flat, [T, …]: row i is `lengths[i]` tokens from `starts[i]` on."""

    def __init__(self, lengths: Sequence[int], starts: Sequence[int], num_tokens: int, noise: RowNoise | None) -> None:
        self.lengths, self.starts, self.num_tokens, self.noise = lengths, starts, num_tokens, noise

    def position_ids(self, device: torch.device) -> Tensor:
        """Return each token's place in its sequence, [T]."""
        return torch.cat([torch.arange(length, device=device) for length in self.lengths])

    def first_index(self, device: torch.device) -> Tensor:
        """Return the flat index of each sequence's first token, [N]."""
        return torch.tensor(self.starts, device=device)

    def token_noise(self, width: int) -> Multipliers | None:
        """Return what drops numbers of [T, width], or None to leave it to torch's generator."""
        return partial(self.noise.tokens, self.starts, self.num_tokens, width) if self.noise else None

    def _noise_of(self, first_row: int, num_rows: int, num_heads: int, length: int) -> Multipliers | None:
        return partial(self.noise.attention, first_row, num_rows, num_heads, length) if self.noise else None

    def attend(self, query: Tensor, key: Tensor, value: Tensor, dropout: Dropout) -> Tensor:
        """Attend within each sequence; all are [T, heads, D]."""
        raise NotImplementedError


def attend_rows(rows: list[Tensor], mask: Tensor | None, dropout: Dropout, noise: Multipliers | None) -> Tensor:
    """Attend over query, key and value, each [N, L, heads, D]; `mask` [N, 1, 1, L] is true where a key may be seen."""
    query, key, value = (x.transpose(1, 2) for x in rows)
    if query.is_cuda or not dropout.active:
        # torch's CPU kernel of this needs dropout 0; with dropout it falls back to slow generic code.
        p = dropout.p if dropout.active else 0.0
        return F.scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=p).transpose(1, 2)
    scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)  # [N, heads, L, L]
    if mask is not None:
        scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    shares: Tensor = dropout(scores.softmax(-1), noise)
    return (shares @ value).transpose(1, 2)


class PaddedSequences(Sequences):
    """N rows of L tokens; `attention_mask` [N, L] is true at real tokens."""

    def __init__(self, num_rows: int, length: int, attention_mask: Tensor | None, noise: RowNoise | None) -> None:
        super().__init__([length] * num_rows, range(0, num_rows * length, length), num_rows * length, noise)
        self.mask = None if attention_mask is None else attention_mask.bool()[:, None, None, :]

    def attend(self, query: Tensor, key: Tensor, value: Tensor, dropout: Dropout) -> Tensor:
        num_rows, length, heads = len(self.lengths), self.lengths[0], query.shape[1]
        rows = [x.view(num_rows, length, heads, -1) for x in (query, key, value)]
        noise = self._noise_of(0, num_rows, heads, length)
        return attend_rows(rows, self.mask, dropout, noise).reshape(query.shape)


@dataclass(frozen=True)
class Bin:
    """Consecutive rows that attend in one product, padded to `length`; rows of one length need no padding."""

    first_row: int
    num_rows: int
    begin: int
    end: int
    length: int

    @property
    def is_even(self) -> bool:
        """Whether all rows have one length, so that a view is enough."""
        return self.num_rows * self.length == self.end - self.begin


def plan_bins(lengths: Sequence[int]) -> list[Bin]:
    """Cut rows into bins of little padding; best where rows come sorted by length.

    >>> [(b.first_row, b.num_rows, b.length, b.is_even) for b in plan_bins([512, 512, 300, 60])]
    [(0, 2, 512, True), (2, 2, 300, False)]
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


class PackedSequences(Sequences):
    """N sequences one behind the other without padding; `cu_seqlens` [N + 1] are their ends, from 0.

    On a GPU torch's variable-length kernel takes them as they are where it can (16 bits, no dropout); elsewhere rows of
    like length share a product, which a CPU does faster than one product under a block-diagonal mask.
    """

    def __init__(self, cu_seqlens: Tensor, noise: RowNoise | None) -> None:
        self.ends: list[int] = cu_seqlens.tolist()
        lengths = [end - begin for begin, end in zip(self.ends, self.ends[1:], strict=False)]
        super().__init__(lengths, self.ends[:-1], self.ends[-1], noise)
        self.bins = plan_bins(lengths)
        self._real: dict[int, tuple[Tensor, Tensor]] = {}

    def attend(self, query: Tensor, key: Tensor, value: Tensor, dropout: Dropout) -> Tensor:
        if query.is_cuda and query.element_size() == 2 and not dropout.active:
            return self._attend_varlen(query, key, value)
        parts = [self._attend_bin(part, query, key, value, dropout) for part in self.bins]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _attend_varlen(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        from torch.nn.attention.varlen import varlen_attn

        ends, longest = torch.tensor(self.ends, dtype=torch.int32, device=query.device), max(self.lengths)
        output = varlen_attn(query, key, value, ends, ends, longest, longest)
        assert isinstance(output, Tensor)
        return output

    def _attend_bin(self, part: Bin, query: Tensor, key: Tensor, value: Tensor, dropout: Dropout) -> Tensor:
        heads, shape = query.shape[1], (part.num_rows, part.length, *query.shape[1:])
        noise = self._noise_of(part.first_row, part.num_rows, heads, part.length)
        flat = [x[part.begin : part.end] for x in (query, key, value)]
        if part.is_even:
            rows = [x.view(shape) for x in flat]
            return attend_rows(rows, None, dropout, noise).reshape(flat[0].shape)
        real, index = self._padding(part, query.device)
        rows = [
            x.new_zeros(part.num_rows * part.length, *x.shape[1:]).index_copy(0, index, x).view(shape) for x in flat
        ]
        attended = attend_rows(rows, real, dropout, noise).reshape(-1, *query.shape[1:])
        return attended.index_select(0, index)

    def _padding(self, part: Bin, device: torch.device) -> tuple[Tensor, Tensor]:
        """Return a bin's mask of real keys [n, 1, 1, L] and the index of its tokens in the padded rows, made once."""
        if part.begin not in self._real:
            lengths = torch.tensor(self.lengths[part.first_row : part.first_row + part.num_rows], device=device)
            real = torch.arange(part.length, device=device) < lengths[:, None]
            self._real[part.begin] = real[:, None, None, :], real.flatten().nonzero().squeeze(1)
        return self._real[part.begin]
