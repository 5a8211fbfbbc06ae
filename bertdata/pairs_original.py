"""The pairs of google-research/bert, and RoBERTa's full sentences.

Source: google-research/bert, `create_pretraining_data.py`, whose rules `original_pairs` follows in distribution. Its
labels are not 50/50 and its lengths tell them apart; `balanced` is the default for that reason.
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
    follow,
    spans,
    split_chunks,
    truncate,
    with_random_next,
)
from bertdata.pairs_balanced import no_other_document

# How often the reference draws again when it meets the pair's own document.
_DRAWS = 10


def original_pairs(
    text: GroupText, most: int, short_seq_prob: float, rng: np.random.Generator, lenders: Lenders
) -> Pairs:
    """Make pairs by the reference's rules; parts of long documents count as documents, but for the same-document test.

    One target per part; a chunk of one sentence, and half of the others, take a random next B: from a part drawn
    uniformly, from a sentence drawn uniformly, until the target is full. The rest of their chunk is walked again.
    Raises BuildError where the split has one document only.
    """
    parts = text.part_of_sentence()
    targets = draw_targets(text.num_parts, most, short_seq_prob, rng)[parts]
    ends = chunk_ends(text, targets, 1)
    sizes = ends - np.arange(text.num_sentences)
    middles = np.arange(text.num_sentences) + split_chunks(sizes, rng)
    random_next = (sizes == 1) | (rng.random(text.num_sentences) < 0.5)
    starts = follow(np.where(random_next, middles, ends))
    pairs = spans(text, starts, middles[starts], ends[starts])
    pairs = _draw_next(pairs, text, targets[starts], np.flatnonzero(random_next[starts]), rng, lenders)
    return truncate(pairs, most, rng)


def _draw_next(
    pairs: Pairs, text: GroupText, targets: Int64s, rows: Int64s, rng: np.random.Generator, lenders: Lenders
) -> Pairs:
    """Give `rows` random next segments and label 1."""
    own_parts = text.num_parts
    text, part = _draw_parts(text, pairs.document_a[rows], rng, lenders)
    first = text.part_bounds[part]
    sizes = text.part_bounds[part + 1] - first
    sentence = first + (rng.random(len(rows)) * sizes).astype(np.int64)
    wanted = targets[rows] - pairs.a_length[rows]
    end = np.searchsorted(text.bounds, text.bounds[sentence] + wanted, side="left")
    end = np.minimum(np.maximum(end, sentence + 1), text.part_bounds[part + 1])
    pairs = with_random_next(
        replace(pairs, input_ids=text.input_ids),
        rows,
        text.bounds[sentence],
        text.bounds[end] - text.bounds[sentence],
        text.document_hash[part],
    )
    return pairs.counted(borrowed=int((part >= own_parts).sum()))


def _draw_parts(
    text: GroupText, document: Int64s, rng: np.random.Generator, lenders: Lenders
) -> tuple[GroupText, Int64s]:
    """Draw a part for each row, uniform over the parts of other documents; the text gains what was borrowed."""
    if len(document) and (text.document_hash == text.document_hash[0]).all():
        text = _with_lender(text, lenders)
    part = rng.integers(0, max(1, text.num_parts), size=len(document))
    for _ in range(_DRAWS):
        again = np.flatnonzero(text.document_hash[part] == document)
        if not len(again):
            return text, part
        part[again] = rng.integers(0, text.num_parts, size=len(again))
    for row in np.flatnonzero(text.document_hash[part] == document).tolist():
        part[row] = rng.choice(np.flatnonzero(text.document_hash != document[row]))
    return text, part


def _with_lender(text: GroupText, lenders: Lenders) -> GroupText:
    """Return the text of a group that has one document, followed by the first text that has another."""
    lent = lenders()
    while lent is not None and not (lent.document_hash != text.document_hash[0]).any():
        lent = lenders()
    if lent is None:
        raise BuildError(no_other_document(0))
    return GroupText(
        np.concatenate([text.document_hash, lent.document_hash]),
        np.concatenate([text.input_ids, lent.input_ids]),
        np.concatenate([text.bounds, lent.bounds[1:] + text.bounds[-1]]),
        np.concatenate([text.part_bounds, lent.part_bounds[1:] + text.part_bounds[-1]]),
        text.text_bytes,
    )


def full_sentences(text: GroupText, max_seq_length: int) -> Pairs:
    """Pack whole sentences of one part up to the length: `[CLS] text [SEP]`, no B, label 0.

    A sentence that is longer than a whole example is cut. Source: Liu et al., "RoBERTa", section 4.2.
    """
    most = max_seq_length - 2
    text, num_cut = cut_sentences(text, most, most)
    starts = np.arange(text.num_sentences)
    ends = np.searchsorted(text.bounds, text.bounds[:-1] + most, side="right") - 1
    ends = np.minimum(np.maximum(ends, starts + 1), text.part_ends())
    chunks = follow(ends)
    return spans(text, chunks, ends[chunks], ends[chunks]).counted(truncated_tokens=0, sentences_cut=num_cut)
