"""Text that tools of this kind trip over, through the whole build; and the documents in other people's tools."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cli.main import run
from tests.corpora import paragraphs, write_books

SMALL = ("--max-seq-length", "64", "--validation-fraction", "0", "--workers", "1")
ODD = {
    "arabic": "كتب الرجل رسالة طويلة. ثم خرج إلى السوق مع أخيه.\n\nوعاد في المساء. كان الجو باردا.",
    "hebrew": "הוא קרא ספר ישן. אחר כך הלך לישון.\n\nבבוקר ירד גשם. הרחוב היה ריק.",
    "chinese": "他写了一封长信。然后他去了市场。\n\n晚上他回来了。天气很冷。",
    "control": "One\u0007 bell rang.\u0000 Two\u200b zero widths\ufeff and \u0085 lines.\n\nA third\u2028 came.",
    "joined": "A family 👩‍👩‍👧 went out. A flag 🏴󠁧󠁢󠁥󠁮󠁧󠁿 flew.\n\nNo more was seen. It was still.",
    "long word": f"It began with {'x' * 200_000} and ended. Nobody read it.\n\nAnother day came. It was short.",
    "one line": "no end of this sentence is in sight " * 400,
    "one sentence": "Only this is said.",
}
EMPTY = {"empty": "", "white": " \t\u00a0\n\n\u3000 "}


def write_lines(path: Path) -> Path:
    rows = [{"id": key, "text": text} for key, text in (ODD | EMPTY).items()]
    rows += [{"id": f"plain {n}", "text": paragraphs(n, 10)} for n in range(6)]
    lines = [json.dumps(row) for row in rows]
    lines.append('{"id": "half a pair", "text": "Half \\ud800 a pair. It stays half.\\n\\nMore came. All was well."}')
    path.write_text("\n".join(lines) + "\n", encoding="ascii")
    return path


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("odd")
    source = write_lines(folder / "odd.jsonl")
    command = ["build-corpus", "--text", str(source), "--vocab-size", "400", "--output", str(folder / "c"), *SMALL]
    assert run(command) == 0
    return folder / "c"


def documents(corpus: Path) -> pa.Table:
    return pa.concat_tables(pq.read_table(path) for path in sorted((corpus / "documents").iterdir()))


def test_nothing_is_lost_and_what_is_empty_is_counted(corpus: Path) -> None:
    manifest = json.loads((corpus / "manifest.json").read_text())
    kept = {row.rsplit("/", 1)[1] for row in documents(corpus)["id"].to_pylist()}
    assert kept == {*ODD, "half a pair", *(f"plain {n}" for n in range(6))}
    assert manifest["rejected"]["by_source"]["text"] == {"no-text": len(EMPTY)}
    assert run(["verify", str(corpus)]) == 0


def test_text_keeps_its_letters_and_loses_what_no_letter_is(corpus: Path) -> None:
    table = documents(corpus)
    texts = {row["id"].rsplit("/", 1)[1]: row["text"] for row in table.select(["id", "text"]).to_pylist()}
    for name in ("arabic", "hebrew", "chinese"):
        assert texts[name] == ODD[name]
    assert texts["half a pair"].startswith("Half") and "\ud800" not in texts["half a pair"]
    assert not any(ord(c) < 32 and c != "\n" for text in texts.values() for c in text)
    assert texts["long word"].count("x") == 200_000


def test_long_sentences_are_cut_not_lost(corpus: Path) -> None:
    manifest = json.loads((corpus / "manifest.json").read_text())
    examples = manifest["splits"]["64/train"]
    words = len(ODD["one line"].split())
    assert examples["tokens"] > words  # each of its words is at least a token of some example


def test_a_vocabulary_of_another_alphabet_is_used_with_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_lines(tmp_path / "odd.jsonl")
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = tmp_path / "vocab.txt"
    vocabulary.write_text("\n".join([*specials, *"abcde", *(f"##{c}" for c in "abcde")]) + "\n")
    command = ["build-corpus", "--text", str(source), "--vocab", str(vocabulary), "--output", str(tmp_path / "c")]
    assert run([*command, *SMALL]) == 0
    said = capsys.readouterr().err
    assert "of the tokens are [UNK]: the vocabulary doesn't fit this text" in said


def test_a_corpus_smaller_than_a_shard_is_one_shard(tmp_path: Path) -> None:
    books = write_books(tmp_path / "books", num=3, num_paragraphs=3)
    command = ["build-corpus", "--books", str(books), "--vocab-size", "120", "--output", str(tmp_path / "c")]
    assert run([*command, *SMALL]) == 0
    shards = list((tmp_path / "c" / "shards" / "64" / "train").iterdir())
    assert [shard.name for shard in shards] == ["00000-of-00001.arrow"]
    assert run(["verify", str(tmp_path / "c")]) == 0


def test_documents_open_in_pandas_and_duckdb(corpus: Path) -> None:
    table = documents(corpus)
    frame = pd.read_parquet(corpus / "documents")
    assert frame["id"].tolist() == table["id"].to_pylist()
    assert frame["document_hash"].tolist() == table["document_hash"].to_pylist()
    query = f"select id, length(text) from read_parquet('{corpus}/documents/*.parquet') order by id"
    rows = duckdb.sql(query).fetchall()
    expected = sorted((row["id"], len(row["text"])) for row in table.select(["id", "text"]).to_pylist())
    assert [key for key, _ in rows] == [key for key, _ in expected]
    plain = [n for n, (key, _) in enumerate(expected) if "plain" in key or "one line" in key]
    assert [rows[n][1] for n in plain] == [expected[n][1] for n in plain]


def test_a_corpus_that_is_almost_one_document_fails_verification_with_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "one.jsonl"
    rows = [{"id": "huge", "text": "no end of this sentence is in sight " * 20_000}]
    rows += [{"id": str(n), "text": paragraphs(n, 10)} for n in range(6)]
    source.write_text("\n".join(map(json.dumps, rows)) + "\n")
    assert (
        run(["build-corpus", "--text", str(source), "--vocab-size", "80", "--output", str(tmp_path / "c"), *SMALL]) == 0
    )
    capsys.readouterr()
    assert run(["verify", str(tmp_path / "c")]) == 1
    said = capsys.readouterr().err
    assert said.startswith("bertdata: shards/64/train: lengths don't tell the label: expected z within ± 5.0, got z")
    assert "If one document holds most of the text" in said and said.count("shards/64/train") == 1
