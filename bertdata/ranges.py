"""Ranges of the hash space that hold equal bytes of text: one range gives one shard a length and duplicate."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bertdata.errors import require

HASH_SPACE = 1 << 64


class HashRange(NamedTuple):
    """The parts with `low <= part_key < high`; the last range of a plan ends at 2**64."""

    low: int
    high: int


def plan_ranges(bucket_bytes: npt.NDArray[np.int64], shard_bytes: int) -> list[HashRange]:
    """Cut the hash space into ranges of equal bytes of text, none above `shard_bytes` where hashes are even.

    `bucket_bytes[i]` is what the i-th of equally wide buckets holds in one split. A cut inside a bucket is placed by
    proportion of its bytes. No text gives no range. The plan depends on the sums alone, so on no order of files.

    >>> plan_ranges(np.array([10, 10, 0, 20]), 20) == [(0, 1 << 63), (1 << 63, 1 << 64)]
    True
    """
    require(shard_bytes > 0, f"--shard-size is {shard_bytes}: it must be above 0 bytes of text")
    ends = np.cumsum(bucket_bytes, dtype=np.int64)
    total, width = int(ends[-1]) if len(ends) else 0, HASH_SPACE // max(1, len(ends))
    if total == 0:
        return []
    num_ranges = -(-total // shard_bytes)
    wanted = [total * i // num_ranges for i in range(1, num_ranges)]
    buckets = np.searchsorted(ends, np.array(wanted, dtype=np.int64), side="left").tolist()
    cuts = [_cut(int(ends[b]), int(bucket_bytes[b]), b, width, w) for b, w in zip(buckets, wanted, strict=True)]
    edges = [0, *cuts, HASH_SPACE]
    return [HashRange(low, high) for low, high in itertools.pairwise(edges)]


def _cut(end: int, size: int, bucket: int, width: int, wanted: int) -> int:
    """Return the hash at which `wanted` bytes lie below, inside the bucket that ends at `end` bytes."""
    return bucket * width + (width * (wanted - (end - size)) // size if size else 0)
