"""Dropout whose masks on a CPU depend on the example alone, not on how a batch is cut up or spread over ranks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

_LEVELS = 1 << 16


class RowNoise:
    """The random bits of a batch's rows: each row has its own stream, a function of (seed, step, row number).

    `rows` are the places of the rows in the global batch and `lengths` their tokens. Padding draws no bits, so padded
    and packed batches drop the same numbers. A dropped number costs 16 bits: numpy gives them many times faster than
    torch's `bernoulli_`, which is what makes dropout cheap on a CPU. No file holds what is drawn here, so it comes from
    a faster generator than a corpus does.
    """

    def __init__(self, seed: int, step: int, rows: Sequence[int], lengths: Sequence[int]) -> None:
        self.lengths = [int(length) for length in lengths]
        self._streams: list[Any] = [np.random.PCG64DXSM([seed % (1 << 64), step, int(row)]) for row in rows]

    def _bits(self, row: int, count: int) -> npt.NDArray[np.uint16]:
        raw: npt.NDArray[np.uint64] = self._streams[row].random_raw((count + 3) // 4)
        return raw.view(np.uint16)[:count]

    def tokens(self, starts: Sequence[int], lengths: Sequence[int], num_tokens: int, width: int, p: float) -> Tensor:
        """Return multipliers [num_tokens, width] (0 or 1 / (1 - p)); row i is `lengths[i]` tokens from `starts[i]`."""
        bits = np.zeros((num_tokens, width), np.uint16)
        for row, (start, length) in enumerate(zip(starts, lengths, strict=True)):
            bits[start : start + length] = self._bits(row, length * width).reshape(length, width)
        return _multipliers(bits, p)

    def attention(self, first_row: int, queries: Sequence[int], shape: tuple[int, int, int, int], p: float) -> Tensor:
        """Return multipliers of `shape` [rows, heads, L, L] for rows from `first_row` on, with `queries[i]` queries."""
        bits, heads = np.zeros(shape, np.uint16), shape[1]
        for i, num in enumerate(queries):
            keys = self.lengths[first_row + i]
            bits[i, :, :num, :keys] = self._bits(first_row + i, heads * num * keys).reshape(heads, num, keys)
        return _multipliers(bits, p)


def _multipliers(bits: npt.NDArray[np.uint16], p: float) -> Tensor:
    # torch makes a float of a byte nine times faster than of a bool.
    kept = torch.from_numpy((bits >= round(p * _LEVELS)).view(np.uint8))
    return kept.float().mul_(1 / (1 - p))


class Dropout(nn.Module):
    """Drop numbers with probability `p` while training, and scale the rest by 1 / (1 - p)."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    @property
    def active(self) -> bool:
        """Whether the next call changes its input."""
        return self.training and self.p > 0

    @property
    def rate(self) -> float:
        """The share of its input that the next call drops."""
        return self.p if self.active else 0.0

    def forward(self, x: Tensor, multipliers: Callable[[float], Tensor] | None = None) -> Tensor:
        """Drop by what `multipliers(p)` says, or by torch's generator (on a CPU it seeds numpy's faster one)."""
        if not self.active:
            return x
        if multipliers is not None:
            return x * multipliers(self.p)
        if x.device.type != "cpu" or torch.compiler.is_compiling():
            return F.dropout(x, self.p)
        noise = RowNoise(int(torch.randint(1 << 62, ())), 0, [0], [x.numel()])
        return x * noise.tokens([0], [x.numel()], x.numel(), 1, self.p).view(x.shape)
