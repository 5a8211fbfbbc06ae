"""Counted words are those of BERT's normaliser and pre-tokeniser, exactly, for any text in any files."""

from __future__ import annotations

import bz2
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bertdata import word_counts, words
from bertdata.documents import write_documents
from bertdata.errors import OptionError
from bertdata.records import Document
from bertdata.word_counts import count_words, learn_from_counts, merge_counts, read_counts, smallest_count, word_hash
from bertdata.words import WordSplitter, add_counts, count_pieces


def documents(path: Path, texts: list[str]) -> Path:
    write_documents(
        path, [Document(f"t/{path.stem}{i}", "t", "t", t, "en", "", "", "CC0") for i, t in enumerate(texts)]
    )
    return path


def fast(texts: list[str], lowercase: bool) -> dict[str, int]:
    table = WordSplitter(lowercase).split(count_pieces([text.encode() for text in texts]))
    assert len(set(table["word"].to_pylist())) == table.num_rows
    return dict(zip(table["word"].to_pylist(), table["count"].to_pylist(), strict=True))


def plain(texts: list[str], lowercase: bool) -> dict[str, int]:
    splitter = WordSplitter(lowercase)
    return dict(Counter(word for text in texts for word in splitter.words(text)))


def counted(path: Path) -> dict[str, int]:
    table = pq.read_table(path)
    return dict(zip(table["word"].to_pylist(), table["count"].to_pylist(), strict=True))


ODD = "a b\tc\nd\re\x0bf\x0cg\x1ch\x85i\u2028j\u2029k\u00a0l\u3000m\u200bn\u00ado\ufeffp\x00q\ufffdr\x7fs\u180et"


@settings(max_examples=120, deadline=None)
@given(st.lists(st.text(), max_size=6), st.booleans())
@example([ODD], True)
@example(["船夫老anders 船\u0301a ﹐䷀b\u4dbf\u3400c\uf900\ufaffd\ufb00"], True)
@example(["İẞΣ ≮ a\u0338 <\u0338 e\u0301\u0302 \u0301a"], True)
@example(["\U00020000\U0002a6df a\U0002f800b", "", " "], False)
def test_words_are_those_of_the_library_for_any_unicode(texts: list[str], lowercase: bool) -> None:
    assert fast(texts, lowercase) == plain(texts, lowercase)


@pytest.mark.parametrize("lowercase", [True, False])
def test_words_are_those_of_the_library_around_every_character(lowercase: bool) -> None:
    points = [*range(0xD800), *range(0xE000, 0x2_0100), *range(0x3_0000, 0x3_0100), *range(0xE_0000, 0xE_0200)]
    text = "".join(f"a{chr(point)}b" + " " * (point % 7 == 0) for point in points)
    assert fast([text], lowercase) == plain([text], lowercase)


@pytest.mark.parametrize("lowercase", [True, False])
def test_words_are_those_of_the_library_in_130_languages(shared_data: Path, lowercase: bool) -> None:
    paths = sorted((shared_data / "wikipedia" / "minidumps").glob("*.bz2"))
    texts = [bz2.decompress(path.read_bytes()).decode()[:8_000] for path in paths]
    assert len(texts) > 100
    assert fast(texts, lowercase) == plain(texts, lowercase)


