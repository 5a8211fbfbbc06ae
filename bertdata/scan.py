"""What the rows of shards really hold: counts, and for each promise the first row that breaks it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from bertdata.batches import Examples
from bertdata.errors import BertdataError
from bertdata.masking import num_predictions
from bertdata.reader import Shards

Bools = npt.NDArray[np.bool_]
_ROWS = 8192
WHOLE_WORDS = "whole words masked"


@dataclass
class Tally:
    """Counts of some shards; `broken` maps a promise to how many rows break it and where the first does."""

    counts: dict[str, float] = field(default_factory=dict)
    random_tokens: npt.NDArray[np.int64] | None = None
    broken: dict[str, tuple[int, str]] = field(default_factory=dict)
    documents: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    def add(self, **counts: float) -> None:
        """Add to counts by name."""
        for name, value in counts.items():
            self.counts[name] = self.counts.get(name, 0) + value

    def note(self, promise: str, bad: Bools, where: Callable[[int], str]) -> None:
        """Note the rows that break a promise."""
        if num := int(bad.sum()):
            old, first = self.broken.get(promise, (0, where(int(np.argmax(bad)))))
            self.broken[promise] = (old + num, first)


@dataclass(frozen=True)
class Rules:
    """What shards promise of every row, from their metadata; `is_continuation` where whole words were masked."""

    metadata: dict[str, Any]
    is_continuation: Bools | None


# Each gives the rows that break it: (examples, their original ids, the rules) -> bool[n].
RowCheck = Callable[[Examples, npt.NDArray[Any], Rules], Bools]


def scan_shards(shards: Shards, rules: Rules) -> Tally:
    """Read all rows of a split and tally them, 8,192 at a time."""
    tally = Tally(random_tokens=np.zeros(shards.vocab_size, dtype=np.int64))
    tally.add(shards=len(shards.paths))
    documents = []
    for number, low, high in _pieces(shards):
        path, first = shards.paths[number], shards.first_row(number)

        def where(row: int, at: int = low - first, path: Any = path) -> str:
            return f"{'/'.join(path.parts[-4:])}, row {at + row:,}"

        try:
            examples = shards.read(np.arange(low, high))
            if _scan(examples, rules, tally, where):
                documents.append(np.unique(np.concatenate([examples.document_a, examples.document_b])))
        except (BertdataError, IndexError, ValueError, OverflowError):
            tally.note("rows can be read", np.ones(1, np.bool_), where)
    tally.documents = np.unique(np.concatenate([tally.documents, *documents]))
    return tally


def _pieces(shards: Shards) -> Iterator[tuple[int, int, int]]:
    for number in range(len(shards.paths)):
        first, last = shards.first_row(number), shards.first_row(number + 1)
        for low in range(first, last, _ROWS):
            yield number, low, min(low + _ROWS, last)


def _scan(examples: Examples, rules: Rules, tally: Tally, where: Callable[[int], str]) -> bool:
    """Tally some rows; return whether their form allowed to look inside."""
    for promise, check in _FORM:
        bad = check(examples, examples.input_ids, rules)
        tally.note(promise, bad, where)
        # What follows would index with numbers that can't be trusted.
        if bad.any():
            return False
    originals = examples.original_ids()
    for promise, check in _CONTENT:
        tally.note(promise, check(examples, originals, rules), where)
    _count(examples, rules, tally)
    return True


def _any(flat: Bools, offsets: npt.NDArray[np.int64]) -> Bools:
    """Return the rows in which any of their flat values is true."""
    before = np.concatenate([[0], np.cumsum(flat)])
    return np.diff(before[offsets]) > 0


def _wrong_length(e: Examples, ids: npt.NDArray[Any], rules: Rules) -> Bools:
    lengths, b = e.lengths, e.segment_b_start.astype(np.int64)
    bad: Bools = (lengths > rules.metadata["max_seq_length"]) | (lengths < 3)
    bad |= b != lengths if rules.metadata["pairs"] == "none" else (b < 3) | (b > lengths - 2)
    return bad


def _wrong_ids(e: Examples, ids: npt.NDArray[Any], rules: Rules) -> Bools:
    size = rules.metadata["vocab_size"]
    return _any(e.input_ids >= size, e.offsets) | _any(e.masked_labels >= size, e.masked_offsets)


def _wrong_positions(e: Examples, ids: npt.NDArray[Any], rules: Rules) -> Bools:
    counts = np.diff(e.masked_offsets)
    at = e.masked_positions.astype(np.int64)
    last, separator = np.repeat(e.lengths - 1, counts), np.repeat(e.segment_b_start - 1, counts)
    bad = (at < 1) | (at >= last) | (at == separator)
    bad[1:] |= (np.diff(at) <= 0) & (np.diff(np.repeat(np.arange(len(e)), counts)) == 0)
    return _any(bad, e.masked_offsets)


def _misplaced_specials(e: Examples, ids: npt.NDArray[Any], rules: Rules) -> Bools:
    m, first, last = rules.metadata, e.offsets[:-1], e.offsets[1:] - 1
    middle = first + e.segment_b_start - 1
    bad: Bools = (ids[first] != m["cls_id"]) | (ids[last] != m["sep_id"]) | (ids[middle] != m["sep_id"])
    special = np.isin(ids, [m["cls_id"], m["sep_id"], m["pad_id"], m["mask_id"]])
    expected = 2 + (middle != last)
    before = np.concatenate([[0], np.cumsum(special)])
    bad |= np.diff(before[e.offsets]) != expected
    return bad


def _wrong_count(e: Examples, ids: npt.NDArray[Any], rules: Rules) -> Bools:
    counts, wanted = np.diff(e.masked_offsets), _wanted(e, rules)
    return counts != wanted if rules.metadata["masking"] == "token" else counts > wanted


def _wanted(e: Examples, rules: Rules) -> npt.NDArray[np.int64]:
    m = rules.metadata
    specials = 2 + (e.segment_b_start < e.lengths)
    return np.minimum(num_predictions(e.lengths, m["masked_lm_prob"], m["max_predictions"]), e.lengths - specials)


def _broken_words(e: Examples, ids: npt.NDArray[Any], rules: Rules) -> Bools:
    """Return the rows that predict some pieces of a word but not all."""
    if rules.is_continuation is None:
        return np.zeros(len(e), dtype=np.bool_)
    predicted = np.zeros(len(ids), dtype=np.bool_)
    predicted[e.masked_places()] = True
    joined = rules.is_continuation[ids]
    # A piece behind [CLS] or [SEP] lost the front of its word to truncation, and counts as a word.
    joined[e.offsets[:-1] + 1] = False
    middle = e.offsets[:-1] + e.segment_b_start
    joined[middle[e.segment_b_start < e.lengths]] = False
    differ = np.zeros(len(ids), dtype=np.bool_)
    differ[1:] = joined[1:] & (predicted[1:] != predicted[:-1])
    return _any(differ, e.offsets)


def _wrong_documents(e: Examples, ids: npt.NDArray[Any], rules: Rules) -> Bools:
    differ: Bools = e.document_a != e.document_b
    if rules.metadata["pairs"] in ("balanced", "original"):
        differ ^= e.next_sentence_label == 1
    return differ


def _wrong_label(e: Examples, ids: npt.NDArray[Any], rules: Rules) -> Bools:
    return e.next_sentence_label > (0 if rules.metadata["pairs"] == "none" else 1)


_FORM: tuple[tuple[str, RowCheck], ...] = (
    ("lengths and segments", _wrong_length),
    ("ids below the vocabulary's size", _wrong_ids),
    ("masked positions sorted, never special", _wrong_positions),
)
_CONTENT: tuple[tuple[str, RowCheck], ...] = (
    ("[CLS] and [SEP] where they belong", _misplaced_specials),
    ("number of masked tokens", _wrong_count),
    (WHOLE_WORDS, _broken_words),
    ("labels", _wrong_label),
    ("documents of the pairs", _wrong_documents),
)
PROMISES = ("rows can be read", *(name for name, _ in (*_FORM, *_CONTENT)))


def _count(e: Examples, rules: Rules, tally: Tally) -> None:
    new, old = e.input_ids[e.masked_places()], e.masked_labels
    as_mask, kept = new == rules.metadata["mask_id"], new == old
    other = new[~as_mask & ~kept]
    assert tally.random_tokens is not None
    tally.random_tokens += np.bincount(other, minlength=len(tally.random_tokens))
    tally.add(
        examples=len(e),
        tokens=int(e.offsets[-1]),
        random_next=int(e.next_sentence_label.sum()),
        masked=len(new),
        wanted=int(_wanted(e, rules).sum()),
        as_mask=int(as_mask.sum()),
        kept=int((kept & ~as_mask).sum()),
        other=len(other),
    )
    _count_positions(e, tally)
    _count_lengths(e, tally)


def _count_positions(e: Examples, tally: Tally) -> None:
    """Tally how far masked positions lie from the middle of their candidates, and the variance that chance gives."""
    n, k = e.lengths.astype(np.float64), np.diff(e.masked_offsets)
    separator = np.where(e.segment_b_start < e.lengths, e.segment_b_start - 1.0, 0.0)
    size = np.maximum(n - 2 - (separator > 0), 1)
    mean = ((n - 2) * (n - 1) / 2 - separator) / size
    variance = ((n - 2) * (n - 1) * (2 * n - 3) / 6 - separator**2) / size - mean**2
    drift = float(e.masked_positions.astype(np.int64).sum() - (k * mean).sum())
    tally.add(drift=drift, drift_variance=float((k * variance * (size - k) / np.maximum(size - 1, 1)).sum()))


def _count_lengths(e: Examples, tally: Tally) -> None:
    """Tally the lengths of A and B under both labels."""
    lengths = {"a": e.segment_b_start - 2.0, "b": e.lengths - e.segment_b_start - 1.0}
    for label in (0, 1):
        chosen = e.next_sentence_label == label
        for name, values in lengths.items():
            some = values[chosen]
            tally.add(**{f"{name}{label}_sum": float(some.sum()), f"{name}{label}_squares": float((some**2).sum())})
