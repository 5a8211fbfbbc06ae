"""What a step of pre-training reads and what it gives."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from trainer.dropout import RowNoise

# The others are read by Python, which must not wait for a GPU.
_MOVED = {"input_ids", "token_type_ids", "masked_labels", "next_sentence_label", "attention_mask", "position_ids"}


@dataclasses.dataclass(frozen=True)
class PreTrainingBatch:
    """What a step of pre-training reads: a padded batch or, where `cu_seqlens` is given, a packed one.

    `masked_index` [M] counts in the flattened `input_ids`; `masked_labels` [M]; `next_sentence_label` [N].
    """

    input_ids: Tensor
    token_type_ids: Tensor
    masked_index: Tensor
    masked_labels: Tensor
    next_sentence_label: Tensor
    attention_mask: Tensor | None = None
    position_ids: Tensor | None = None
    cu_seqlens: Tensor | None = None
    noise: RowNoise | None = None

    def to(self, device: torch.device) -> PreTrainingBatch:
        """Return the batch on `device`, but for `cu_seqlens` and `masked_index`."""
        tensors = {field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.name in _MOVED}
        moved = {name: x.to(device, non_blocking=True) for name, x in tensors.items() if x is not None}
        return dataclasses.replace(self, **moved)


@dataclasses.dataclass(frozen=True)
class PreTrainingSums:
    """Sums over a batch, not means: the caller divides by the counts of the whole global batch."""

    mlm_loss: Tensor
    nsp_loss: Tensor
    mlm_correct: Tensor
    nsp_correct: Tensor