def test_windows_of_any_size_give_the_same_words(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "Der Fährmann, 老船夫, lost\u2028his coat—twice! " * 40
    for size in (1, 7, 64, 1_000):
        monkeypatch.setattr(words, "WINDOW_BYTES", max(size, 64))
        monkeypatch.setattr(words, "_LIBRARY_CHARS", max(size, 40))
        assert fast([text], True) == plain([text], True)


def test_a_partial_file_has_its_words_in_ranges_of_their_hash(tmp_path: Path) -> None:
    path = documents(tmp_path / "d.parquet", ["The cat and the dog.", "the END"])
    result = count_words(path, tmp_path / "c.parquet", lowercase=True, num_ranges=4)
    assert result == {"words": 8, "distinct_words": 6, "long_words": 0}
    assert counted(tmp_path / "c.parquet") == {"the": 3, "cat": 1, "and": 1, "dog": 1, ".": 1, "end": 1}
    file = pq.ParquetFile(tmp_path / "c.parquet")
    assert file.num_row_groups == 4
    for number in range(4):
        found = file.read_row_group(number)["word"]
        assert word_hash(found).tolist() == sorted(word_hash(found).tolist())
        assert ((word_hash(found) >> np.uint64(62)) == number).all()


def test_the_hash_of_a_word_depends_on_its_bytes_alone() -> None:
    array = pa.array(["", "a", "船", "a"], pa.large_string())
    found = word_hash(array)
    assert found[1] == found[3] and len(set(found.tolist())) == 3
    assert (word_hash(array.slice(1, 2)) == found[1:3]).all()
    many = word_hash(pa.array([f"w{i}" for i in range(20_000)], pa.large_string()))
    assert len(np.unique(many)) == 20_000
    assert np.bincount((many >> np.uint64(58)).astype(int), minlength=64).min() > 220  # 312 expected


@pytest.mark.parametrize("at_once", [100, 2])
def test_merged_files_are_the_same_bytes_whatever_the_order_and_the_cut(
    at_once: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(word_counts, "MAX_FILES_TO_MERGE", at_once)
    texts = ["The cat sat.", "A dog, the cat", "", "船 the end", "the"]
    cuts: list[list[list[str]]] = [[texts], [texts[:2], texts[2:]], [[t] for t in reversed(texts)]]
    outputs = []
    for number, cut in enumerate(cuts):
        partial = []
        for i, some in enumerate(cut):
            partial.append(tmp_path / f"{number}-{i}.counts")
            count_words(documents(tmp_path / f"{number}-{i}.parquet", some), partial[-1], lowercase=True)
        outputs.append(tmp_path / f"{number}.parquet")
        assert merge_counts(partial[::-1], outputs[-1]) == {"words": 13, "distinct_words": 9}
    assert len({path.read_bytes() for path in outputs}) == 1
    assert counted(outputs[0])["the"] == 4
    assert not list(tmp_path.rglob("*.merged"))


def test_spilled_words_are_the_same_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = documents(tmp_path / "d.parquet", [" ".join(f"w{i * 7919 % 5_000}" for i in range(20_000))] * 3)
    whole = count_words(path, tmp_path / "whole.parquet", lowercase=True)
    monkeypatch.setattr(word_counts, "MAX_PIECES_BYTES", 1_000)
    monkeypatch.setattr(word_counts, "MAX_WORDS_BYTES", 1_000)
    assert count_words(path, tmp_path / "spilled.parquet", lowercase=True) == whole
    assert (tmp_path / "whole.parquet").read_bytes() == (tmp_path / "spilled.parquet").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["d.parquet", "spilled.parquet", "whole.parquet"]


@pytest.mark.parametrize("word", ["x", "й"])
def test_a_word_of_ten_megabytes_is_counted_and_left_out(tmp_path: Path, word: str) -> None:
    path = documents(tmp_path / "d.parquet", ["the " + word * (10_000_000 // len(word.encode())) + " end"])
    result = count_words(path, tmp_path / "c.parquet", lowercase=True)
    assert {"the", "end"} <= set(counted(tmp_path / "c.parquet"))
    assert result["long_words"] >= 1 and result["distinct_words"] <= 4


def test_words_up_to_the_limit_are_kept(tmp_path: Path) -> None:
    path = documents(tmp_path / "d.parquet", ["é" * 100 + " " + "ü" * 101])
    result = count_words(path, tmp_path / "c.parquet", lowercase=False)
    assert result == {"words": 1, "distinct_words": 1, "long_words": 1}


def test_counts_are_added_in_64_bits() -> None:
    table = pa.table({"word": ["a", "b", "a"], "count": [10**13, 1, 2**62]}, schema=words.SCHEMA)
    assert add_counts([table]).to_pylist() == [{"word": "a", "count": 10**13 + 2**62}, {"word": "b", "count": 1}]


def test_no_documents_make_an_empty_file(tmp_path: Path) -> None:
    result = count_words(documents(tmp_path / "d.parquet", []), tmp_path / "c.parquet", lowercase=True)
    assert result == {"words": 0, "distinct_words": 0, "long_words": 0}
    assert merge_counts([tmp_path / "c.parquet"], tmp_path / "m.parquet") == {"words": 0, "distinct_words": 0}
    assert read_counts(tmp_path / "m.parquet").words == []
    with pytest.raises(OptionError, match="5 is the largest"):
        learn_from_counts(tmp_path / "m.parquet", 100)


def test_rare_words_beyond_the_bound_are_pruned_and_counted(tmp_path: Path) -> None:
    path = documents(tmp_path / "d.parquet", ["a a a b b c c d e"])
    count_words(path, tmp_path / "c.parquet", lowercase=True)
    found = read_counts(tmp_path / "c.parquet", max_words=4)
    assert (found.words, found.counts.tolist()) == (["a", "b", "c"], [3, 2, 2])
    assert (found.pruned_words, found.pruned_occurrences) == (2, 2)
    everything = read_counts(tmp_path / "c.parquet", max_words=5)
    assert (everything.words, everything.pruned_words) == (list("abcde"), 0)
    assert smallest_count(np.array([5, 5, 5]), 2) == 6


def test_ranges_are_a_power_of_two(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="num_ranges is 3: a power of two"):
        count_words(tmp_path / "d.parquet", tmp_path / "c.parquet", lowercase=True, num_ranges=3)
