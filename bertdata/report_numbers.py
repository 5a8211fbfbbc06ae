"""The numbers of a report that the manifest doesn't hold ready: padding, spread, and what shares were promised."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from bertdata.batch_plan import POOL_BATCHES
from bertdata.example_options import ExampleOptions
from bertdata.masking import num_predictions
from bertdata.promises import Share, expected_shares

# What `Examples.padded` rounds the longest row of a batch up to.
_MULTIPLE_OF = 8


class Padding(NamedTuple):
    """How an epoch's lengths fill its batches: shares of the positions that hold no token."""

    mean: float
    median: int
    share_full: float
    to_longest: float
    by_length: float


def padding(histogram: Sequence[int]) -> Padding:
    """Return what padding costs, from the numbers of examples of 0, 1, … max_seq_length tokens.

    `to_longest` pads all to max_seq_length. `by_length` is the reader's way: a pool of 64 batches is sorted by length,
    so batch b holds the b-th 64th of the lengths, padded to its longest example and up to a multiple of 8.

    >>> padding([0] * 64 + [50] + [0] * 63 + [50])
    Padding(mean=96.0, median=64, share_full=0.5, to_longest=0.25, by_length=0.0)
    """
    counts = np.asarray(histogram, dtype=np.int64)
    ends, num = np.cumsum(counts), int(counts.sum())
    tokens, longest = int((counts * np.arange(len(counts))).sum()), len(counts) - 1
    # The longest example of each 64th, as a number of tokens.
    last = np.searchsorted(ends, np.maximum(1, np.arange(1, POOL_BATCHES + 1) * num // POOL_BATCHES))
    padded = np.minimum(-(-last // _MULTIPLE_OF) * _MULTIPLE_OF, max(longest, int(last.max())))
    return Padding(
        tokens / num,
        int(np.searchsorted(ends, (num + 1) // 2)),
        float(counts[-1] / num),
        1 - tokens / (num * longest),
        max(0.0, 1 - tokens / (num * float(padded.mean()))),
    )


def shares_of(manifest: dict[str, Any], key: str) -> list[Share]:
    """Return the promised shares of one length and split (`128/train`) against what the manifest counted."""
    split = manifest["splits"][key]
    counted, options = split["statistics"], manifest["options"]["examples"]
    if not split["examples"] or not counted.get("lengths"):
        return []
    # The manifest counts what was decided for a token, not what came of it: a random word that happened to be the
    # right one is random here. So the shares are 80, 10 and 10 % themselves, as in a vocabulary without end.
    metadata = {**options, "vocab_size": math.inf}
    counts = {
        **{name: counted[name] for name in ("examples", "tokens", "masked", "random_next")},
        "as_mask": counted["masked_as_mask"],
        "kept": counted["masked_kept"],
        "other": counted["masked_random"],
        "wanted": _wanted(counted["lengths"], int(key.split("/")[0]), options),
        "shards": len(split["files"]),
    }
    return expected_shares(metadata, counts)


def _wanted(histogram: Sequence[int], max_seq_length: int, options: dict[str, Any]) -> int:
    """Return how many tokens should be predicted, from the numbers of examples of each length."""
    rate = options["masked_lm_prob"]
    most = ExampleOptions(masked_lm_prob=rate, max_predictions=options["max_predictions"]).predictions(max_seq_length)
    counts = np.asarray(histogram, dtype=np.int64)
    lengths = np.flatnonzero(counts)
    specials = 2 if options["pairs"] == "none" else 3
    wanted = np.minimum(num_predictions(lengths, rate, most), lengths - specials)
    return int((wanted * counts[lengths]).sum())


class Spread(NamedTuple):
    """Sizes of the shards of one split, in bytes; `largest_off` is how far the worst lies from the mean."""

    smallest: int
    mean: float
    largest: int
    largest_off: float


def spread(files: Sequence[dict[str, Any]]) -> Spread:
    """Return how evenly a split's shards are cut.

    >>> spread([{"bytes": 75}, {"bytes": 125}])
    Spread(smallest=75, mean=100.0, largest=125, largest_off=0.25)
    """
    sizes = [file["bytes"] for file in files]
    mean = sum(sizes) / len(sizes)
    return Spread(min(sizes), mean, max(sizes), max(abs(value / mean - 1) for value in sizes))


def by_length(manifest: dict[str, Any]) -> list[str]:
    """Return the keys of the splits that have examples, by length, train before validation."""
    keys = [key for key, split in manifest["splits"].items() if split["examples"]]
    return sorted(keys, key=lambda key: (int(key.split("/")[0]), key.split("/")[1]))
