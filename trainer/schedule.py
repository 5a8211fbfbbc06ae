"""Learning rates by step."""

from __future__ import annotations

from dataclasses import dataclass

from bertdata.errors import require
from trainer.config import ScheduleKind


@dataclass(frozen=True)
class Schedule:
    """Linear warm-up to `peak`, then linear decay to 0 at `total` steps.

    `original` is that of the code released with BERT: the decay counts from step 0 and warm-up replaces it, so the rate
    drops by warmup/total where warm-up ends. `continuous` decays from the peak, as transformers does.
    """

    peak: float
    total: int
    warmup: int
    kind: ScheduleKind = "original"

    def __post_init__(self) -> None:
        require(self.total >= 1, f"--steps is {self.total}: it must be 1 or more")
        require(
            0 <= self.warmup <= self.total,
            f"--warmup-steps is {self.warmup}: it must be from 0 to the {self.total} steps",
        )

    def at(self, step: int) -> float:
        """Return the learning rate of `step`, counted from 0.

        >>> schedule = Schedule(peak=1.0, total=100, warmup=10)
        >>> [schedule.at(step) for step in (0, 5, 10, 55)]
        [0.0, 0.5, 0.9, 0.45]
        >>> [Schedule(1.0, 100, 10, "continuous").at(step) for step in (5, 10, 55)]
        [0.5, 1.0, 0.5]
        """
        if step < self.warmup:
            return self.peak * step / self.warmup
        if self.kind == "original":
            return self.peak * (self.total - step) / self.total
        return self.peak * (self.total - step) / max(1, self.total - self.warmup)
