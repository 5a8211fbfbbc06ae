"""Tokens files: rows by hash, every token in its sentence, nothing dropped uncounted, the same bytes each time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bertdata import tokens_file
from bertdata.documents import write_documents
from bertdata.errors import FormatError, OptionError
from bertdata.parts import cut_parts
from bertdata.records import Document
from bertdata.rng import document_hash, part_key, split_key
from bertdata.sentences import split_sentences
from bertdata.tokens import TokensOptions, bucket_bytes, open_tokens, smallest_split_keys, tokenize_documents
from bertdata.vocab import SPECIAL_TOKENS, Vocabulary, make_vocabulary

LETTERS = [chr(code) for code in (*range(33, 65), *range(91, 127))]
VOCABULARY = make_vocabulary([*SPECIAL_TOKENS, *LETTERS, *("##" + c for c in LETTERS if c.isalnum())], lowercase=True)
STORY = "The ferryman lost a key. He looked, twice!\n\nThen the rain stopped. Nobody came.\n\n"


def documents(path: Path, texts: list[str], language: str = "en") -> Path:
    named = enumerate(texts)
    write_documents(path, (Document(f"t/{i}", "t", "t", text, language, "", "", "CC0") for i, text in named))
    return path


def tokenize(tmp_path: Path, texts: list[str], **options: Any) -> tuple[Path, dict[str, Any]]:
    output = tmp_path / "tokens.arrow"
    source = documents(tmp_path / "documents.parquet", texts)
    return output, tokenize_documents(source, output, VOCABULARY, TokensOptions(**options))


def spelled(vocabulary: Vocabulary, ids: Any) -> str:
    return " ".join(vocabulary.tokens[i] for i in ids).replace(" ##", "")


def test_rows_hold_each_part_of_each_document_in_the_order_of_their_hash(tmp_path: Path) -> None:
    texts = [STORY * 3, "One only.", STORY]
    path, counts = tokenize(tmp_path, texts, part_bytes=100)
    rows = open_tokens(path).rows()
    assert (np.diff(rows.part_key.astype(object)) > 0).all()
    np.testing.assert_array_equal(rows.part_key, part_key(rows.document_hash, rows.part))
    found = {}
    for i in range(len(rows)):
        ids = rows.input_ids[rows.token_offsets[i] : rows.token_offsets[i + 1]]
        found[int(rows.document_hash[i]), int(rows.part[i])] = spelled(VOCABULARY, ids)
        assert rows.sentence_lengths[rows.sentence_offsets[i] : rows.sentence_offsets[i + 1]].sum() == len(ids)
    for number, text in enumerate(texts):
        for part, piece in enumerate(cut_parts(text.encode(), 100)):
            want = piece.lower().replace("\n\n", " ")
            for mark in ".,!":
                want = want.replace(mark, f" {mark} ")
            assert found.pop((document_hash(f"t/{number}"), part)) == " ".join(want.split())
    assert found == {}
    assert counts["rows"] == len(rows) and counts["documents"] == 3
    assert counts["text_bytes"] == rows.text_bytes.sum() == sum(len(t.encode()) for t in texts)
    assert counts["sentences"] == len(rows.sentence_lengths) == 17
    assert counts["tokens"] == len(rows.input_ids)


def test_sentences_are_those_of_the_paragraphs(tmp_path: Path) -> None:
    path, _ = tokenize(tmp_path, [STORY])
    rows = open_tokens(path).rows()
    cuts = np.split(rows.input_ids, np.cumsum(rows.sentence_lengths)[:-1])
    assert [spelled(VOCABULARY, ids) for ids in cuts] == [
        "the ferryman lost a key .",
        "he looked , twice !",
        "then the rain stopped .",
        "nobody came .",
    ]
    assert len(split_sentences("en", STORY)) == 4


def test_documents_and_sentences_without_tokens_are_counted(tmp_path: Path) -> None:
    path, counts = tokenize(tmp_path, ["", " \n\n\u200b \n", "a.\n\n\u200b\n\nb.", "\x00"])
    assert (counts["documents"], counts["no_tokens"], counts["rows"]) == (4, 3, 1)
    assert counts["sentences"] == 2 and counts["empty_sentences"] >= 2
    assert open_tokens(path).rows().sentence_lengths.tolist() == [2, 2]


def test_no_document_makes_a_file_without_rows(tmp_path: Path) -> None:
    path, counts = tokenize(tmp_path, [])
    rows = open_tokens(path).rows()
    assert (counts["documents"], len(rows), len(rows.token_offsets), len(rows.input_ids)) == (0, 0, 1, 0)
    assert bucket_bytes(path, 1 << 63).sum() == 0 and len(smallest_split_keys(path)) == 0


def test_unknown_tokens_are_counted(tmp_path: Path) -> None:
    _, counts = tokenize(tmp_path, ["船夫 lost 船. ok."])
    assert counts["unknown_tokens"] == 3


@pytest.mark.parametrize("options", [{"library": "tokenizers"}, {"batch_bytes": 1}, {"batch_bytes": 1 << 30}])
def test_library_and_batches_change_no_byte(tmp_path: Path, options: dict[str, Any]) -> None:
    texts = [STORY * n + "Ω é\u0301 \U0001f600 \x85" for n in range(1, 9)]
    first = tokenize(tmp_path, texts, part_bytes=300)[0].read_bytes()
    assert tokenize(tmp_path, texts, part_bytes=300, **options)[0].read_bytes() == first


def test_a_range_is_what_lies_in_it_over_record_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens_file, "BATCH_BYTES", 200)
    path, _ = tokenize(tmp_path, [STORY * n for n in range(1, 30)], part_bytes=200)
    file = open_tokens(path)
    assert file._reader.num_record_batches > 10
    whole = file.rows()
    keys = whole.part_key.tolist()
    bounds = [0, keys[0], keys[0] + 1, keys[7], keys[len(keys) // 2], keys[-1], keys[-1] + 1, (1 << 64) - 1, 1 << 64]
    for low in bounds:
        for high in bounds:
            rows = file.rows(low, high)
            expected = [i for i, key in enumerate(keys) if low <= key < high]
            assert rows.part_key.tolist() == [keys[i] for i in expected]
            if expected:
                a, b = expected[0], expected[-1] + 1
                ids = whole.input_ids[whole.token_offsets[a] : whole.token_offsets[b]]
                np.testing.assert_array_equal(rows.input_ids, ids)
                np.testing.assert_array_equal(np.diff(rows.token_offsets), np.diff(whole.token_offsets[a : b + 1]))
                lengths = whole.sentence_lengths[whole.sentence_offsets[a] : whole.sentence_offsets[b]]
                np.testing.assert_array_equal(rows.sentence_lengths, lengths)


def test_rows_of_one_record_batch_are_not_copied(tmp_path: Path) -> None:
    rows = open_tokens(tokenize(tmp_path, [STORY] * 3)[0]).rows()
    for array in (rows.part_key, rows.document_hash, rows.input_ids, rows.sentence_lengths):
        assert not array.flags.owndata and not array.flags.writeable


def test_an_open_file_holds_no_descriptor(tmp_path: Path) -> None:
    path, _ = tokenize(tmp_path, [STORY])
    before = len(list(Path("/proc/self/fd").iterdir()))
    files = [open_tokens(path) for _ in range(50)]  # A group of a large corpus maps more than a process may open.
    assert len(list(Path("/proc/self/fd").iterdir())) < before + 50
    assert len({file.rows().input_ids.tobytes() for file in files}) == 1


def test_bytes_per_split_and_bucket_are_those_of_the_rows(tmp_path: Path) -> None:
    path, counts = tokenize(tmp_path, [STORY * n for n in range(1, 40)], part_bytes=200)
    file = open_tokens(path)
    rows, threshold = file.rows(), 1 << 62
    expected = np.zeros((2, 65_536), np.int64)
    for key, document, size in zip(rows.part_key, rows.document_hash, rows.text_bytes, strict=True):
        expected[int(split_key(np.array([document]))[0] < threshold), int(key) >> 48] += size
    np.testing.assert_array_equal(bucket_bytes(path, threshold), expected)
    assert bucket_bytes(path, 0)[0].sum() == bucket_bytes(path, 1 << 64)[1].sum() == counts["text_bytes"]


def test_smallest_split_keys_are_of_documents_that_can_make_pairs(tmp_path: Path) -> None:
    texts = ["One sentence only.", STORY, "Two here. And there.", STORY * 9]
    path, _ = tokenize(tmp_path, texts, part_bytes=100)
    able = np.array([document_hash(f"t/{i}") for i in (1, 2, 3)], np.int64)
    assert smallest_split_keys(path, 2).tolist() == sorted(split_key(able).tolist())[:2]
    assert len(smallest_split_keys(path, 9)) == 3


@pytest.mark.parametrize(("size", "kind"), [(65_536, np.uint16), (65_537, np.uint32)])
def test_ids_are_as_wide_as_the_vocabulary_needs(tmp_path: Path, size: int, kind: type) -> None:
    vocabulary = make_vocabulary([*SPECIAL_TOKENS, *(f"w{i}" for i in range(size - 5))], lowercase=True)
    source = documents(tmp_path / "d.parquet", [f"w{size - 6} w0"])
    tokenize_documents(source, tmp_path / "t.arrow", vocabulary, TokensOptions())
    rows = open_tokens(tmp_path / "t.arrow").rows()
    assert rows.input_ids.dtype == kind and rows.input_ids.tolist() == [size - 1, 5]


def test_a_word_of_ten_megabytes_is_a_few_unknown_tokens(tmp_path: Path) -> None:
    path, counts = tokenize(tmp_path, ["before " + "x" * 10_000_000 + " after."])
    rows = open_tokens(path).rows()
    assert counts["unknown_tokens"] <= 41
    assert counts["tokens"] == counts["unknown_tokens"] + len("before") + len("after.")
    assert counts["text_bytes"] == rows.text_bytes.sum() == 10_000_014


def test_metadata_says_what_the_ids_mean(tmp_path: Path) -> None:
    path, _ = tokenize(tmp_path, [STORY])
    assert open_tokens(path).metadata == {
        "format": "bertdata-tokens",
        "format_version": "1",
        "vocab_size": str(len(VOCABULARY)),
        "vocab_sha256": VOCABULARY.sha256,
        "lowercase": "true",
        "language": '["en"]',
    }


def test_other_versions_and_damaged_files_are_refused_by_name(tmp_path: Path) -> None:
    path, _ = tokenize(tmp_path, [STORY])
    with pa.OSFile(str(tmp_path / "future.arrow"), "wb") as sink:
        schema = tokens_file.tokens_schema(VOCABULARY, ["en"])
        metadata = {**schema.metadata, b"format_version": b"2"}
        pa.ipc.new_file(sink, schema.with_metadata(metadata)).close()
    with pytest.raises(FormatError, match=r"future.arrow is bertdata-tokens version 2, not bertdata-tokens version 1"):
        open_tokens(tmp_path / "future.arrow")
    content = path.read_bytes()
    for name, damaged in {"cut.arrow": content[:-100], "empty.arrow": b"", "text.arrow": b"hello" * 9}.items():
        (tmp_path / name).write_bytes(damaged)
        with pytest.raises(FormatError, match=f"{name} isn't a whole Arrow file"):
            open_tokens(tmp_path / name)
    with pytest.raises(FormatError, match="No tokens file at"):
        open_tokens(tmp_path / "none.arrow")


def test_nothing_is_left_behind_where_a_document_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> list[str]:
        raise RuntimeError("no sentences today")

    monkeypatch.setattr("bertdata.tokens.split_sentences", fail)
    with pytest.raises(RuntimeError, match="today"):
        tokenize(tmp_path, [STORY])
    assert [p.name for p in tmp_path.iterdir()] == ["documents.parquet"]


@settings(max_examples=100, deadline=None)
@given(st.text("ab. \n船\U0001f600", max_size=200), st.integers(16, 60))
@example("\U0001f600" * 30, 17)
@example("船" * 30, 16)
def test_parts_are_the_text_and_never_above_their_size(text: str, part_bytes: int) -> None:
    parts = list(cut_parts(text.encode(), part_bytes))
    assert "".join(parts) == text
    assert all(0 < len(part.encode()) <= part_bytes for part in parts)


def test_parts_end_at_paragraphs_where_they_can() -> None:
    paragraphs = [f"Paragraph {i}. " + "word " * 20 for i in range(50)]
    parts = list(cut_parts("\n\n".join(paragraphs).encode(), 500))
    assert len(parts) > 10 and all(part.endswith("\n\n") for part in parts[:-1])


@pytest.mark.parametrize(("name", "value"), [("part_bytes", 3), ("max_word_chars", 0), ("batch_bytes", 0)])
def test_impossible_options_are_refused(name: str, value: int) -> None:
    with pytest.raises(OptionError, match=f"{name} is {value}"):
        TokensOptions(**{name: value})
