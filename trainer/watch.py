"""What is watched while a run goes on: sums between two log lines, the next-sentence task, and signals."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from trainer.model import BertConfig

# Far fewer sequences than this, and an accuracy of 0.53 or 0.99 is luck.
_MIN_SEQUENCES = 2000


@dataclass
class Sums:
    """Sums over steps (and parts of a step) of one split, as plain numbers."""

    masked: float = 0
    sequences: float = 0
    tokens: float = 0
    mlm_loss: float = 0
    nsp_loss: float = 0
    mlm_correct: float = 0
    nsp_correct: float = 0
    flops: float = 0

    def add(self, values: list[float]) -> None:
        """Add numbers in the order of the fields."""
        for name, value in zip(vars(self), values, strict=True):
            setattr(self, name, getattr(self, name) + value)

    def means(self, has_next_sentence: bool) -> dict[str, float | None]:
        """Return losses (means over masked tokens and over sequences) and accuracies."""
        masked, sequences = max(1.0, self.masked), max(1.0, self.sequences)
        mlm, nsp = self.mlm_loss / masked, self.nsp_loss / sequences
        return {
            "loss": mlm + nsp if has_next_sentence else mlm,
            "mlm_loss": mlm,
            "nsp_loss": nsp if has_next_sentence else None,
            "mlm_accuracy": self.mlm_correct / masked,
            "nsp_accuracy": self.nsp_correct / sequences if has_next_sentence else None,
        }


def step_flops(config: BertConfig, lengths: list[int], num_masked: int) -> float:
    """Return the products of a training step in FLOP: 6 a weight and token, attention, and the head where it is used.

    Source: the counting of Chowdhery et al. 2022 (PaLM), appendix B; nothing is counted for padding.
    """
    hidden, tokens = config.hidden_size, sum(lengths)
    block = 4 * hidden * hidden + 2 * hidden * config.intermediate_size
    attention = 12 * config.num_hidden_layers * hidden * sum(length * length for length in lengths)
    head = 6 * num_masked * hidden * (config.vocab_size + hidden)
    return float(6 * config.num_hidden_layers * block * tokens + attention + head)


@dataclass
class NextSentenceWatch:
    """Warns once when the next-sentence task is solved too early or not at all."""

    total_steps: int
    correct: float = 0
    sequences: float = 0
    said: set[str] = field(default_factory=set)

    def look(self, step: int, accuracy: float | None, sequences: float) -> str | None:
        """Return a warning after an interval of `sequences` sequences that ended at `step`, if there is cause."""
        if accuracy is None:
            return None
        self.correct, self.sequences = self.correct + accuracy * sequences, self.sequences + sequences
        if self.sequences < _MIN_SEQUENCES:
            return None
        share, self.correct, self.sequences = self.correct / self.sequences, 0.0, 0.0
        if share > 0.99 and step <= max(100, self.total_steps // 10):
            return self._once(
                "solved",
                f"next-sentence accuracy is {share:.1%} after {step:,} steps, too good to be true: random next "
                "sentences may be told apart by their source or format; look at them with `bertdata inspect`",
            )
        if share < 0.53 and step >= self.total_steps // 2:
            return self._once(
                "chance",
                f"next-sentence accuracy is still {share:.1%} after {step:,} steps, which is chance: small models take "
                "long to leave it; if it stays there, look at the pairs with `bertdata inspect`, or lower --lr",
            )
        return None

    def _once(self, kind: str, text: str) -> str | None:
        if kind in self.said:
            return None
        self.said.add(kind)
        return text


class StopSignal:
    """Remembers SIGINT and SIGTERM, so that a run stops after its step; a second SIGINT stops at once."""

    def __init__(self) -> None:
        self.number: int | None = None

    def _remember(self, number: int, frame: FrameType | None) -> None:
        if self.number is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.number = number

    @contextmanager
    def installed(self) -> Iterator[StopSignal]:
        """Catch the signals inside this block."""
        before = {number: signal.signal(number, self._remember) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class Stopwatch:
    """Adds up the seconds of named activities."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def time(self, what: str) -> Iterator[None]:
        """Add this block's seconds to `what`."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[what] = self.seconds.get(what, 0.0) + time.perf_counter() - began

    def take(self) -> dict[str, Any]:
        """Return the sums and begin anew."""
        seconds, self.seconds = self.seconds, {}
        return seconds
