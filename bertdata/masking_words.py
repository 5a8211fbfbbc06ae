"""Masks of whole words and of spans of words: greedy choices, made for all rows at once, one choice a round."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bertdata.masking import Int64s, Rows, random_keys
from bertdata.rng import mix64

Bools = npt.NDArray[np.bool_]
# SpanBERT: geometric with p = 0.2 over 1 to 10 words, renormalised, mean 3.8.
_SPAN_P, _SPAN_MAX = 0.2, 10
_SPAN_WEIGHTS = _SPAN_P * (1 - _SPAN_P) ** np.arange(_SPAN_MAX)
_SPAN_CUMULATIVE = np.cumsum(_SPAN_WEIGHTS / _SPAN_WEIGHTS.sum())
_ROUND_SALT = np.uint64(0x9FB21C651E98DF25)
# Rounds in which a row tries to begin a span; one at length 512 needs 20 on average. What is missing then is
# filled with single words.
_SPAN_ROUNDS = 48


@dataclass(frozen=True)
class Words:
    """The words of some rows, flat: `sizes` in tokens; row r has the words `first[r]` up to `first[r] + counts[r]`.

    `token` is the flat place of each candidate token in order, so word w is the next `sizes[w]` of them. `border`
    says which words begin a segment.
    """

    sizes: Int64s
    first: Int64s
    counts: Int64s
    token: Int64s
    border: Bools

    def places(self, chosen: Bools, group: Int64s) -> tuple[Int64s, Int64s]:
        """Return the flat places of the chosen words' tokens, sorted, and each one's group."""
        tokens = np.repeat(chosen, self.sizes)
        return self.token[tokens], np.repeat(group, self.sizes)[tokens]


def find_words(rows: Rows, continuation: Bools) -> Words:
    """Group candidate tokens to words: a `##` piece joins the token before it, in the same segment."""
    candidate = rows.candidates()
    after_special = np.zeros(len(candidate), dtype=np.bool_)
    after_special[1:] = ~candidate[:-1]
    word_start = candidate & (~continuation | after_special)
    starts = np.flatnonzero(word_start)
    token = np.flatnonzero(candidate)
    rank = np.searchsorted(token, starts)
    sizes = np.diff(np.append(rank, len(token)))
    first = np.searchsorted(starts, rows.starts)
    counts = np.diff(np.append(first, len(starts)))
    return Words(sizes, first, counts, token, after_special[starts])


def choose_words(rows: Rows, continuation: Bools) -> tuple[Int64s, Int64s]:
    """Choose whole words in random order until the wanted number of tokens is reached, never more.

    A word that no longer fits is passed over, as in the reference. Returns flat places and, as group, themselves.
    """
    words = find_words(rows, continuation)
    chosen = np.zeros(len(words.sizes), dtype=np.bool_)
    _fill_with_words(rows, words, chosen, np.zeros(len(rows.keys), dtype=np.int64))
    places, _ = words.places(chosen, np.zeros(len(chosen), np.int64))
    return places, places - rows.starts[np.searchsorted(rows.starts, places, side="right") - 1]


def _fill_with_words(rows: Rows, words: Words, chosen: Bools, have: Int64s) -> None:
    """Choose further words of each row, in random order, as long as they fit; `chosen` and `have` change in place."""
    width = int(words.counts.max(initial=0))
    if not width:
        return
    keys, bits = random_keys(rows.keys, width)
    keys[np.arange(width) >= words.counts[:, None]] = 0xFFFFFFFF
    keys.sort(axis=1)
    order = (keys & bits).astype(np.int64)
    live = np.flatnonzero(have < rows.wanted)
    for column in range(width):
        live = live[(column < words.counts[live]) & (have[live] < rows.wanted[live])]
        if not len(live):
            return
        word = words.first[live] + order[live, column]
        fits = (have[live] + words.sizes[word] <= rows.wanted[live]) & ~chosen[word]
        chosen[word[fits]] = True
        have[live[fits]] += words.sizes[word[fits]]


def choose_spans(rows: Rows, continuation: Bools) -> tuple[Int64s, Int64s]:
    """Choose spans of whole words with geometric lengths until the wanted number of tokens is reached, never more.

    A span begins at a uniformly drawn word, stays in its segment, and ends early where the next word is chosen
    already or no longer fits. Returns flat places and, as group, the number of the span in its row.
    """
    words = find_words(rows, continuation)
    chosen = np.zeros(len(words.sizes), dtype=np.bool_)
    group = np.zeros(len(words.sizes), dtype=np.int64)
    have = np.zeros(len(rows.keys), dtype=np.int64)
    for turn in range(_SPAN_ROUNDS):
        live = np.flatnonzero((have < rows.wanted) & (words.counts > 0))
        if not len(live):
            break
        word, length = _draw_spans(rows.keys[live], words.counts[live], turn)
        _choose_span(rows, words, chosen, group, have, live, words.first[live] + word, length, turn)
    alone = np.zeros(len(chosen), dtype=np.bool_)
    before = chosen.copy()
    _fill_with_words(rows, words, chosen, have)
    alone = chosen & ~before
    group[alone] = _SPAN_ROUNDS + np.flatnonzero(alone)
    return words.places(chosen, group)


def _draw_spans(keys: npt.NDArray[np.uint64], counts: Int64s, turn: int) -> tuple[Int64s, Int64s]:
    """Draw each row's first word, uniform over its words, and the length of its span in words."""
    draw = mix64(keys ^ mix64(np.array([turn + 1], dtype=np.uint64) * _ROUND_SALT))
    low, high = draw & np.uint64(0xFFFFFFFF), draw >> np.uint64(32)
    word = ((low * counts.astype(np.uint64)) >> np.uint64(32)).astype(np.int64)
    length = 1 + np.searchsorted(_SPAN_CUMULATIVE, high / 2.0**32, side="right")
    return word, np.minimum(length, _SPAN_MAX)


def _choose_span(
    rows: Rows,
    words: Words,
    chosen: Bools,
    group: Int64s,
    have: Int64s,
    live: Int64s,
    word: Int64s,
    length: Int64s,
    turn: int,
) -> None:
    """Choose one span in each of the `live` rows, word by word; what doesn't fit is left out."""
    last = words.first[live] + words.counts[live]
    for step in range(_SPAN_MAX):
        going = (step < length) & (word < last)
        live, word, length, last = live[going], word[going], length[going], last[going]
        fits = ~chosen[word] & (have[live] + words.sizes[word] <= rows.wanted[live])
        if step:
            fits &= ~words.border[word]
        live, word, length, last = live[fits], word[fits], length[fits], last[fits]
        if not len(live):
            return
        chosen[word], group[word] = True, turn
        have[live] += words.sizes[word]
        word = word + 1
