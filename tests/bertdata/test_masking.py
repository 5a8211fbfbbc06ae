"""Masks: how many, where, of what units, and what stands in their place; against the reference's rules."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from bertdata.errors import OptionError
from bertdata.masking import Masked, MaskRules, mask_rows, num_predictions
from bertdata.rng import rng_for
from tests.bertdata.example_corpora import VOCAB_SIZE, made_vocabulary
from tests.bertdata.reference_pairs import reference_masks

VOCABULARY = made_vocabulary()
CONTINUES = VOCABULARY.is_continuation
UNITS = ("token", "whole-word", "span")


def made_rows(num: int, length: int, seed: int = 0, pairs: bool = True) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows of random ids: one in five is short, and its length uniform."""
    rng = rng_for(seed, "rows")
    lengths = np.where(rng.random(num) < 0.2, rng.integers(5, length, size=num), length)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    b = rng.integers(3, lengths - 1) if pairs else lengths
    ids = rng.integers(5, VOCAB_SIZE, size=offsets[-1]).astype(np.uint16)
    ids[offsets[:-1]], ids[offsets[1:] - 1], ids[offsets[:-1] + b - 1] = 2, 3, 3
    return ids, offsets, b


def rules_of(masking: str, length: int, rate: float = 0.15) -> MaskRules:
    most = int(np.ceil(rate * length))
    return MaskRules(rate, most, masking, VOCABULARY.mask_id, VOCAB_SIZE, CONTINUES)  # type: ignore[arg-type]


def masked_rows(num: int, length: int, masking: str, rate: float = 0.15, seed: int = 0, pairs: bool = True):  # type: ignore[no-untyped-def]
    ids, offsets, b = made_rows(num, length, seed, pairs)
    keys = rng_for(seed, "keys").integers(0, 1 << 64, size=num, dtype=np.uint64)
    return ids, offsets, b, mask_rows(ids, offsets, b, keys, rules_of(masking, length, rate))


def flat_places(masked: Masked, offsets: np.ndarray) -> np.ndarray:
    return masked.positions + np.repeat(offsets[:-1], np.diff(masked.offsets))


