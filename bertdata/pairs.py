"""Examples as spans of a group's ids: chunks of sentences, cut in two, truncated; every mode starts here.

A walk over sentences looks sequential, but where each chunk ends depends on nothing but where it starts, so the ends
of all possible starts are found at once; what is left to Python is following them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from bertdata.example_options import ExampleOptions
from bertdata.group import GroupText

Int64s = npt.NDArray[np.int64]
# Gives the text of the hash ranges that follow a group's own, piece by piece; a group of one document borrows there.
Lenders = Callable[[], "GroupText | None"]


@dataclass(frozen=True)
class Pairs:
    """n examples as spans of flat ids: A is `ids[a_start : a_start + a_length]`; B, from its document, likewise.

    `input_ids` are the group's, followed by those of borrowed text. `label` is 0 where B follows A. In mode `none`
    B is empty. `counts` are additive over groups.
    """

    input_ids: npt.NDArray[np.unsignedinteger]
    a_start: Int64s
    a_length: Int64s
    b_start: Int64s
    b_length: Int64s
    label: npt.NDArray[np.uint8]
    document_a: Int64s
    document_b: Int64s
    counts: dict[str, int]

    def __len__(self) -> int:
        return len(self.label)

    def counted(self, **more: int) -> Pairs:
        """Return the pairs with further counts."""
        return replace(self, counts=self.counts | more)


def draw_targets(num: int, most: int, short_seq_prob: float, rng: np.random.Generator) -> Int64s:
    """Draw how many tokens each chunk aims at: `most`, or with `short_seq_prob` a uniform number from 2 to `most`."""
    short = rng.random(num) < short_seq_prob
    return np.where(short, rng.integers(2, most, size=num, endpoint=True), most)


def chunk_ends(text: GroupText, targets: Int64s, num_sentences: int) -> Int64s:
    """Return for each sentence where a chunk that starts there ends: int64[num_sentences], as numbers of sentences.

    A chunk takes sentences until it has `targets[s]` tokens and `num_sentences` sentences, or its part ends.
    """
    starts = np.arange(text.num_sentences)
    ends = np.searchsorted(text.bounds, text.bounds[:-1] + targets, side="left")
    return np.minimum(np.maximum(ends, starts + num_sentences), text.part_ends())


def follow(ends: Int64s) -> Int64s:
    """Return the starts of the chunks met from sentence 0 on, each chunk starting where the one before ended.

    >>> follow(np.array([2, 9, 3, 5, 9])).tolist()
    [0, 2, 3]
    """
    following, starts, at = ends.tolist(), [], 0
    while at < len(following):
        starts.append(at)
        at = following[at]
    return np.array(starts, dtype=np.int64)


def split_chunks(sizes: Int64s, rng: np.random.Generator) -> Int64s:
    """Draw how many of each chunk's sentences A takes: uniform from 1 to size - 1, or 1 where the size is 1."""
    return 1 + (rng.random(len(sizes)) * np.maximum(sizes - 1, 1)).astype(np.int64)


def truncated_lengths(a: Int64s, b: Int64s, most: int) -> tuple[Int64s, Int64s]:
    """Return the lengths left when tokens are taken one by one from the longer of A and B, a tie from B.

    >>> [x.tolist() for x in truncated_lengths(np.array([9, 2, 9, 3]), np.array([9, 9, 3, 2]), 7)]
    [[4, 2, 4, 3], [3, 5, 3, 2]]
    """
    half_a, half_b = most - most // 2, most // 2
    short_a, short_b = a <= half_a, b <= half_b
    new_a = np.where(short_a, a, np.where(short_b, np.minimum(a, most - b), half_a))
    new_b = np.where(short_b, b, np.where(short_a, np.minimum(b, most - a), half_b))
    return new_a, new_b


def truncate(pairs: Pairs, most: int, rng: np.random.Generator) -> Pairs:
    """Truncate pairs to `most` tokens together; each token goes from the front or the back with probability 0.5.

    Source: google-research/bert, `truncate_seq_pair`. `counts` gains `truncated_tokens`.
    """
    a_length, b_length = truncated_lengths(pairs.a_length, pairs.b_length, most)
    cut_a, cut_b = pairs.a_length - a_length, pairs.b_length - b_length
    lost = int(cut_a.sum() + cut_b.sum())
    return replace(
        pairs,
        a_start=pairs.a_start + _from_front(cut_a, rng),
        a_length=a_length,
        b_start=pairs.b_start + _from_front(cut_b, rng),
        b_length=b_length,
        counts=pairs.counts | {"truncated_tokens": pairs.counts.get("truncated_tokens", 0) + lost},
    )


def _from_front(cut: Int64s, rng: np.random.Generator) -> Int64s:
    front, some = np.zeros_like(cut), np.flatnonzero(cut)
    front[some] = rng.binomial(cut[some], 0.5)
    return front


def spans(text: GroupText, starts: Int64s, middles: Int64s, ends: Int64s) -> Pairs:
    """Return the true pairs of chunks: A from sentence `starts` up to `middles`, B on to `ends`; all labels 0."""
    a, b, e = text.bounds[starts], text.bounds[middles], text.bounds[ends]
    document = text.document_hash[np.searchsorted(text.part_bounds, starts, side="right") - 1]
    label = np.zeros(len(starts), dtype=np.uint8)
    return Pairs(text.input_ids, a, b - a, b, e - b, label, document, document, {})


def with_random_next(pairs: Pairs, rows: Int64s, start: Int64s, length: Int64s, document: Int64s) -> Pairs:
    """Return the pairs with other Bs at `rows`, and label 1 there."""
    b_start, b_length, document_b = pairs.b_start.copy(), pairs.b_length.copy(), pairs.document_b.copy()
    label = pairs.label.copy()
    b_start[rows], b_length[rows], document_b[rows], label[rows] = start, length, document, 1
    return replace(pairs, b_start=b_start, b_length=b_length, document_b=document_b, label=label)


def exact_half(num: int, rng: np.random.Generator) -> Int64s:
    """Draw half of `num` rows, sorted; of an odd number the half is rounded up or down by a fair coin."""
    half = (num + int(rng.integers(0, 2))) // 2
    return np.sort(rng.permutation(num)[:half])


def make_pairs(
    text: GroupText, options: ExampleOptions, max_seq_length: int, rng: np.random.Generator, lenders: Lenders
) -> Pairs:
    """Make the examples of one group, length and duplicate in the options' mode, in the order of the text.

    `lenders()` gives further text of the split, or None at its end. Raises BuildError where the split has one document
    only and the mode draws random sentences.
    """
    from bertdata.pairs_balanced import balanced_pairs, swapped_pairs
    from bertdata.pairs_original import full_sentences, original_pairs

    if options.pairs == "none":
        return full_sentences(text, max_seq_length)
    most, short = max_seq_length - 3, options.short_seq_prob
    if options.pairs == "sop":
        return swapped_pairs(text, most, short, rng)
    mode = balanced_pairs if options.pairs == "balanced" else original_pairs
    return mode(text, most, short, rng, lenders)
