"""The coverage report's numbers, on words small enough to count by hand and on a file of counts."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bertdata.coverage import coverage, coverage_of_file
from bertdata.vocab import SPECIAL_TOKENS, make_vocabulary
from bertdata.words import SCHEMA

VOCABULARY = make_vocabulary([*SPECIAL_TOKENS, "un", "##do", "i", "##\u0307"], lowercase=True)
WORDS, COUNTS = ["un", "undo", "undodo", "xyz", "i\u0307", "a" * 40], [6, 5, 4, 3, 2, 10**13]


def test_shares_and_histograms_are_those_of_the_words() -> None:
    report = coverage(WORDS, COUNTS, VOCABULARY)
    total = sum(COUNTS)
    assert (report["words"], report["distinct_words"]) == (total, 6)
    assert (report["unknown_words"], report["distinct_unknown_words"]) == (10**13 + 3, 2)
    assert report["unknown_share"] == (10**13 + 3) / total
    assert report["pieces"] == 6 + 2 * 5 + 3 * 4 + 3 + 2 * 2 + 10**13
    assert report["pieces_histogram"][:4] == [0, 6 + 3 + 10**13, 5 + 2, 4]
    assert report["length_histogram"][32] == 10**13 and report["length_histogram"][2] == 6 + 2
    assert report["most_frequent_unknown"] == [("a" * 40, 10**13), ("xyz", 3)]


def test_a_file_gives_the_same_report_and_says_what_was_learned_from(tmp_path: Path) -> None:
    path = tmp_path / "word_counts.parquet"
    pq.write_table(pa.table([WORDS, COUNTS], schema=SCHEMA), path, row_group_size=2)
    report = coverage_of_file(path, VOCABULARY, max_words=3)
    learned = report.pop("learned_from")
    assert report == coverage(WORDS, COUNTS, VOCABULARY)
    assert learned == {"distinct_words": 3, "words": 10**13 + 11, "least_count": 5}


def test_no_words_have_no_share() -> None:
    report = coverage([], [], VOCABULARY)
    assert (report["words"], report["unknown_share"], report["pieces_per_word"]) == (0, 0.0, 0.0)