def words_of(ids: np.ndarray, offsets: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the number of each token's word, -1 for special tokens; the plain way."""
    words, word = np.full(len(ids), -1), -1
    for row in range(len(b)):
        for at in range(int(offsets[row]) + 1, int(offsets[row + 1]) - 1):
            if at == offsets[row] + b[row] - 1:
                continue
            begins = at in (offsets[row] + 1, offsets[row] + b[row]) or not CONTINUES[ids[at]]
            word += bool(begins)
            words[at] = word
    return words


@pytest.mark.parametrize("length", range(3, 600))
def test_number_of_predictions_is_the_references(length: int) -> None:
    for rate in (0.15, 0.4, 0.35):
        assert num_predictions(np.array([length]), rate, 77)[0] == min(77, max(1, round(length * rate)))


@pytest.mark.parametrize("masking", UNITS)
@pytest.mark.parametrize("pairs", [True, False])
def test_mask_never_touches_special_tokens(masking: str, pairs: bool) -> None:
    ids, offsets, b, masked = masked_rows(3000, 64, masking, pairs=pairs)
    special = np.zeros(len(ids), dtype=bool)
    special[offsets[:-1]] = special[offsets[1:] - 1] = special[offsets[:-1] + b - 1] = True
    assert not special[flat_places(masked, offsets)].any()
    assert np.array_equal(masked.input_ids[special], ids[special])


@pytest.mark.parametrize("masking", UNITS)
@pytest.mark.parametrize("length", [8, 16, 128, 512])
def test_masks_are_sorted_and_labels_are_the_originals(masking: str, length: int) -> None:
    ids, offsets, _, masked = masked_rows(400, length, masking)
    places = flat_places(masked, offsets)
    assert (np.diff(places) > 0).all()
    assert np.array_equal(masked.labels, ids[places])
    restored = masked.input_ids.copy()
    restored[places] = masked.labels
    assert np.array_equal(restored, ids)


@pytest.mark.parametrize("rate", [0.15, 0.4, 0.01, 0.99])
@pytest.mark.parametrize("length", [8, 128, 512])
def test_token_masks_have_exactly_the_wanted_number(rate: float, length: int) -> None:
    _, offsets, _, masked = masked_rows(500, length, "token", rate)
    lengths = np.diff(offsets)
    wanted = num_predictions(lengths, rate, int(np.ceil(rate * length)))
    assert np.array_equal(np.diff(masked.offsets), np.minimum(wanted, lengths - 3))


@pytest.mark.parametrize("masking", ["whole-word", "span"])
@pytest.mark.parametrize("rate", [0.15, 0.4])
def test_words_and_spans_are_never_above_the_number_and_within_one_word_of_it(masking: str, rate: float) -> None:
    ids, offsets, b, masked = masked_rows(1000, 128, masking, rate)
    wanted = num_predictions(np.diff(offsets), rate, int(np.ceil(rate * 128)))
    short = wanted - np.diff(masked.offsets)
    longest = np.bincount(words_of(ids, offsets, b)[words_of(ids, offsets, b) >= 0]).max()
    assert short.min() >= 0
    assert short.max() < longest
    assert (short == 0).mean() > 0.95


@pytest.mark.parametrize("masking", ["whole-word", "span"])
def test_a_word_is_masked_with_all_its_pieces_or_not_at_all(masking: str) -> None:
    ids, offsets, b, masked = masked_rows(1000, 128, masking)
    words = words_of(ids, offsets, b)
    chosen = np.zeros(len(ids), dtype=bool)
    chosen[flat_places(masked, offsets)] = True
    per_word = [np.bincount(words[(words >= 0) & (chosen == c)], minlength=words.max() + 1) for c in (True, False)]
    assert not ((per_word[0] > 0) & (per_word[1] > 0)).any()
    assert (per_word[0] > 1).sum() > 100


def test_spans_have_spanberts_mean_length() -> None:
    # Geometric with p = 0.2 over 1 to 10 words has mean 3.8; neighbours merge and budgets cut, so runs lie near it.
    ids, offsets, b = made_rows(2000, 512)
    ids[CONTINUES[ids]] += 1
    keys = rng_for(3, "keys").integers(0, 1 << 64, size=2000, dtype=np.uint64)
    masked = mask_rows(ids, offsets, b, keys, rules_of("span", 512))
    places = flat_places(masked, offsets)
    runs = 1 + int((np.diff(places) > 1).sum())
    assert 3.3 < len(places) / runs < 4.8


@pytest.mark.parametrize("masking", UNITS)
def test_replacements_are_80_10_10(masking: str) -> None:
    ids, offsets, _, masked = masked_rows(8_000, 128, masking)
    places = flat_places(masked, offsets)
    new, old = masked.input_ids[places], ids[places]
    num, factor = len(places), 10 if masking == "span" else 1
    shares = {0.8: (new == 4).mean(), 0.1: (new == old).mean()}
    for expected, got in shares.items():
        assert abs(got - expected) < 4 * (expected * (1 - expected) * factor / num) ** 0.5 + 0.1 / VOCAB_SIZE
    assert sum(masked.replaced) == num


def test_random_tokens_are_uniform_over_the_whole_vocabulary() -> None:
    from scipy.stats import chisquare

    ids, offsets, _, masked = masked_rows(40_000, 128, "token")
    places = flat_places(masked, offsets)
    new, old = masked.input_ids[places], ids[places]
    drawn = np.bincount(new[(new != old) & (new != 4)], minlength=VOCAB_SIZE)
    assert drawn[:4].min() > 0  # [PAD], [UNK], [CLS], [SEP] too, as in the reference
    assert chisquare(np.delete(drawn, 4)).pvalue > 0.001


def test_token_positions_are_uniform() -> None:
    from scipy.stats import chisquare

    ids, offsets, b = made_rows(30_000, 64)
    full = np.flatnonzero(np.diff(offsets) == 64)
    b = np.full(len(full), 30)
    ids = np.concatenate([ids[offsets[r] : offsets[r + 1]] for r in full.tolist()])
    offsets = np.arange(len(full) + 1) * 64
    keys = rng_for(1, "keys").integers(0, 1 << 64, size=len(full), dtype=np.uint64)
    masked = mask_rows(ids, offsets, b, keys, rules_of("token", 64))
    counts = np.delete(np.bincount(masked.positions, minlength=64), [0, 29, 63])
    assert chisquare(counts).pvalue > 0.001


def test_masks_depend_on_the_rows_key_alone() -> None:
    ids, offsets, b = made_rows(3000, 64)
    keys = rng_for(1, "keys").integers(0, 1 << 64, size=3000, dtype=np.uint64)
    for masking in UNITS:
        whole = mask_rows(ids, offsets, b, keys, rules_of(masking, 64))
        low, high = 1000, 1300
        some = mask_rows(
            ids[offsets[low] : offsets[high]],
            offsets[low : high + 1] - offsets[low],
            b[low:high],
            keys[low:high],
            rules_of(masking, 64),
        )
        assert np.array_equal(some.input_ids, whole.input_ids[offsets[low] : offsets[high]])
        assert np.array_equal(some.positions, whole.positions[whole.offsets[low] : whole.offsets[high]])


def test_other_keys_give_other_masks() -> None:
    one, two = (masked_rows(1, 128, "token", seed=s)[3] for s in (1, 2))
    assert not np.array_equal(one.positions, two.positions)


@pytest.mark.parametrize("masking", UNITS)
def test_no_rows_give_no_masks(masking: str) -> None:
    empty = np.zeros(0, np.int64)
    masked = mask_rows(
        np.zeros(0, np.uint16), np.zeros(1, np.int64), empty, empty.astype(np.uint64), rules_of(masking, 8)
    )
    assert len(masked.input_ids) == len(masked.positions) == 0
    assert masked.offsets.tolist() == [0]


def test_ids_of_large_vocabularies_are_masked_too() -> None:
    ids, offsets, b = made_rows(500, 64)
    keys = rng_for(1, "keys").integers(0, 1 << 64, size=500, dtype=np.uint64)
    rules = replace(rules_of("token", 64), vocab_size=120_000)
    masked = mask_rows(ids.astype(np.uint32) + 100_000, offsets, b, keys, rules)
    assert masked.input_ids.max() > 100_000
    assert masked.labels.min() > 100_000


def test_whole_words_without_a_vocabulary_are_refused() -> None:
    with pytest.raises(OptionError, match="needs the vocabulary"):
        MaskRules(0.15, 20, "whole-word", 4, 1000)


@pytest.mark.parametrize("whole_word", [False, True])
def test_masks_are_the_references(whole_word: bool) -> None:
    from scipy.stats import chi2_contingency, ks_2samp

    ids, offsets, b = made_rows(3000, 64)
    rules = rules_of("whole-word" if whole_word else "token", 64)
    keys = rng_for(9, "keys").integers(0, 1 << 64, size=3000, dtype=np.uint64)
    ours = mask_rows(ids, offsets, b, keys, rules)
    continuation = set(np.flatnonzero(CONTINUES).tolist())
    rng, counts, fates, places = random.Random(9), [], [0, 0, 0], []
    for row in range(3000):
        tokens = ids[offsets[row] : offsets[row + 1]].tolist()
        specials = {0, int(b[row]) - 1, len(tokens) - 1}
        output, at, labels = reference_masks(
            tokens, specials, continuation, VOCAB_SIZE, 4, 0.15, rules.max_predictions, whole_word, rng
        )
        counts.append(len(at))
        places += at
        for position, label in zip(at, labels, strict=True):
            fates[0 if output[position] == 4 else 1 if output[position] == label else 2] += 1
    new = ours.input_ids[flat_places(ours, offsets)]
    mine = [(new == 4).sum(), (new == ours.labels).sum(), ((new != 4) & (new != ours.labels)).sum()]
    assert chi2_contingency([fates, mine]).pvalue > 0.001
    assert ks_2samp(ours.positions, places).pvalue > 0.001
    if whole_word:
        assert ks_2samp(np.diff(ours.offsets), counts).pvalue > 0.001
    else:
        assert np.diff(ours.offsets).tolist() == counts
