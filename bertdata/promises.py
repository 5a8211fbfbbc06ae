"""The statistics that a corpus promises, and how far chance may carry them."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from bertdata.scan import Tally

# A correct corpus goes beyond five standard deviations once in 1.7 million checks.
SIGMAS = 5.0
# Tokens of a span share their fate, so shares vary as if there were as many draws as spans (3.8 words each).
_SPAN_FACTOR = 10.0
# Whole words and spans stop where the next one doesn't fit; on real text they reach 99 % of what tokens do.
_LEAST_SHARE_OF_WORDS = 0.9


class Check(NamedTuple):
    """One promise: whether it holds, what it says, what was found, the first place that breaks it, and what to do."""

    name: str
    passed: bool
    expected: str
    got: str
    where: str
    remedy: str = "Build the corpus again, or restore the file."


class Share(NamedTuple):
    """A share that a corpus promises: it holds where `found` lies from `low` to `high`; `expected` says so in words."""

    name: str
    low: float
    high: float
    found: float
    expected: str

    @property
    def passed(self) -> bool:
        """Tell whether the share holds."""
        return self.low - 1e-9 <= self.found <= self.high + 1e-9


def statistical_checks(place: str, metadata: dict[str, Any], tally: Tally) -> list[Check]:
    """Return the checks of one length and split; an empty split has nothing to check."""
    counts = tally.counts
    if not counts.get("examples"):
        return []
    shares = expected_shares(metadata, counts)
    checks = [Check(f"{place}: {s.name}", s.passed, s.expected, f"{s.found:.4f}", place) for s in shares]
    checks.append(_uniform_tokens(place, tally))
    if metadata["masking"] == "token":
        checks.append(_uniform_positions(place, counts))
    if metadata["pairs"] == "balanced":
        checks.append(_lengths_silent(place, counts))
    return checks


def expected_shares(metadata: dict[str, Any], counts: dict[str, float]) -> list[Share]:
    """Return the promised shares of one length and split that has examples: masks, what stands there, labels.

    `metadata` as shards have it: `pairs`, `masking`, `vocab_size`; `counts`: `examples`, `tokens`, `shards`, `masked`,
    `wanted` (how many should be masked), `as_mask`, `kept`, `other` and `random_next`.
    """
    return [_masked_share(metadata, counts), *_replacements(metadata, counts), *_labels(metadata, counts)]


def _within(name: str, share: float, num: float, found: float, factor: float = 1.0) -> Share:
    """Return a share of `num` draws that may lie within chance of `share`."""
    tolerance = SIGMAS * math.sqrt(share * (1 - share) * factor / max(num, 1))
    return Share(name, share - tolerance, share + tolerance, found, f"{share:.4f} ± {tolerance:.4f}")


def _masked_share(metadata: dict[str, Any], counts: dict[str, float]) -> Share:
    """Return the share of tokens that are predicted: exact for tokens, a little less for words and spans."""
    found, wanted = counts["masked"] / counts["tokens"], counts["wanted"] / counts["tokens"]
    least = wanted if metadata["masking"] == "token" else wanted * _LEAST_SHARE_OF_WORDS
    expected = f"{least:.4f}" if least == wanted else f"{least:.4f} to {wanted:.4f}"
    return Share("masked share", least, wanted, found, expected)


def _replacements(metadata: dict[str, Any], counts: dict[str, float]) -> list[Share]:
    """Return 80 % [MASK], 10 % unchanged, 10 % random; a random draw is [MASK], or the original, once in V."""
    num, size = counts["masked"], metadata["vocab_size"]
    factor = _SPAN_FACTOR if metadata["masking"] == "span" else 1.0
    shares = {"as_mask": 0.8 + 0.1 / size, "kept": 0.1 + 0.1 / size, "other": 0.1 - 0.2 / size}
    names = {"as_mask": "masked as [MASK]", "kept": "masked but unchanged", "other": "masked by a random token"}
    return [_within(names[k], share, num, counts[k] / max(num, 1), factor) for k, share in shares.items()]


def _uniform_tokens(place: str, tally: Tally) -> Check:
    """Check that random tokens are drawn from the whole vocabulary: chi-square over ranges of ids, as a z-score."""
    assert tally.random_tokens is not None
    drawn = tally.random_tokens
    num_bins = int(min(100, len(drawn), max(1, drawn.sum() // 50)))
    edges = np.linspace(0, len(drawn), num_bins + 1).astype(np.int64)
    got = np.add.reduceat(drawn, edges[:-1])
    expected = drawn.sum() * np.diff(edges) / len(drawn)
    chi_square = float(((got - expected) ** 2 / np.maximum(expected, 1e-9)).sum())
    # Wilson and Hilferty: the cube root of a chi-square over its freedom is nearly normal.
    freedom = max(1, num_bins - 1)
    z = ((chi_square / freedom) ** (1 / 3) - (1 - 2 / (9 * freedom))) / math.sqrt(2 / (9 * freedom))
    name = f"{place}: random tokens uniform over the vocabulary"
    return Check(name, num_bins < 2 or z <= SIGMAS, f"z at most {SIGMAS}", f"z {z:.1f}", place)


def _uniform_positions(place: str, counts: dict[str, float]) -> Check:
    z = counts["drift"] / math.sqrt(max(counts["drift_variance"], 1e-9))
    name = f"{place}: masked positions uniform"
    return Check(name, abs(z) <= SIGMAS, f"z within ± {SIGMAS}", f"z {z:.1f}", place)


def _labels(metadata: dict[str, Any], counts: dict[str, float]) -> list[Share]:
    """Return the share of label 1, where the mode has labels."""
    share, num = counts["random_next"] / counts["examples"], counts["examples"]
    mode = metadata["pairs"]
    if mode == "none":
        return []
    name = "share swapped" if mode == "sop" else "share random next"
    if mode == "original":
        # Chunks of one sentence are always random, so the share lies above a half by as much as the text has of them.
        least = 0.5 - SIGMAS * 0.5 / math.sqrt(num)
        return [Share(name, least, 1.0, share, f"{least:.4f} or more")]
    # Exactly half of every shard; where its rows are odd, a coin decides the last one.
    slack = counts["shards"] / (2 * num)
    half = f"{0.5:.4f}" + (f" ± {slack:.4f}" if slack >= 0.0001 else "")
    return [Share(name, 0.5 - slack, 0.5 + slack, share, half)]


_TOO_ONE_SIDED = (
    "If one document holds most of the text, its pairs find no random sentences of their own length: add documents, or "
    "build with --pairs sop. If none does, build the corpus again."
)


def _lengths_silent(place: str, counts: dict[str, float]) -> Check:
    """Check that A, and B, are equally long under both labels."""
    ones = counts["random_next"]
    sizes = {0: counts["examples"] - ones, 1: ones}
    if min(sizes.values()) < 2:
        return Check(f"{place}: lengths don't tell the label", True, "", "too few examples", place)
    scores = {}
    for side in "ab":
        means = {n: counts[f"{side}{n}_sum"] / size for n, size in sizes.items()}
        spread = sum(max(counts[f"{side}{n}_squares"] / size - means[n] ** 2, 1e-9) / size for n, size in sizes.items())
        scores[side] = (means[1] - means[0]) / math.sqrt(spread)
    passed = all(abs(z) <= SIGMAS for z in scores.values())
    got = ", ".join(f"z {z:+.1f} for {side.upper()}" for side, z in scores.items())
    name = f"{place}: lengths don't tell the label"
    return Check(name, passed, f"z within ± {SIGMAS}", got, place, _TOO_ONE_SIDED)
