"""The learner's tokens are those of `tokenizers`' trainer, pinned; and it goes on where 32 bits end."""

from __future__ import annotations

import bz2
import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bertdata import pair_merges
from bertdata.errors import OptionError
from bertdata.vocab import SPECIAL_TOKENS
from bertdata.wordpiece_learner import learn_wordpiece
from bertdata.words import WordSplitter


def trainer_tokens(counts: dict[str, int], size: int) -> list[str]:
    """What the trainer of `tokenizers` learns, with all that is random in it pinned."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    alphabet = sorted({c for word in counts for c in word})
    inside = sorted({"##" + c for word in counts for c in word[1:]})
    trainer = trainers.WordPieceTrainer(
        vocab_size=size, min_frequency=0, show_progress=False, special_tokens=[*SPECIAL_TOKENS, *alphabet, *inside]
    )
    tokenizer.train_from_iterator((" ".join([word] * n) for word, n in sorted(counts.items())), trainer)
    ids = tokenizer.get_vocab()
    return sorted(ids, key=ids.__getitem__)


def learn(counts: dict[str, int], size: int, limit_alphabet: int | None = None) -> list[str]:
    words = sorted(counts)
    return learn_wordpiece(words, [counts[w] for w in words], size, limit_alphabet=limit_alphabet)


def words_of(text: str, lowercase: bool = True) -> dict[str, int]:
    return {w: n for w, n in Counter(WordSplitter(lowercase).words(text)).items() if len(w) <= 100}


@pytest.mark.parametrize(("lowercase", "size"), [(True, 4_000), (False, 4_000), (True, 300)])
def test_novels_give_the_trainers_tokens(shared_data: Path, lowercase: bool, size: int) -> None:
    path = sorted((shared_data / "books" / "novels").glob("*.txt"))[0]
    counts = words_of(path.read_text("utf-8-sig")[:400_000], lowercase)
    assert learn(counts, size) == trainer_tokens(counts, size)


@pytest.mark.parametrize("language", ["zh", "uk", "ja", "ar", "th", "ko"])
def test_other_scripts_give_the_trainers_tokens(shared_data: Path, language: str) -> None:
    path = shared_data / "wikipedia" / "minidumps" / f"{language}.xml.bz2"
    if not path.is_file():
        pytest.skip(f"no {path.name}")
    counts = words_of(bz2.decompress(path.read_bytes()).decode()[:200_000])
    alphabet = len({c for w in counts for c in w})
    size = len(SPECIAL_TOKENS) + 2 * alphabet + 500
    expected = trainer_tokens(counts, size)
    assert learn(counts, len(expected), limit_alphabet=alphabet) == expected


word_counts = st.dictionaries(st.text("abc", min_size=1, max_size=9), st.integers(1, 3), min_size=2, max_size=30)


@settings(max_examples=120, deadline=None)
@given(word_counts, st.sampled_from([1, 96]))
@example({"aaaa": 1, "aaa": 2, "aa": 1, "baaaa": 1}, 1)
@example({"abab": 1, "ababab": 2, "bab": 3}, 1)
def test_ties_and_runs_end_as_the_trainers(counts: dict[str, int], many: int) -> None:
    before, pair_merges._MANY = pair_merges._MANY, many
    try:
        for size in (len(trainer_tokens(counts, 5_000)), 14, 18):
            expected = trainer_tokens(counts, size)
            if len(expected) == size:
                assert learn(counts, size) == expected
    finally:
        pair_merges._MANY = before


def test_counts_beyond_32_bits_keep_their_order() -> None:
    small = {"the": 9, "then": 4, "hat": 3, "that": 7, "heat": 1}
    size = len(trainer_tokens(small, 5_000))
    for factor in (10**13, 10**17):
        assert learn({w: n * factor for w, n in small.items()}, size) == learn(small, size)
    # In 32 bits 2**32 + 1 occurrences are 1: "xy" would come last, as "the" did in a corpus of 160 GB.
    assert learn({"xy": 2**32 + 1, "zw": 10**6}, 10)[-1] == "xy"


def test_cjk_characters_never_continue_a_word(shared_data: Path) -> None:
    text = "老船夫 andersen 在河邊的船上。老船夫 anders。" * 3
    tokens = learn(words_of(text), 32)
    assert [t for t in tokens if re.search("[\u4e00-\u9fff]", t) and len(t) > 1] == []
    assert "船" in tokens and "##n" in tokens


@pytest.mark.parametrize("size", [30, 33])
def test_the_size_is_exact_and_the_specials_come_first(size: int) -> None:
    tokens = learn({"low": 5, "lower": 2, "newest": 6, "widest": 3}, size)
    assert len(tokens) == len(set(tokens)) == size
    assert tokens[:5] == ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def test_too_little_text_says_the_largest_size() -> None:
    counts = {"low": 5, "lower": 2}
    with pytest.raises(OptionError, match=r"--vocab-size 30,522 is more than .+: 18 is the largest"):
        learn(counts, 30_522)
    assert len(learn(counts, 18)) == 18
    with pytest.raises(OptionError, match="5 is the largest"):
        learn({}, 100)


def test_an_alphabet_that_does_not_fit_is_refused_with_its_size() -> None:
    with pytest.raises(OptionError, match=r"--vocab-size 12 can't hold .+ 14 tokens"):
        learn({"low": 5, "lower": 2}, 12, limit_alphabet=5)
    with pytest.raises(OptionError, match="--limit-alphabet is 0"):
        learn({"low": 5}, 12, limit_alphabet=0)


def test_rare_characters_are_left_out_and_teach_nothing() -> None:
    tokens = learn({"aa": 9, "ab": 8, "xaa": 1}, 11, limit_alphabet=2)
    assert tokens[5:] == ["a", "b", "##a", "##b", "aa", "ab"]
    # Without a limit the rarest make room as far as the size demands.
    assert learn({"aa": 9, "ab": 8, "xaa": 1}, 9)[5:] == ["a", "b", "##a", "##b"]


def test_a_frequency_below_the_minimum_is_not_learned() -> None:
    with pytest.raises(OptionError, match="11 is the largest"):
        learn_wordpiece(["ab", "cd"], [9, 2], 13, min_frequency=10)
    assert learn_wordpiece(["ab", "cd"], [9, 2], 12, min_frequency=3)[-1] == "ab"
