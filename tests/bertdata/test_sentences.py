"""Sentences: as good as sentencex is said to be, for any language code, and bounded where text has no sentence ends."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bertdata.sentences import MAX_SENTENCE_CHARS, cut_sentence, language_code, split_sentences


def treebank(path: Path) -> list[list[str]]:
    """The sentences of a CoNLL-U file, paragraph by paragraph."""
    paragraphs: list[list[str]] = []
    for line in path.read_text("utf-8").splitlines():
        if line.startswith(("# newdoc", "# newpar")) and (not paragraphs or paragraphs[-1]):
            paragraphs.append([])
        if line.startswith("# text = "):
            paragraphs[-1].append(line.removeprefix("# text = "))
    return [p for p in paragraphs if p]


def ends(sentences: list[str]) -> set[int]:
    """Where sentences end, in characters that aren't white space."""
    found, at = set(), 0
    for sentence in sentences:
        at += len("".join(sentence.split()))
        found.add(at)
    return found


def test_boundaries_are_those_of_the_english_web_treebank(shared_data: Path) -> None:
    right = given_ = expected = 0
    for paragraph in treebank(shared_data / "sentences" / "en_ewt-ud-dev.conllu"):
        want, have = ends(paragraph), ends(split_sentences("en", " ".join(paragraph)))
        right, given_, expected = right + len(want & have), given_ + len(have), expected + len(want)
    f1 = 2 * right / (given_ + expected)
    assert expected == 2_001
    assert f1 > 0.85


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        ("en", "Mr. Smith came. He sat.", ["Mr. Smith came. ", "He sat."]),
        ("simple", "Mr. Smith came. He sat.", ["Mr. Smith came. ", "He sat."]),
        ("zh-yue", "你好。我是。", ["你好。", "我是。"]),
        ("hi", "यह पहला है। यह दूसरा है।", ["यह पहला है। ", "यह दूसरा है।"]),
        ("ar", "هل أنت هنا؟ نعم أنا هنا.", ["هل أنت هنا؟ ", "نعم أنا هنا."]),
        ("el", "Είσαι εδώ; Ναι, είμαι.", ["Είσαι εδώ; ", "Ναι, είμαι."]),
        ("tlh", "One came. Two sat.", ["One came. ", "Two sat."]),
        ("", "One came. Two sat.", ["One came. ", "Two sat."]),
        ("../\ud800\U0001f600", "One came. Two sat.", ["One came. ", "Two sat."]),
    ],
)
def test_any_language_code_gives_sentences(code: str, text: str, expected: list[str]) -> None:
    assert split_sentences(code, text) == expected


def test_a_region_or_a_script_does_not_change_the_language() -> None:
    assert {language_code(code) for code in ("en-GB", "EN", "en_US.UTF-8", " en ")} == {"en"}


def test_paragraphs_end_sentences_and_lines_do_not() -> None:
    assert split_sentences("en", "One\n\nTwo\nmore.\n\n\n\nThree") == ["One", "Two\nmore.", "Three"]
    assert split_sentences("en", "") == []


@settings(max_examples=100, deadline=None)
@given(st.text("ab. \n!?船\u0301(", max_size=300), st.integers(1, 20))
def test_cuts_lose_nothing(text: str, max_chars: int) -> None:
    pieces = cut_sentence(text, max_chars)
    assert "".join(pieces) == text
    assert all(pieces)


def test_a_cut_never_parts_a_word() -> None:
    text = "alpha beta\tgamma\u00a0delta " * 400
    pieces = cut_sentence(text)
    assert max(map(len, pieces)) <= MAX_SENTENCE_CHARS
    assert [word for piece in pieces for word in piece.split()] == text.split()
    assert cut_sentence("x" * 5_000) == ["x" * 5_000]
    assert cut_sentence("x" * 5_000 + " y") == ["x" * 5_000 + " ", "y"]
    assert max(map(len, cut_sentence("船" * 5_000))) == MAX_SENTENCE_CHARS


UNITS = ["lorem ipsum ", "船夫在河邊", "word, (and ", '"', "(", ".", "\n", "a.b."]


@pytest.mark.parametrize("unit", UNITS)
def test_ten_megabytes_on_one_line_become_bounded_sentences(unit: str) -> None:
    text = unit * (10_000_000 // len(unit.encode()))
    pieces = split_sentences("en", text)
    assert "".join(pieces) == text.replace("\n\n", "")
    assert max(map(len, pieces), default=0) <= MAX_SENTENCE_CHARS
