"""Ids are those of `tokenizers` for every Unicode string, whichever library makes them."""

from __future__ import annotations

import bz2
import functools
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bertdata import wordpiece
from bertdata.errors import BuildError, OptionError
from bertdata.vocab import SPECIAL_TOKENS, Vocabulary, make_vocabulary, read_vocabulary
from bertdata.wordpiece import CHECK_EVERY, Encoder, Ids, Library

LETTERS = [chr(code) for code in range(33, 127)] + list("éйї船夫ß")
SMALL = make_vocabulary([*SPECIAL_TOKENS, *LETTERS, *("##" + c for c in "abcйї"), "mask", "MASK"], lowercase=True)


CASED = make_vocabulary(SMALL.tokens, lowercase=False)


@functools.lru_cache(maxsize=8)
def encoder(vocabulary: Vocabulary, library: Library) -> Encoder:
    """An encoder, made once."""
    return Encoder(vocabulary, library=library)


def both(vocabulary: Vocabulary, texts: list[str]) -> Ids:
    """The ids of texts, after both libraries gave the same."""
    fast, slow = encoder(vocabulary, "nanotoken").encode(texts), encoder(vocabulary, "tokenizers").encode(texts)
    assert fast.ids.dtype == slow.ids.dtype == np.uint32
    assert fast.offsets.dtype == slow.offsets.dtype == np.int64
    np.testing.assert_array_equal(fast.offsets, slow.offsets)
    np.testing.assert_array_equal(fast.ids, slow.ids)
    return fast


def tokens(vocabulary: Vocabulary, text: str) -> list[str]:
    return [vocabulary.tokens[i] for i in both(vocabulary, [text]).ids]


VOCABULARIES = {"bert-base-uncased": True, "bert-base-cased": False, "bert-multilingual-cased": False}


@pytest.fixture(scope="module", params=VOCABULARIES)
def vocabulary(request: pytest.FixtureRequest, shared_data: Path) -> Vocabulary:
    return read_vocabulary(shared_data / "vocab" / f"{request.param}-vocab.txt", VOCABULARIES[request.param])


def test_typed_special_tokens_are_split_at_their_brackets() -> None:
    assert tokens(SMALL, "a [MASK] b") == ["a", "[", "mask", "]", "b"]
    assert tokens(CASED, "[MASK]") == ["[", "MASK", "]"]
    assert not set(both(SMALL, ["[PAD] [UNK] [CLS] [SEP] [MASK]"]).ids.tolist()) & {
        SMALL.pad_id,
        SMALL.cls_id,
        SMALL.sep_id,
        SMALL.mask_id,
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ab" * 50, ["a", *["##b", "##a"] * 49, "##b"]),
        ("ab" * 50 + "a", ["[UNK]"]),
        ("a" * 630, ["[UNK]"]),
        ("", []),
        (" \t\n\u2028\u3000", []),
        ("a\x0bb\x85c\u200bc\x00a", ["a", "##b", "##c", "##c", "##a"]),
        ("a\ud800b", ["a", "##b"]),
        ("船夫a", ["船", "夫", "a"]),
        ("cab\u0301", ["c", "##a", "##b"]),
        ("##a", ["#", "#", "a"]),
    ],
)
def test_words_are_those_of_berts_tokenizer(text: str, expected: list[str]) -> None:
    assert tokens(SMALL, text) == expected


def test_the_limit_of_a_word_can_be_moved() -> None:
    for library in ("nanotoken", "tokenizers"):
        short = Encoder(SMALL, max_word_chars=3, library=library)
        assert short.encode(["abca abc"]).ids.tolist() == [SMALL.unk_id, *(SMALL.ids[t] for t in ("a", "##b", "##c"))]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.text(), max_size=8))
def test_both_libraries_agree_on_any_unicode(texts: list[str]) -> None:
    both(SMALL, texts)
    both(CASED, texts)


@pytest.mark.parametrize("lowercase", [True, False])
def test_both_libraries_agree_on_every_character(shared_data: Path, lowercase: bool) -> None:
    vocabulary = read_vocabulary(shared_data / "vocab" / "bert-multilingual-cased-vocab.txt", lowercase)
    points = [*range(0xD800), *range(0xE000, 0x110000)]
    joined = ["".join(map(chr, points[i : i + 64])) for i in range(0, 0x3_4000, 64)]
    spaced = [" a".join(map(chr, points[i : i + 64])) for i in range(0, 0x3_4000, 640)]
    both(vocabulary, joined + spaced)


def test_both_libraries_agree_on_real_text_of_130_languages(vocabulary: Vocabulary, shared_data: Path) -> None:
    paragraphs = []
    for path in sorted((shared_data / "wikipedia" / "minidumps").glob("*.bz2")):
        text = bz2.decompress(path.read_bytes()).decode("utf-8", "replace")
        paragraphs += re.split(r"\n+", text)[:30]
    assert len(paragraphs) > 2_000
    both(vocabulary, paragraphs)


class _Wrong:
    """A fast library that gives one id too many, from the n-th batch on."""

    def __init__(self, real: Any, batches: int) -> None:
        self.real, self.batches = real, batches

    def encode_batch(self, texts: Any, **options: Any) -> tuple[Any, Any]:
        ids, offsets = self.real.encode_batch(texts, **options)
        self.batches -= 1
        return (ids if self.batches >= 0 else ids + np.uint32(1)), offsets


@pytest.mark.parametrize("batches", [0, 1])
def test_a_difference_between_the_libraries_stops_the_build(monkeypatch: pytest.MonkeyPatch, batches: int) -> None:
    load = wordpiece._load_fast
    monkeypatch.setattr(wordpiece, "_load_fast", lambda text: _Wrong(load(text), batches))
    with pytest.raises(BuildError, match=r"different ids for '.+BERTDATA_WORDPIECE=tokenizers"):
        Encoder(SMALL, library="nanotoken").encode(["abc"])


def test_a_fixed_share_of_texts_is_checked_whatever_the_batches() -> None:
    texts = ["a"] * (2 * CHECK_EVERY + 1)
    whole, pieces = (Encoder(SMALL, library="nanotoken") for _ in range(2))
    at_start = whole.num_checked
    whole.encode(texts)
    for start in range(0, len(texts), 300):
        pieces.encode(texts[start : start + 300])
    assert whole.num_checked == pieces.num_checked == at_start + 3


def test_the_library_is_the_one_named_or_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BERTDATA_WORDPIECE", raising=False)
    assert Encoder(SMALL).library == "nanotoken"
    monkeypatch.setattr(wordpiece.importlib.util, "find_spec", lambda name: None)
    assert Encoder(SMALL).library == "tokenizers"
    monkeypatch.setenv("BERTDATA_WORDPIECE", "nanotoken")
    assert Encoder(SMALL).library == "nanotoken"
    monkeypatch.setenv("BERTDATA_WORDPIECE", "fast")
    with pytest.raises(OptionError, match="'fast': nanotoken or tokenizers"):
        Encoder(SMALL)
    with pytest.raises(OptionError, match="'own': nanotoken or tokenizers"):
        Encoder(SMALL, library="own")  # type: ignore[arg-type]
