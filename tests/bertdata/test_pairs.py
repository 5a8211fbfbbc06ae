"""Pairs on texts small enough to know by heart, and on texts made to be hard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bertdata.errors import BuildError
from bertdata.example_options import ExampleOptions
from bertdata.group import GroupText, cut_sentences
from bertdata.pairs import Pairs, make_pairs, truncated_lengths
from bertdata.pairs_balanced import exchange
from bertdata.rng import rng_for
from tests.bertdata.example_corpora import group_text, made_documents

MODES = ("balanced", "original", "sop", "none")


def lend(*texts: GroupText) -> Callable[[], GroupText | None]:
    waiting = list(texts)
    return lambda: waiting.pop(0) if waiting else None


def pairs_of(text: GroupText, mode: str, length: int = 64, seed: int = 1, lenders: object = None, **kw: float) -> Pairs:
    options = ExampleOptions(pairs=mode, **kw)  # type: ignore[arg-type]
    return make_pairs(text, options, length, rng_for(seed, "test"), lenders or lend())  # type: ignore[arg-type]


def tokens_a(pairs: Pairs, row: int) -> list[int]:
    return pairs.input_ids[pairs.a_start[row] : pairs.a_start[row] + pairs.a_length[row]].tolist()


def tokens_b(pairs: Pairs, row: int) -> list[int]:
    return pairs.input_ids[pairs.b_start[row] : pairs.b_start[row] + pairs.b_length[row]].tolist()


@pytest.mark.parametrize("a", range(1, 12))
@pytest.mark.parametrize("b", range(1, 12))
@pytest.mark.parametrize("most", [5, 6, 9])
def test_truncation_takes_from_the_longer_and_a_tie_from_b(a: int, b: int, most: int) -> None:
    x, y = a, b
    while x + y > most:
        if x > y:
            x -= 1
        else:
            y -= 1
    got = truncated_lengths(np.array([a]), np.array([b]), most)
    assert (got[0][0], got[1][0]) == (x, y)


@pytest.mark.parametrize("mode", MODES)
def test_equal_seeds_give_equal_pairs_and_others_do_not(mode: str) -> None:
    text = group_text(made_documents(40, (2, 30)))
    one, two, other = (pairs_of(text, mode, seed=s, masked_lm_prob=0.15) for s in (1, 1, 2))
    for name in ("a_start", "a_length", "b_start", "b_length", "label"):
        assert np.array_equal(getattr(one, name), getattr(two, name))
    if mode != "none":
        assert not np.array_equal(one.a_length, other.a_length)


@pytest.mark.parametrize("mode", ["balanced", "original", "sop"])
@pytest.mark.parametrize("length", [8, 64, 512])
def test_no_pair_is_too_long_and_no_side_empty(mode: str, length: int) -> None:
    pairs = pairs_of(group_text(made_documents(60, (1, 60), (1, 90))), mode, length)
    assert len(pairs) > 60
    assert (pairs.a_length + pairs.b_length <= length - 3).all()
    assert pairs.a_length.min() >= 1
    assert pairs.b_length.min() >= 1


def test_balanced_labels_are_half_and_random_means_another_document() -> None:
    pairs = pairs_of(group_text(made_documents(50, (1, 40))), "balanced")
    assert abs(2 * int(pairs.label.sum()) - len(pairs)) <= 1
    assert np.array_equal(pairs.label == 1, pairs.document_a != pairs.document_b)


def test_balanced_uses_every_b_once_under_either_label() -> None:
    text = group_text(made_documents(50, (2, 40)))
    pairs = pairs_of(text, "balanced")
    assert pairs.counts["drawn_with_replacement"] == 0
    # Trimming after an exchange moves a span's ends inwards, so its middle tells which B it was.
    middle = pairs.b_start + pairs.b_length // 2
    order = np.argsort(middle)
    ends = (pairs.b_start + pairs.b_length)[order]
    assert (pairs.b_start[order][1:] >= ends[:-1]).all()


def test_balanced_exchange_keeps_lengths() -> None:
    pairs = pairs_of(group_text(made_documents(200, (5, 60))), "balanced")
    for name in ("a_length", "b_length"):
        values = getattr(pairs, name)
        zero, one = (values[pairs.label == n] for n in (0, 1))
        assert abs(zero.mean() - one.mean()) < 4 * values.std() * (2 / len(zero)) ** 0.5


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.99])
def test_no_random_pair_within_a_document_that_holds_most_of_the_group(share: float) -> None:
    num_big = 3000
    num_small = int(num_big * (1 - share) / share)
    big = made_documents(1, (num_big, num_big))
    small = [(f"small/{n}", s) for n, (_, s) in enumerate(made_documents(max(1, num_small // 20), (20, 20), seed=1))]
    pairs = pairs_of(group_text([*big, *small]), "balanced")
    assert abs(2 * int(pairs.label.sum()) - len(pairs)) <= 1
    assert np.array_equal(pairs.label == 1, pairs.document_a != pairs.document_b)
    drawn = pairs.counts["drawn_with_replacement"]
    assert (drawn > 0) == (share >= 0.6)
    assert pairs.counts["borrowed"] == 0


def test_replacement_keeps_lengths_where_one_document_holds_most() -> None:
    big = made_documents(1, (4000, 4000))
    small = [(f"small/{n}", s) for n, (_, s) in enumerate(made_documents(30, (20, 20), seed=1))]
    pairs = pairs_of(group_text([*big, *small]), "balanced")
    zero, one = (pairs.b_length[pairs.label == n] for n in (0, 1))
    assert abs(zero.mean() - one.mean()) < 1.0


@pytest.mark.parametrize("mode", ["balanced", "original"])
def test_a_group_of_one_document_borrows_from_the_next_range_that_has_another(mode: str) -> None:
    text = group_text(made_documents(1, (200, 200)))
    same, other = group_text(made_documents(1, (50, 50))), [("other", made_documents(1, (80, 80), seed=2)[0][1])]
    lent = group_text(other)
    pairs = pairs_of(text, mode, lenders=lend(same, lent))
    assert pairs.counts["borrowed"] == int(pairs.label.sum()) > 10
    assert set(pairs.document_b[pairs.label == 1].tolist()) == set(lent.document_hash.tolist())
    words = {tuple(tokens_b(pairs, row)) for row in np.flatnonzero(pairs.label == 1).tolist()}
    source = lent.input_ids.tolist()
    assert all(any(source[i : i + len(w)] == list(w) for i in range(len(source))) for w in list(words)[:20])


@pytest.mark.parametrize("mode", ["balanced", "original"])
def test_a_split_of_one_document_is_an_error_that_says_so(mode: str) -> None:
    text = group_text(made_documents(1, (200, 200)))
    with pytest.raises(BuildError, match="needs a second document"):
        pairs_of(text, mode, lenders=lend(group_text(made_documents(1, (50, 50)))))


def test_an_error_counts_the_documents_of_one_sentence() -> None:
    text = group_text(made_documents(1, (200, 200)))
    ones = group_text([(f"one/{n}", [[7, 8, 9]]) for n in range(12)])
    with pytest.raises(BuildError, match="12 others have one sentence only"):
        pairs_of(text, "balanced", lenders=lend(ones))


def test_sop_and_full_sentences_need_no_second_document() -> None:
    text = group_text(made_documents(1, (200, 200)))
    for mode in ("sop", "none"):
        assert len(pairs_of(text, mode)) > 10


def test_documents_of_one_sentence_make_no_balanced_pair_and_are_counted() -> None:
    documents = [*made_documents(10, (20, 20)), *[(f"one/{n}", [[7, 8, 9]]) for n in range(7)]]
    pairs = pairs_of(group_text(documents), "balanced")
    assert pairs.counts["parts_without_pair"] == 7
    hashes = group_text(documents).document_hash[10:]
    assert not np.isin(pairs.document_a, hashes).any()


def test_an_empty_group_makes_no_pair() -> None:
    for mode in MODES:
        assert len(pairs_of(group_text([]), mode)) == 0


def test_a_true_pair_is_consecutive_text() -> None:
    documents = made_documents(3, (30, 30), (2, 6))
    pairs = pairs_of(group_text(documents), "balanced", short_seq_prob=0.0)
    flat = [[i for s in sentences for i in s] for _, sentences in documents]
    for row in np.flatnonzero(pairs.label == 0).tolist():
        gap = pairs.b_start[row] - pairs.a_start[row] - pairs.a_length[row]
        both = tokens_a(pairs, row), tokens_b(pairs, row)
        assert gap >= 0
        assert any(_follows(text, *both, int(gap)) for text in flat)


def _follows(text: list[int], a: list[int], b: list[int], gap: int) -> bool:
    size = len(a) + gap
    return any(text[i : i + len(a)] == a and text[i + size : i + size + len(b)] == b for i in range(len(text) - size))


def test_last_sentence_alone_joins_the_chunk_before_it() -> None:
    # 3 sentences of 30 tokens, target 61: two fill it only with the third, which would else be left alone.
    documents = [(f"d/{n}", [[7] * 31, [8] * 31, [9] * 31]) for n in range(20)]
    pairs = pairs_of(group_text(documents), "balanced", length=64, short_seq_prob=0.0)
    assert len(pairs) == 20
    assert pairs.counts["parts_without_pair"] == 0


def test_the_short_target_is_drawn_per_pair() -> None:
    text = group_text(made_documents(1, (5000, 5000), (4, 8)))
    pairs = pairs_of(text, "sop", length=128)
    short = (pairs.a_length + pairs.b_length < 110).mean()
    assert 0.06 < short < 0.14


def test_sop_swaps_exactly_half_within_the_document() -> None:
    pairs = pairs_of(group_text(made_documents(20, (20, 40))), "sop")
    assert abs(2 * int(pairs.label.sum()) - len(pairs)) <= 1
    assert np.array_equal(pairs.document_a, pairs.document_b)
    assert np.array_equal(pairs.label == 1, pairs.b_start < pairs.a_start)


def test_full_sentences_are_whole_and_never_cross_documents() -> None:
    documents = made_documents(20, (1, 40), (1, 50))
    text = group_text(documents)
    pairs = pairs_of(text, "none", length=64)
    assert pairs.b_length.max() == 0
    assert pairs.label.max() == 0
    assert np.isin(pairs.a_start, text.bounds).all()
    assert np.isin(pairs.a_start + pairs.a_length, text.bounds).all()
    assert pairs.a_length.max() <= 62
    assert pairs.a_length.sum() == len(text.input_ids)


def test_full_sentences_leave_no_room_for_the_next_sentence() -> None:
    text = group_text([("d", [[1] * 30, [2] * 30, [3] * 10, [4] * 22, [5] * 31])])
    pairs = pairs_of(text, "none", length=64)
    assert pairs.a_length.tolist() == [60, 63 - 31, 31]


@pytest.mark.parametrize("mode", ["balanced", "sop", "none"])
def test_text_without_a_sentence_end_is_cut_not_lost(mode: str) -> None:
    documents = [(f"d/{n}", [list(range(5, 905))]) for n in range(4)]
    pairs = pairs_of(group_text(documents), mode, length=64, short_seq_prob=0.0)
    assert pairs.counts["sentences_cut"] == 4
    used = int(pairs.a_length.sum() + pairs.b_length.sum())
    assert used > 0.95 * 4 * 900


def test_cut_sentences_keeps_every_token_in_order() -> None:
    text = group_text([("a", [[1] * 3, [2] * 20]), ("b", [[3] * 10, [4] * 11])])
    cut, num = cut_sentences(text, 10, 5)
    assert num == 2
    assert np.diff(cut.bounds).tolist() == [3, 5, 5, 5, 5, 10, 5, 5, 1]
    assert cut.part_bounds.tolist() == [0, 5, 9]
    assert cut.input_ids is text.input_ids


@settings(max_examples=300, deadline=None)
@given(st.lists(st.integers(0, 4), max_size=40))
def test_exchange_is_a_permutation_without_hits_wherever_one_exists(documents: list[int]) -> None:
    document = np.array(documents, dtype=np.int64)
    source, left = exchange(document)
    assert sorted(source.tolist()) == list(range(len(document)))
    hits = np.flatnonzero(document == document[source])
    assert np.array_equal(hits, left)
    most = np.bincount(document).max() if len(document) else 0
    # Hall: a derangement by document exists exactly where no document holds more than half.
    assert len(left) == max(0, 2 * int(most) - len(document))


def test_original_draws_until_it_meets_another_document() -> None:
    # 99 parts of one document, 1 of another: ten draws would often fail.
    text = group_text([*[(f"d/{n}", s) for n, (_, s) in enumerate(made_documents(100, (10, 10)))]])
    text = replace(text, document_hash=np.where(np.arange(100) < 99, 1, 2))
    pairs = pairs_of(text, "original")
    assert np.array_equal(pairs.label == 1, pairs.document_a != pairs.document_b)
