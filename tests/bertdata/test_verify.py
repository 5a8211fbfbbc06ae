"""Verify finds what is wrong, names it and says where; and finds nothing where all is right."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from bertdata.documents import write_documents
from bertdata.errors import BuildError, FormatError
from bertdata.example_options import ExampleOptions
from bertdata.examples import add_statistics
from bertdata.extract.step import describe_file
from bertdata.promises import Check
from bertdata.records import Document
from bertdata.shards import to_metadata
from bertdata.verify import verify_corpus
from bertdata.vocab import write_vocabulary
from tests.bertdata.example_corpora import build_shards, made_documents, made_vocabulary, write_tokens

VOCABULARY = made_vocabulary()
TENTH = (1 << 64) // 10


def write_corpus(folder: Path, **options: object) -> Path:
    """Write a whole small corpus: documents, vocabulary, shards and a manifest."""
    made = made_documents(200, (10, 40), (5, 30))
    documents = folder / "documents" / "00000.parquet"
    write_documents(documents, [Document(name, "made", "", "text", "en", "", "", "") for name, _ in made])
    write_vocabulary(folder / "vocab", VOCABULARY.tokens, lowercase=True)
    tokens = write_tokens(folder / "tokens.arrow", made, VOCABULARY)
    settings = ExampleOptions(max_seq_lengths=(64,), shard_bytes=200_000, **options)  # type: ignore[arg-type]
    results = build_shards(folder, [tokens], VOCABULARY, settings, TENTH)
    vocab = [describe_file(p, folder, 0) for p in sorted((folder / "vocab").iterdir())]
    manifest = {
        "format_version": 1,
        "seed": settings.seed,
        "documents": {"count": 200, "files": [describe_file(documents, folder, 200)]},
        "rejected": {"files": []},
        "vocab": {"size": len(VOCABULARY), "sha256": VOCABULARY.sha256, "files": vocab},
        "splits": {f"64/{split}": stated(groups) for split, groups in results.items()},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def stated(groups: list[dict]) -> dict:  # type: ignore[type-arg]
    statistics: dict = {}  # type: ignore[type-arg]
    for group in groups:
        add_statistics(statistics, group["statistics"])
    files = [file for group in groups for file in group["files"]["shards"]]
    return {
        "examples": statistics["examples"],
        "tokens": statistics["tokens"],
        "files": files,
        "statistics": statistics,
    }


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture
def copy(corpus: Path, tmp_path: Path) -> Path:
    shutil.copytree(corpus, tmp_path / "copy")
    return tmp_path / "copy"


def broken(folder: Path) -> list[Check]:
    return [check for check in verify_corpus(folder) if not check.passed]


def test_a_sound_corpus_passes_every_check(corpus: Path) -> None:
    checks = verify_corpus(corpus)
    assert [c for c in checks if not c.passed] == []
    assert len(checks) > 35
    assert len({c.name for c in checks}) == len(checks)


@pytest.mark.parametrize(
    "options",
    [
        {"masking": "whole-word"},
        {"masking": "span", "masked_lm_prob": 0.3},
        {"pairs": "original"},
        {"pairs": "sop"},
        {"pairs": "none"},
        {"dupe_factor": 3},
    ],
)
def test_every_mode_passes(tmp_path: Path, options: dict[str, object]) -> None:
    assert broken(write_corpus(tmp_path, **options)) == []


def first_shard(folder: Path) -> Path:
    return sorted((folder / "shards" / "64" / "train").iterdir())[0]


def test_a_flipped_byte_is_found_in_any_file(copy: Path) -> None:
    for path in (first_shard(copy), copy / "vocab" / "vocab.txt", copy / "documents" / "00000.parquet"):
        good = path.read_bytes()
        bad = bytearray(good)
        bad[len(bad) // 2] ^= 0x10
        path.write_bytes(bad)
        found = broken(copy)
        assert found[0].where == path.relative_to(copy).as_posix()
        assert "SHA-256" in found[0].got
        path.write_bytes(good)


def test_a_missing_file_is_found(copy: Path) -> None:
    (victim := first_shard(copy)).unlink()
    (found,) = broken(copy)
    assert found.where.endswith(victim.name)
    assert found.got == "the file is missing"


def rewrite(folder: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    """Change a shard and state it in the manifest as if it had been written so."""
    path = first_shard(folder)
    with pa.OSFile(str(path), "rb") as source:
        table = change(pa.ipc.open_file(source).read_all())
    with pa.ipc.new_file(str(path), table.schema) as writer:
        writer.write_table(table, max_chunksize=1024)
    manifest = json.loads((folder / "manifest.json").read_text())
    files = manifest["splits"]["64/train"]["files"]
    for number, file in enumerate(files):
        if file["path"].endswith(path.name):
            files[number] = describe_file(path, folder, table.num_rows)
    (folder / "manifest.json").write_text(json.dumps(manifest))


def with_column(name: str, change: Callable[[list], object]) -> Callable[[pa.Table], pa.Table]:  # type: ignore[type-arg]
    """Return a change of a table's column as a list of Python values."""

    def apply(table: pa.Table) -> pa.Table:
        values = table.column(name).to_pylist()
        change(values)
        at = table.schema.get_field_index(name)
        return table.set_column(at, table.schema.field(name), pa.array(values, table.schema.field(name).type))

    return apply


def set_in(row: int, place: int, value: int) -> Callable[[list], object]:  # type: ignore[type-arg]
    def change(values: list) -> None:  # type: ignore[type-arg]
        values[row][place] = value

    return change


def set_row(row: int, value: object) -> Callable[[list], object]:  # type: ignore[type-arg]
    def change(values: list) -> None:  # type: ignore[type-arg]
        values[row] = value

    return change


