"""Balanced next-sentence pairs: true pairs only, then half of them exchange their Bs, so that only words tell.

Text is used once, the Bs of both labels are drawn from the same set, and the lengths say nothing about the label. The
exchange is ordered by length, which is why it hardly ever changes the length of a pair.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bertdata.errors import BuildError
from bertdata.group import GroupText, cut_sentences
from bertdata.pairs import (
    Int64s,
    Lenders,
    Pairs,
    chunk_ends,
    draw_targets,
    exact_half,
    follow,
    spans,
    split_chunks,
    truncate,
    with_random_next,
)

# Bs drawn at nearest length are drawn from this many neighbours, so that one B isn't taken for every pair of a length;
# from fewer where there are few to choose from, or the lengths would tell the label.
_NEIGHBOURS = 16
_SHARE_OF_NEIGHBOURS = 64


def true_pairs(text: GroupText, most: int, short_seq_prob: float, rng: np.random.Generator) -> Pairs:
    """Walk the text into true pairs of at most `most` tokens: two sentences or more, cut at a random sentence.

    The target length is drawn per pair (per document, one long book would shift a whole corpus). A last sentence
    alone joins the chunk before it. Parts of one sentence make no pair and are counted; a sentence longer than a
    whole pair is cut into halves of a pair first.
    """
    text, num_cut = cut_sentences(text, most, most - most // 2)
    ends = chunk_ends(text, draw_targets(text.num_sentences, most, short_seq_prob, rng), 2)
    part_ends = text.part_ends()
    ends = np.where(ends == part_ends - 1, part_ends, ends)
    starts = follow(ends)
    sizes = ends[starts] - starts
    alone = sizes == 1
    starts, sizes = starts[~alone], sizes[~alone]
    pairs = spans(text, starts, starts + split_chunks(sizes, rng), starts + sizes)
    return truncate(pairs, most, rng).counted(parts_without_pair=int(alone.sum()), sentences_cut=num_cut)


def swapped_pairs(text: GroupText, most: int, short_seq_prob: float, rng: np.random.Generator) -> Pairs:
    """Make sentence-order pairs: true pairs, exactly half of them with A and B swapped and label 1.

    Source: Lan et al., "ALBERT", section 3.1.
    """
    pairs = true_pairs(text, most, short_seq_prob, rng)
    swapped = np.zeros(len(pairs), dtype=np.bool_)
    swapped[exact_half(len(pairs), rng)] = True
    a_start, b_start = (
        np.where(swapped, y, x) for x, y in ((pairs.a_start, pairs.b_start), (pairs.b_start, pairs.a_start))
    )
    a_length, b_length = (
        np.where(swapped, y, x) for x, y in ((pairs.a_length, pairs.b_length), (pairs.b_length, pairs.a_length))
    )
    label = swapped.astype(np.uint8)
    return replace(pairs, a_start=a_start, a_length=a_length, b_start=b_start, b_length=b_length, label=label)


def balanced_pairs(
    text: GroupText, most: int, short_seq_prob: float, rng: np.random.Generator, lenders: Lenders
) -> Pairs:
    """Make pairs of which exactly half have the B of another document.

    Where one document holds so many pairs that its Bs can't be exchanged, Bs of other documents are drawn at nearest
    length with replacement (`drawn_with_replacement`); where the group has one document only, they are drawn from
    the hash ranges that follow (`borrowed`). Raises BuildError where no other document of the split makes pairs.
    """
    pairs = true_pairs(text, most, short_seq_prob, rng)
    rows = exact_half(len(pairs), rng)
    rows = rows[np.lexsort((rng.random(len(rows)), pairs.a_length[rows], pairs.b_length[rows]))]
    source, unmatched = exchange(pairs.document_a[rows])
    pairs = _take_bs(pairs, rows, pairs, rows[source])
    pairs = _draw_bs(pairs, rows[unmatched], most, short_seq_prob, rng, lenders)
    return truncate(pairs, most, rng)


def exchange(document: Int64s) -> tuple[Int64s, Int64s]:
    """Return which row each row takes its B from, and the rows that are left with their own document's B.

    Each row takes from the next one, round the end. Hits (same document) are swapped with each other, then with the
    nearest rows that the hit's document is on neither side of. `source` is a permutation.

    >>> [x.tolist() for x in exchange(np.array([1, 2, 2, 3]))]
    [[1, 0, 3, 2], []]
    >>> source, left = exchange(np.array([1, 1, 2, 2, 1, 2]))
    >>> len(left), sorted(source.tolist())
    (0, [0, 1, 2, 3, 4, 5])
    """
    source = np.roll(np.arange(len(document)), -1)
    left = np.array(_swap_hits(document, source), dtype=np.int64)
    if not len(left):
        return source, left
    free = np.flatnonzero((document != document[left[0]]) & (document[source] != document[left[0]]))
    left, partner = _nearest_distinct(left, free)
    source[left[: len(partner)]], source[partner] = source[partner], source[left[: len(partner)]]
    return source, np.sort(left[len(partner) :])


def _swap_hits(document: Int64s, source: Int64s) -> list[int]:
    """Swap the sources of hits of different documents in place; return the hits left, which are of one document."""
    left: list[int] = []
    for hit in np.flatnonzero(document == document[source]).tolist():
        if left and document[left[-1]] != document[hit]:
            other = left.pop()
            source[other], source[hit] = source[hit], source[other]
        else:
            left.append(hit)
    return left


def _nearest_distinct(hits: Int64s, free: Int64s) -> tuple[Int64s, Int64s]:
    """Give each hit a free row of its own near it; return the hits, those without one last, and the rows given.

    Both are sorted. Where there are fewer free rows than hits, the hits that stay empty-handed are spread evenly.
    """
    if len(free) < len(hits):
        served = (np.arange(len(free)) * len(hits)) // max(1, len(free))
        return np.concatenate([hits[served], np.delete(hits, served)]), free
    steps = np.arange(len(hits))
    # Each takes the first free row at or behind it, pushed on by those before, pulled back where the end is near.
    places = np.maximum.accumulate(np.searchsorted(free, hits) - steps) + steps
    return hits, free[np.minimum(places, len(free) - len(hits) + steps)]


def _take_bs(pairs: Pairs, rows: Int64s, source: Pairs, source_rows: Int64s) -> Pairs:
    """Give `rows` the Bs of another table's rows, and label 1."""
    spans_of_b = (source.b_start[source_rows], source.b_length[source_rows], source.document_b[source_rows])
    return with_random_next(pairs, rows, *spans_of_b)


