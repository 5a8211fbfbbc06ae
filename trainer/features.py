"""Token sequences with their targets, and batches of them: packed one behind the other, without padding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from trainer.encode import Ids


@dataclass(frozen=True)
class Features:
    """What a model reads, one row a sequence: `input_ids` with special tokens, where B begins, targets.

    `targets` has one row per sequence: a scalar (class or score), a pair (start, end), or one label a token (-100 for
    none, with `per_token`). `example` is the number of the example that a sequence belongs to; `num_truncated` counts
    the examples that were cut.
    """

    input_ids: list[Ids]
    segment_b_start: npt.NDArray[np.int32]
    targets: list[Any]
    example: npt.NDArray[np.int64]
    num_truncated: int = 0
    per_token: bool = False

    def __len__(self) -> int:
        return len(self.input_ids)

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Tokens per sequence, [n]."""
        return np.array([len(ids) for ids in self.input_ids], np.int64)


@dataclass(frozen=True)
class TaskBatch:
    """Packed sequences: `input_ids`, `token_type_ids`, `position_ids` [T], `cu_seqlens` [N + 1], and their targets."""

    input_ids: Tensor
    token_type_ids: Tensor
    position_ids: Tensor
    cu_seqlens: Tensor
    targets: Tensor

    def to(self, device: torch.device) -> TaskBatch:
        """Return the batch on `device`."""
        return TaskBatch(*(tensor.to(device) for tensor in vars(self).values()))


def pack(features: Features, rows: npt.NDArray[np.int64]) -> TaskBatch:
    """Return the packed batch of some rows; per-token targets are joined to [T], others stacked."""
    ids = [features.input_ids[row] for row in rows]
    lengths = np.array([len(x) for x in ids], np.int64)
    ends = np.cumsum(lengths)
    positions = np.arange(ends[-1]) - np.repeat(ends - lengths, lengths)
    types = positions >= np.repeat(features.segment_b_start[rows], lengths)
    targets = [features.targets[row] for row in rows]
    joined = np.concatenate(targets) if features.per_token else np.array(targets)
    return TaskBatch(
        torch.from_numpy(np.concatenate(ids).astype(np.int64)),
        torch.from_numpy(types.astype(np.int64)),
        torch.from_numpy(positions),
        torch.from_numpy(np.concatenate([[0], ends]).astype(np.int32)),
        torch.from_numpy(joined),
    )
