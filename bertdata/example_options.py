"""The options of the examples step: what changes the bytes of `shards/`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from bertdata.errors import require

Masking = Literal["token", "whole-word", "span"]
PairMode = Literal["balanced", "original", "sop", "none"]

# Positions are stored in 16 bits.
MAX_SEQ_LENGTH_LIMIT = 65_535


@dataclass(frozen=True)
class ExampleOptions:
    """How tokens become pretraining examples.

    `max_seq_lengths` in tokens, special tokens counted; each gives a folder of shards from the same tokens.
    `shard_bytes` in bytes of UTF-8 text. `max_predictions` is the cap of masked tokens an example; by default it
    follows the length, `ceil(masked_lm_prob * max_seq_length)`: a fixed 20 would mask 3.9 % at length 512.

    >>> ExampleOptions(max_seq_lengths=(128, 512)).predictions(512)
    77
    """

    max_seq_lengths: tuple[int, ...] = (128,)
    dupe_factor: int = 1
    masked_lm_prob: float = 0.15
    masking: Masking = "token"
    pairs: PairMode = "balanced"
    short_seq_prob: float = 0.1
    seed: int = 12345
    shard_bytes: int = 64_000_000
    max_predictions: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "max_seq_lengths", tuple(sorted(set(self.max_seq_lengths))))
        require(self.max_seq_lengths, "--max-seq-length is missing: give at least one length in tokens")
        for length in self.max_seq_lengths:
            require(
                8 <= length <= MAX_SEQ_LENGTH_LIMIT,
                f"--max-seq-length is {length}: from 8 to {MAX_SEQ_LENGTH_LIMIT:,} tokens",
            )
        require(self.dupe_factor >= 1, f"--dupe-factor is {self.dupe_factor}: 1 or more")
        require(0 < self.masked_lm_prob < 1, f"--masked-lm-prob is {self.masked_lm_prob}: above 0 and below 1")
        require(0 <= self.short_seq_prob <= 1, f"--short-seq-prob is {self.short_seq_prob}: from 0 to 1")
        require(self.shard_bytes >= 1024, f"--shard-size is {self.shard_bytes} bytes: at least 1 KB of text")
        require(self.max_predictions is None or self.max_predictions >= 1, "max_predictions must be 1 or more")
        for name, allowed in (("masking", get_args(Masking)), ("pairs", get_args(PairMode))):
            value = getattr(self, name)
            require(value in allowed, f"--{name} is {value!r}: one of {', '.join(allowed)}")

    def predictions(self, max_seq_length: int) -> int:
        """Return the most tokens that an example of this length predicts."""
        # The product is rounded first: 0.15 * 20 is 3.0000000000000004 in binary, and ceil would give 4.
        return self.max_predictions or max(1, math.ceil(round(self.masked_lm_prob * max_seq_length, 9)))
