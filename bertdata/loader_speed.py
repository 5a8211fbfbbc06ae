"""How fast a process reads shards, in each of the ways there are."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from bertdata.batches import Examples
from bertdata.errors import require
from bertdata.reader import DynamicMasking, Shards

_SEED = 1


class ReadingSpeed(NamedTuple):
    """What one way of reading gave: wall-clock rates, CPU seconds for a million examples, the share of padding."""

    way: str
    examples_per_second: int
    tokens_per_second: int
    cpu_seconds_per_million: float
    padding: float
    epochs: float


def _padded(batch: Examples, pad_id: int) -> int:
    return batch.padded(pad_id).input_ids.size


def _packed(batch: Examples, pad_id: int) -> int:
    return batch.packed(pad_id=pad_id).input_ids.size


def _flat(batch: Examples, pad_id: int) -> int:
    return len(batch.input_ids)


_WAYS: tuple[tuple[str, DynamicMasking | None, Callable[[Examples, int], int]], ...] = (
    ("masks as stored, flat", None, _flat),
    ("masks as stored, padded", None, _padded),
    ("masks as stored, packed", None, _packed),
    ("dynamic masks, flat", DynamicMasking(), _flat),
    ("dynamic masks, padded", DynamicMasking(), _padded),
)


def measure_reading(shards: Shards, batch_size: int = 256, seconds: float = 3.0) -> list[ReadingSpeed]:
    """Read batches for `seconds` in each way, and return the speeds."""
    require(seconds > 0, f"--seconds is {seconds}: above 0")
    return [_measure(shards, batch_size, seconds, *way) for way in _WAYS]


def _measure(
    shards: Shards,
    batch_size: int,
    seconds: float,
    name: str,
    masking: DynamicMasking | None,
    lay_out: Callable[[Examples, int], int],
) -> ReadingSpeed:
    batches = shards.batches(batch_size, seed=_SEED, masking=masking)
    next(batches)  # opens the shards and shuffles the first window
    examples = tokens = cells = 0
    wall, cpu = time.perf_counter(), time.process_time()
    while (spent := time.perf_counter() - wall) < seconds or not examples:
        batch = next(batches)
        examples += len(batch)
        tokens += len(batch.input_ids)
        cells += lay_out(batch, shards.pad_id)
    cpu = time.process_time() - cpu
    return ReadingSpeed(
        name,
        round(examples / spent),
        round(tokens / spent),
        round(cpu / examples * 1e6, 2),
        round(1 - tokens / cells, 4),
        round(examples / shards.num_examples, 2),
    )
