"""Counters that a task moves while it runs: `count("bytes", n)` from anywhere below it, once a batch."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

NAMESPACE = "bertdata"

_counters: Callable[[str, int], None] | None = None
_collected: dict[str, int] | None = None
_on_count: Callable[[dict[str, int]], None] | None = None


def count(name: str, n: int = 1) -> None:
    """Add `n` to the step's counter `name`; outside a pipeline, and in threads that a task starts, nothing happens.

    Costs about a microsecond: call it once per batch or file, not per page.
    """
    if _counters is not None:
        _counters(name, n)
    if _collected is not None:
        _collected[name] = _collected.get(name, 0) + n
        if _on_count is not None:
            _on_count(_collected)


def use_counters(counters: Callable[[str, int], None]) -> None:
    """Let `count` also feed the engine's own counters (set by `pipelines.tasks` once Beam is there)."""
    global _counters
    _counters = counters


@contextlib.contextmanager
def collecting(on_count: Callable[[dict[str, int]], None] | None = None) -> Iterator[dict[str, int]]:
    """Give a dict that `count` fills in this process, and hands to `on_count` each time.

    It holds the live counters of a pipeline that runs here, or of a worker.
    """
    global _collected, _on_count
    before = _collected, _on_count
    _collected, _on_count = {}, on_count
    try:
        yield _collected
    finally:
        _collected, _on_count = before
