"""Counters that a task moves while it runs: `count("bytes", n)` from anywhere below it, once a batch."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

NAMESPACE = "bertdata"

_counters: Callable[[str, int], None] | None = None
_collected: dict[str, int] | None = None


def count(name: str, n: int = 1) -> None:
    """Add `n` to the step's counter `name`; outside a pipeline, and in threads that a task starts, nothing happens.

    Costs about a microsecond: call it once per batch or file, not per page.
    """
    if _counters is not None:
        _counters(name, n)
    if _collected is not None:
        _collected[name] = _collected.get(name, 0) + n


def use_counters(counters: Callable[[str, int], None]) -> None:
    """Let `count` also feed the engine's own counters (set by `pipelines.tasks` once Beam is there)."""
    global _counters
    _counters = counters


@contextlib.contextmanager
def collecting() -> Iterator[dict[str, int]]:
    """Give a dict that `count` fills in this process: the live counters of a pipeline that runs in it."""
    global _collected
    before, _collected = _collected, {}
    try:
        yield _collected
    finally:
        _collected = before
