"""Where the line between training and validation lies: documents are surveyed file by file, and enough are held out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bertdata.errors import BuildError
from bertdata.rng import document_hash, split_key
from bertdata.splits import Survey, choose_threshold, survey_tokens
from tests.bertdata.example_corpora import made_documents, made_vocabulary, write_tokens


def keys_of(names: list[str]) -> list[int]:
    return sorted(int(key) for key in split_key(np.array([document_hash(name) for name in names], dtype=np.int64)))


def test_a_survey_counts_documents_and_those_of_two_sentences_over_parts_and_files(tmp_path: Path) -> None:
    documents = made_documents(60, (1, 4), seed=3)
    able = [name for name, sentences in documents if len(sentences) >= 2]
    assert 5 < 60 - len(able) < 30
    # Parts of one sentence: what a document has is the sum of its parts.
    files = [
        write_tokens(tmp_path / f"{n}.arrow", some, made_vocabulary(), parts_of=1)
        for n, some in enumerate((documents[:25], documents[25:]))
    ]
    first, second = map(survey_tokens, files)
    assert (first.documents, second.documents) == (25, 35)
    both = first + second
    assert (both.documents, both.able) == (60, len(able))
    assert both.smallest_split_keys == keys_of(able)[:2]
    assert first.smallest_split_keys == keys_of([name for name in able if int(name.split("/")[1]) < 25])[:2]


@pytest.mark.parametrize(
    ("pairs", "held_out"), [("balanced", [10, 20]), ("original", [10, 20]), ("sop", [10]), ("none", [10])]
)
def test_two_documents_are_held_out_at_least_where_pairs_need_two(pairs: str, held_out: list[int]) -> None:
    threshold = choose_threshold(Survey(50, 40, [10, 20]), 1e-19, pairs)
    assert [key for key in (10, 20) if key < threshold] == held_out
    assert choose_threshold(Survey(50, 40, [10, 20]), 0.5, pairs) == 1 << 63


@pytest.mark.parametrize(
    ("pairs", "documents", "able", "fraction", "message"),
    [
        ("balanced", 9, 1, 0.0, "1 of its 9 documents can make pairs"),
        ("sop", 9, 0, 0.0, "none of its 9 documents has enough sentences"),
        ("none", 0, 0, 0.0, "none of its 0 documents"),
        ("balanced", 9, 3, 0.1, "Only 3 of 9 documents can make pairs: too few to hold 2 out"),
        ("sop", 9, 1, 0.1, "too few to hold 1 out"),
        ("none", 1, 0, 0.1, "too few to hold 1 out"),
    ],
)
def test_too_few_documents_are_an_error(pairs: str, documents: int, able: int, fraction: float, message: str) -> None:
    with pytest.raises(BuildError, match=message):
        choose_threshold(Survey(documents, able, [1, 2][:able]), fraction, pairs)


@pytest.mark.parametrize(
    ("pairs", "documents", "able", "fraction"),
    [("balanced", 2, 2, 0.0), ("balanced", 4, 4, 0.1), ("sop", 2, 2, 0.1), ("sop", 1, 1, 0.0), ("none", 2, 0, 0.1)],
)
def test_just_enough_documents_are_enough(pairs: str, documents: int, able: int, fraction: float) -> None:
    assert (choose_threshold(Survey(documents, able, [1, 2]), fraction, pairs) > 0) == (fraction > 0)