def _draw_bs(
    pairs: Pairs, rows: Int64s, most: int, short_seq_prob: float, rng: np.random.Generator, lenders: Lenders
) -> Pairs:
    """Draw the Bs of `rows`, all of one document, at nearest length from other documents, with replacement."""
    if not len(rows):
        return pairs.counted(drawn_with_replacement=0, borrowed=0)
    document = pairs.document_a[rows[0]]
    lender = pairs
    others = np.flatnonzero(pairs.document_b != document)
    borrowed = not len(others)
    if borrowed:
        lender, others = _borrow(pairs, int(document), most, short_seq_prob, rng, lenders)
        pairs = replace(pairs, input_ids=lender.input_ids)
    others = others[np.lexsort((others, lender.b_length[others]))]
    near = np.searchsorted(lender.b_length[others], pairs.b_length[rows])
    width = min(_NEIGHBOURS, 1 + len(others) // _SHARE_OF_NEIGHBOURS)
    near += rng.integers(-width // 2, width // 2, size=len(rows), endpoint=True)
    chosen = others[np.clip(near, 0, len(others) - 1)]
    pairs = _take_bs(pairs, rows, lender, chosen)
    return pairs.counted(drawn_with_replacement=len(rows), borrowed=len(rows) * borrowed)


def _borrow(
    pairs: Pairs, document: int, most: int, short_seq_prob: float, rng: np.random.Generator, lenders: Lenders
) -> tuple[Pairs, Int64s]:
    """Return true pairs of the first text that follows and has another document, and the rows of other documents.

    Their spans count in the ids of `pairs` followed by the lender's.
    """
    others, text = 0, lenders()
    while text is not None:
        lent = true_pairs(text, most, short_seq_prob, rng)
        rows = np.flatnonzero(lent.document_a != document)
        if len(rows):
            ids = np.concatenate([pairs.input_ids, lent.input_ids])
            return replace(lent, input_ids=ids, b_start=lent.b_start + len(pairs.input_ids)), rows
        others += len(np.unique(text.document_hash[text.document_hash != document]))
        text = lenders()
    raise BuildError(no_other_document(others))


def no_other_document(num_others: int) -> str:
    """Return the line for a split in which one document alone makes pairs."""
    rest = f"; {num_others:,} others have one sentence only" if num_others else ""
    return (
        f"Only 1 document makes sentence pairs{rest}: the random half needs a second document of two or more "
        "sentences. Add documents, lower --validation-fraction, or use --pairs none."
    )
