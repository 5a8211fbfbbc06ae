"""Pairs against the plain reference, on 100,000 pairs of real text and every statistic that tells them apart.

Targets are drawn per document, so pairs of short documents come in clusters; what is compared by tests of independent
draws is therefore made at the full target, and short targets by the first pair of every document.
"""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bertdata import pairs_original
from bertdata.example_options import ExampleOptions
from bertdata.group import GroupText, read_group
from bertdata.pairs import Pairs, make_pairs
from bertdata.ranges import HASH_SPACE, HashRange
from bertdata.rng import rng_for
from tests.bertdata.example_corpora import as_lists, write_novels
from tests.bertdata.reference_pairs import Instance, reference_pairs

LENGTH = 64
MOST = LENGTH - 3
SENTENCES = 25
P = 0.001


@pytest.fixture(scope="module")
def text(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> GroupText:
    """17 MB of novels, every 25 sentences as a document of their own: what the reference's rules see."""
    _, tokens = write_novels(shared_data, tmp_path_factory.mktemp("novels"), 17_000_000)
    text = read_group([str(tokens)], HashRange(0, HASH_SPACE), "train", 0)
    bounds = np.unique(np.append(np.arange(0, text.num_sentences, SENTENCES), text.num_sentences))
    return replace(text, part_bounds=bounds, document_hash=np.arange(len(bounds) - 1))


def nothing_lent() -> None:
    """Lend nothing: the group is the whole split."""


def fast(text: GroupText, mode: str, seed: int, short: float = 0.1) -> Pairs:
    options = ExampleOptions(pairs=mode, short_seq_prob=short)  # type: ignore[arg-type]
    return make_pairs(text, options, LENGTH, rng_for(seed, "test"), nothing_lent)


@pytest.fixture(scope="module")
def expected(text: GroupText) -> list[Instance]:
    documents = as_lists(text)
    return [i for seed in (1, 2) for i in reference_pairs(documents, LENGTH, 0.0, random.Random(seed))]


@pytest.fixture(scope="module")
def made(text: GroupText) -> list[Pairs]:
    return [fast(text, "original", seed, short=0.0) for seed in (1, 2)]


def joined(made: list[Pairs], name: str) -> np.ndarray:
    return np.concatenate([getattr(pairs, name) for pairs in made])


def same_counts(a: np.ndarray, b: np.ndarray) -> float:
    """Return the p-value of two rows of counts having one distribution."""
    from scipy.stats import chi2_contingency

    table = np.array([a, b], dtype=float)
    return float(chi2_contingency(table[:, table.sum(axis=0) >= 10]).pvalue)


def test_both_make_at_least_100_000_pairs(expected: list[Instance], made: list[Pairs]) -> None:
    assert len(expected) >= 100_000
    assert sum(map(len, made)) >= 100_000


def test_share_of_random_next_is_the_references(expected: list[Instance], made: list[Pairs]) -> None:
    ours, theirs = joined(made, "label"), np.array([i.is_random for i in expected])
    assert same_counts(np.bincount(ours, minlength=2), np.bincount(theirs.astype(int), minlength=2)) > P
    assert 0.52 < theirs.mean() < 0.68  # not 50/50: the reason for `balanced`


@pytest.mark.parametrize("side", ["a", "b", "total"])
def test_lengths_are_the_references(expected: list[Instance], made: list[Pairs], side: str) -> None:
    from scipy.stats import ks_2samp

    a, b = joined(made, "a_length"), joined(made, "b_length")
    for label in (0, 1):
        ours = {"a": a, "b": b, "total": a + b}[side][joined(made, "label") == label]
        some = [i for i in expected if i.is_random == label]
        theirs = {
            "a": [len(i.a) for i in some],
            "b": [len(i.b) for i in some],
            "total": [len(i.a) + len(i.b) for i in some],
        }[side]
        assert ks_2samp(ours, theirs).pvalue > P


def test_share_at_full_length_is_the_references(expected: list[Instance], made: list[Pairs]) -> None:
    ours = joined(made, "a_length") + joined(made, "b_length") == MOST
    theirs = np.array([len(i.a) + len(i.b) == MOST for i in expected])
    counts = [np.bincount(x.astype(int), minlength=2) for x in (ours, theirs)]
    assert same_counts(counts[0], counts[1]) > P


def test_pairs_per_document_are_the_references(text: GroupText, expected: list[Instance], made: list[Pairs]) -> None:
    from scipy.stats import ks_2samp, wilcoxon

    ours = np.bincount(joined(made, "document_a"), minlength=text.num_parts)
    theirs = np.bincount([i.document_a for i in expected], minlength=text.num_parts)
    assert ks_2samp(ours, theirs).pvalue > P
    assert wilcoxon(ours, theirs).pvalue > P


def test_bs_document_is_uniform_over_the_other_documents(text: GroupText, made: list[Pairs]) -> None:
    from scipy.stats import chisquare

    random_next = joined(made, "label") == 1
    a, b = joined(made, "document_a")[random_next], joined(made, "document_b")[random_next]
    assert (a != b).all()
    others = (len(a) - np.bincount(a, minlength=text.num_parts)) / (text.num_parts - 1)
    assert chisquare(np.bincount(b, minlength=text.num_parts), others).pvalue > P


def test_actual_next_follows_in_the_same_document(made: list[Pairs]) -> None:
    follows = joined(made, "label") == 0
    assert (joined(made, "document_a")[follows] == joined(made, "document_b")[follows]).all()
    gap = joined(made, "b_start") - joined(made, "a_start") - joined(made, "a_length")
    assert (gap[follows] >= 0).all()


def test_short_targets_are_the_references(text: GroupText) -> None:
    from scipy.stats import ks_2samp

    pairs = fast(text, "original", 6, short=0.5)
    first = np.unique(pairs.document_a, return_index=True)[1]
    theirs = {}
    for instance in reference_pairs(as_lists(text), LENGTH, 0.5, random.Random(6)):
        theirs.setdefault(instance.document_a, instance)
    some = list(theirs.values())
    assert ks_2samp(pairs.a_length[first], [len(i.a) for i in some]).pvalue > P
    assert ks_2samp(pairs.b_length[first], [len(i.b) for i in some]).pvalue > P
    labels = np.bincount([i.is_random for i in some], minlength=2)
    assert same_counts(np.bincount(pairs.label[first], minlength=2), labels) > P


@pytest.fixture(scope="module")
def untruncated(text: GroupText) -> Pairs:
    """Pairs at the full target only, before truncation: whole sentences, so choices can be read off."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pairs_original, "truncate", lambda pairs, most, rng: pairs)
        return fast(text, "original", 3, short=0.0)


def chunk_sizes(text: GroupText, pairs: Pairs) -> tuple[np.ndarray, np.ndarray]:
    """Return how many sentences each pair's chunk had, and how many of them A took."""
    first = np.searchsorted(text.bounds, pairs.a_start)
    a_end = np.searchsorted(text.bounds, pairs.a_start + pairs.a_length) - first
    last = np.searchsorted(text.bounds, text.bounds[first] + MOST)
    ends = text.part_bounds[1:][np.searchsorted(text.part_bounds, first, side="right") - 1]
    return np.minimum(np.maximum(last, first + 1), ends) - first, a_end


def test_a_takes_a_uniform_number_of_the_chunks_sentences(text: GroupText, untruncated: Pairs) -> None:
    from scipy.stats import chisquare

    sizes, a_end = chunk_sizes(text, untruncated)
    assert (a_end[sizes == 1] == 1).all()
    for size in range(3, 8):
        counts = np.bincount(a_end[sizes == size], minlength=size)[1:]
        assert len(counts) == size - 1
        assert chisquare(counts).pvalue > P


def test_random_next_is_a_fair_coin_where_the_chunk_has_two_sentences(text: GroupText, untruncated: Pairs) -> None:
    from scipy.stats import binomtest

    sizes, _ = chunk_sizes(text, untruncated)
    several = untruncated.label[sizes >= 2]
    assert (untruncated.label[sizes == 1] == 1).all()
    assert binomtest(int(several.sum()), len(several)).pvalue > P


def test_random_b_starts_at_a_uniform_sentence(text: GroupText, untruncated: Pairs) -> None:
    from scipy.stats import kstest

    sentence = np.searchsorted(text.bounds, untruncated.b_start[untruncated.label == 1])
    part = np.searchsorted(text.part_bounds, sentence, side="right") - 1
    sizes = np.diff(text.part_bounds)[part]
    inside = (sentence - text.part_bounds[part] + rng_for(1, "jitter").random(len(part))) / sizes
    assert kstest(inside, "uniform").pvalue > P


def test_tokens_are_cut_from_front_and_back_alike(
    text: GroupText, untruncated: Pairs, expected: list[Instance]
) -> None:
    from scipy.stats import binomtest

    from bertdata.pairs import truncate

    cut = truncate(untruncated, MOST, rng_for(4, "test"))
    front = (cut.a_start - untruncated.a_start) + (cut.b_start - untruncated.b_start)
    total = untruncated.a_length + untruncated.b_length - cut.a_length - cut.b_length
    assert total.sum() == cut.counts["truncated_tokens"]
    assert binomtest(int(front.sum()), int(total.sum())).pvalue > P
    theirs = sum(i.front_cut for i in expected), sum(i.front_cut + i.back_cut for i in expected)
    assert binomtest(*theirs).pvalue > P
    assert ((cut.a_length + cut.b_length) <= MOST).all()


def boosted_accuracy(features: np.ndarray, label: np.ndarray) -> tuple[float, float]:
    """Return what gradient boosting gets right on the second half, and two standard errors."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    order = rng_for(1, "halves").permutation(len(label))
    train, test = np.split(order, [len(label) // 2])
    # One thread: threads that wait for each other on a busy machine burn more than they save.
    with threadpool_limits(1):
        model = HistGradientBoostingClassifier(max_iter=20, random_state=0).fit(features[train], label[train])
    return model.score(features[test], label[test]), 2 * 0.5 / len(test) ** 0.5


def test_lengths_do_not_tell_a_balanced_label(text: GroupText) -> None:
    pairs = fast(text, "balanced", 5)
    features = np.column_stack([pairs.a_length, pairs.b_length, pairs.a_length + pairs.b_length])
    accuracy, error = boosted_accuracy(features, pairs.label)
    assert accuracy <= max(0.51, 0.5 + error)


def test_sentence_counts_do_not_tell_a_balanced_label(text: GroupText) -> None:
    from sklearn.linear_model import LogisticRegression

    pairs = fast(text, "balanced", 6)
    counts = [
        np.searchsorted(text.bounds, start + length) - np.searchsorted(text.bounds, start, side="right") + 1
        for start, length in ((pairs.a_start, pairs.a_length), (pairs.b_start, pairs.b_length))
    ]
    features = np.column_stack(counts)
    half = len(features) // 2
    order = rng_for(2, "halves").permutation(len(features))
    train, test = order[:half], order[half:]
    model = LogisticRegression().fit(features[train], pairs.label[train])
    accuracy = model.score(features[test], pairs.label[test])
    assert accuracy <= max(0.51, 0.5 + 1 / len(test) ** 0.5)
