"""How many distinct words a whole has, and what counting them and learning from them takes, by a sample of it.

Distinct words grow more slowly than the text; the power is fitted to the first half and to the whole of the sample
(Heaps' law).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq

from bertdata.word_counts import MAX_WORDS_TO_LEARN

# What a distinct word costs where words are counted, in words: about as much in novels as in articles.
_DISTINCT_COST = 30
# By how much the power of Heaps' law declines while a text doubles, and how far: measured, on texts of 10 to 80 MB.
_DECLINE, _LEAST_POWER = 0.03, 0.3


class Counted(NamedTuple):
    """What counting the words of a piece, or of its first half, took and found; its weight is the piece's."""

    weight: float
    seconds: float
    words: dict[str, int]


def first_half(documents: Path) -> Path:
    """Write the first half of a documents file: half of each, since another source may have other words altogether."""
    half = documents.with_suffix(".half.parquet")
    with pq.ParquetFile(documents) as file, pq.ParquetWriter(half, file.schema_arrow) as writer:
        left = -(-file.metadata.num_rows // 2)
        for batch in file.iter_batches(batch_size=64):
            writer.write_batch(batch[:left])
            if (left := left - len(batch)) <= 0:
                break
    return half


def counting_seconds(counted: Sequence[Counted], words_a_slice: float) -> float:
    """Return how long it takes to count all words, of halves and pieces by turns, in slices of so many.

    A word costs, and a distinct word costs many times that: pieces are shorter than slices, and have more of these.

    >>> half, whole = ({"words": n, "distinct_words": d} for n, d in ((1000, 100), (4000, 200)))
    >>> counted = [Counted(10.0, 4.0, half), Counted(10.0, 10.0, whole)]  # A ms a word, thirty a distinct one.
    >>> round(counting_seconds(counted, 4000), 3)
    100.0
    """
    units = sum(each.words["words"] + _DISTINCT_COST * each.words["distinct_words"] for each in counted)
    total = 0.0
    for half, whole in zip(counted[::2], counted[1::2], strict=True):
        words = whole.weight * whole.words["words"]
        slices = words / max(1.0, words_a_slice, whole.words["words"])
        total += words + slices * _DISTINCT_COST * distinct_words(half.words, whole.words, words_a_slice)
    return total * sum(each.seconds for each in counted) / max(1, units)


def distinct_words(half: dict[str, int], whole: dict[str, int], words: float) -> float:
    """Return how many distinct words `words` words have, by the power law through two samples of the same text.

    The power declines with the text: by what it does in Wikipedias of four languages and books, with each doubling.

    >>> round(distinct_words({"words": 100, "distinct_words": 10}, {"words": 400, "distinct_words": 20}, 1600))
    37
    """
    n1, n2, v1, v2 = half["words"], whole["words"], half["distinct_words"], whole["distinct_words"]
    between = math.log2(n2 / n1) if n2 > n1 > 0 else 0.0
    power = min(1.0, math.log2(v2 / v1) / between) if between and v2 > v1 > 0 else 0.5
    # What was fitted is the power in the middle between the samples.
    power -= _DECLINE * between / 2
    doublings = math.log2(max(1.0, words / max(1, n2)))
    declining = min(doublings, max(0.0, power - _LEAST_POWER) / _DECLINE)
    grown = declining * (power - _DECLINE * declining / 2) + (doublings - declining) * min(power, _LEAST_POWER)
    return v2 * float(2**grown)


def learning_seconds(seconds: Sequence[tuple[int, float]], distinct_words: float) -> float:
    """Return how long learning takes, by the line through how long it took for two numbers of distinct words.

    Much of it is the same for any number: it merges as many pairs.

    >>> learning_seconds([(100, 2.0), (200, 2.5)], 400), learning_seconds([(100, 2.0), (100, 2.5)], 400)
    (3.5, 10.0)
    """
    (v1, s1), (v2, s2) = seconds
    distinct_words = max(v2, min(distinct_words, MAX_WORDS_TO_LEARN))
    slope = max(0.0, s2 - s1) / (v2 - v1) if v2 > v1 else math.inf
    # Never more than in proportion: a sample that is learned in milliseconds tells no slope.
    return s2 + (distinct_words - v2) * min(slope, s2 / max(1, v2))
