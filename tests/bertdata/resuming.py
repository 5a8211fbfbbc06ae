"""One test for every iterator: begun anew at any step, it gives what is left of the whole run."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np


def assert_resumes_at_every_step(make: Callable[[int], Iterator[Any]], num_steps: int, num_compared: int = 3) -> None:
    """Compare the steps after each restart with those of an uninterrupted run.

    `make(n)` gives the iterator that begins at step n; each step is a dataclass or a tuple of arrays. The steps right
    behind the restart are compared, and the last one.
    """
    whole = list(itertools.islice(make(0), num_steps))
    assert len(whole) == num_steps
    for start in range(num_steps):
        rest = list(itertools.islice(make(start), num_steps - start))
        for step in {*range(min(num_compared, len(rest))), len(rest) - 1}:
            for name, value in vars(whole[start + step]).items():
                assert np.array_equal(value, vars(rest[step])[name]), f"step {start + step} after a restart at {start}"
