"""Masks made when examples are read: other masks in every epoch, another rate or unit, from the same shards."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from bertdata.batches import Examples
from bertdata.errors import require
from bertdata.example_options import Masking
from bertdata.masking import MaskRules, mask_rows
from bertdata.rng import mix64, rng_for


@dataclass(frozen=True)
class DynamicMasking:
    """How to mask when reading: `rate` of the tokens, in units of `masking`; the run's seed, unless `seed` is given.

    An example's masks depend on (seed, epoch, its number in the split), so a run that resumes sees the same ones.
    """

    rate: float = 0.15
    masking: Masking = "token"
    max_predictions: int | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        require(0 < self.rate < 1, f"the mask rate is {self.rate}: above 0 and below 1")
        require(self.masking in get_args(Masking), f"masking is {self.masking!r}: {', '.join(get_args(Masking))}")
        require(self.max_predictions is None or self.max_predictions > 0, "max_predictions must be 1 or more")

    def rules(self, metadata: dict[str, Any], is_continuation: npt.NDArray[np.bool_] | None) -> MaskRules:
        """Return the rules for shards with this metadata."""
        most = self.max_predictions or math.ceil(round(self.rate * metadata["max_seq_length"], 9))
        return MaskRules(self.rate, most, self.masking, metadata["mask_id"], metadata["vocab_size"], is_continuation)


def mask_again(examples: Examples, rules: MaskRules, seed: int, epoch: int) -> Examples:
    """Put the original tokens back, and mask the examples anew for this seed and epoch."""
    salt = rng_for(seed, "dynamic masks", epoch).integers(0, 1 << 64, dtype=np.uint64)
    keys = mix64(mix64(examples.index) ^ salt)
    masked = mask_rows(examples.original_ids(), examples.offsets, examples.segment_b_start, keys, rules)
    return replace(
        examples,
        input_ids=masked.input_ids,
        masked_positions=masked.positions,
        masked_labels=masked.labels,
        masked_offsets=masked.offsets,
    )