@pytest.mark.parametrize(
    ("column", "change", "promise"),
    [
        ("input_ids", set_in(5, 0, 7), "[CLS] and [SEP] where they belong"),
        ("input_ids", set_in(5, -1, 7), "[CLS] and [SEP] where they belong"),
        ("input_ids", set_in(5, 3, 5000), "ids below the vocabulary's size"),
        ("masked_lm_labels", set_in(5, 0, 1000), "ids below the vocabulary's size"),
        ("masked_lm_positions", set_in(5, 0, 0), "masked positions sorted, never special"),
        ("masked_lm_positions", set_in(5, 0, 60), "masked positions sorted, never special"),
        ("masked_lm_positions", set_in(5, -1, 63), "masked positions sorted, never special"),
        ("segment_b_start", set_row(5, 1), "lengths and segments"),
        ("segment_b_start", set_row(5, 64), "lengths and segments"),
        ("next_sentence_label", set_row(5, 3), "labels"),
        ("document_b", lambda values: values.__setitem__(slice(5, 7), [1, 2]), "documents of the pairs"),
    ],
)
def test_a_row_that_breaks_a_promise_is_named(
    copy: Path,
    column: str,
    change: Callable[[list], object],
    promise: str,  # type: ignore[type-arg]
) -> None:
    rewrite(copy, with_column(column, change))
    found = next(check for check in broken(copy) if check.name.startswith("shards/64/train"))
    assert found.name == f"shards/64/train: {promise}"
    assert found.where.startswith(f"64/train/{first_shard(copy).name}, row ") or "row " in found.where


def test_masks_that_are_all_mask_are_found(copy: Path) -> None:
    def only_mask(table: pa.Table) -> pa.Table:
        rows = table.to_pylist()
        for row in rows:
            for at in row["masked_lm_positions"]:
                row["input_ids"][at] = VOCABULARY.mask_id
        return pa.Table.from_pylist(rows, schema=table.schema)

    rewrite(copy, only_mask)
    assert "shards/64/train: masked as [MASK]" in {check.name for check in broken(copy)}


def test_lost_rows_are_found(copy: Path) -> None:
    rewrite(copy, lambda table: table.slice(0, table.num_rows - 10))
    found = broken(copy)[0]
    assert found.name == "shards/64/train: rows can be read"
    assert first_shard(copy).name in found.where


def test_another_vocabulary_is_found(copy: Path) -> None:
    for path in (copy / "vocab").iterdir():
        path.unlink()
    write_vocabulary(copy / "vocab", made_vocabulary(900).tokens, lowercase=True)
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["vocab"]["files"] = [describe_file(p, copy, 0) for p in sorted((copy / "vocab").iterdir())]
    (copy / "manifest.json").write_text(json.dumps(manifest))
    (found,) = broken(copy)
    assert found.name == "vocabulary"
    assert found.got.startswith("900 tokens")


def test_shards_of_another_vocabulary_are_found(copy: Path) -> None:
    for path in sorted((copy / "shards").rglob("*.arrow")):
        with pa.OSFile(str(path), "rb") as source:
            table = pa.ipc.open_file(source).read_all()
        metadata = dict(table.schema.metadata) | {b"bertdata.vocab_sha256": b"0" * 64}
        with pa.ipc.new_file(str(path), table.schema.with_metadata(metadata)) as writer:
            writer.write_table(table, max_chunksize=1024)
    manifest = json.loads((copy / "manifest.json").read_text())
    for split in manifest["splits"].values():
        split["files"] = [describe_file(copy / f["path"], copy, f["rows"]) for f in split["files"]]
    (copy / "manifest.json").write_text(json.dumps(manifest))
    assert {check.name for check in broken(copy)} == {"shards/64/train: format", "shards/64/validation: format"}


def test_a_schema_of_the_future_is_found(copy: Path) -> None:
    rewrite(
        copy,
        lambda table: table.replace_schema_metadata(
            dict(table.schema.metadata)
            | {k.encode(): v.encode() for k, v in to_metadata({"format_version": 9}).items()}
        ),
    )
    found = broken(copy)[0]
    assert found.name == "shards/64/train: format"
    assert "shard format 9" in found.got


def test_a_document_in_both_splits_is_found(copy: Path) -> None:
    held_out = sorted((copy / "shards" / "64" / "validation").iterdir())[0]
    with pa.OSFile(str(held_out), "rb") as source:
        document = pa.ipc.open_file(source).read_all().column("document_a")[0].as_py()
    rewrite(copy, with_column("document_a", set_row(5, document)))
    assert "shards/64/validation: held out" in {check.name for check in broken(copy)}


def test_an_unfinished_corpus_and_a_manifest_of_the_future_are_named(copy: Path, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"isn't finished|no manifest"):
        verify_corpus(tmp_path)
    (copy / "manifest.json").write_text(json.dumps({"format_version": 99}))
    with pytest.raises(FormatError, match="99"):
        verify_corpus(copy)


def test_random_damage_never_ends_in_another_error(copy: Path) -> None:
    path, rng = first_shard(copy), np.random.Generator(np.random.Philox(5))
    good = path.read_bytes()
    for _ in range(30):
        bad = bytearray(good)
        for at in rng.integers(0, len(bad), size=20).tolist():
            bad[at] = int(rng.integers(0, 256))
        path.write_bytes(bad)
        manifest = json.loads((copy / "manifest.json").read_text())
        files = manifest["splits"]["64/train"]["files"]
        for number, file in enumerate(files):
            if file["path"].endswith(path.name):
                files[number] = describe_file(path, copy, file["rows"])
        (copy / "manifest.json").write_text(json.dumps(manifest))
        assert all(isinstance(check, Check) for check in verify_corpus(copy))
