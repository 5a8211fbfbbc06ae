"""Documents and examples as records that a person can read: words, what was masked, where each side came from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow.parquet as pq

from bertdata.arrays import as_numpy
from bertdata.documents import read_columns
from bertdata.errors import BuildError, require
from bertdata.manifest import read_manifest
from bertdata.reader import open_shards
from bertdata.rng import rng_for
from bertdata.store import open_table
from bertdata.vocab import read_vocabulary

Mark = Literal["", "masked", "random", "kept"]
# What labels 0 and 1 say of a pair, by --pairs; full sentences have no pair.
LABELS = {
    "balanced": ("B follows A", "B is random"),
    "original": ("B follows A", "B is random"),
    "sop": ("in order", "swapped"),
    "none": ("", ""),
}


@dataclass(frozen=True)
class Word:
    """A word of an example, its pieces joined: what the model sees, and what it was."""

    shown: str
    original: str
    mark: Mark
    segment: int


@dataclass(frozen=True)
class ShownExample:
    """One example to be looked at; `document_a` and `document_b` are ids (`enwiki/12`), or hashes not found."""

    number: int
    words: tuple[Word, ...]
    is_random: bool
    document_a: str
    document_b: str
    num_tokens: int


def sample_examples(
    folder: Path, length: int | None, split: str, num: int, seed: int, manifest: dict[str, Any] | None = None
) -> list[ShownExample]:
    """Return `num` examples drawn by `seed` from one split, documents named; `manifest` where none is written."""
    manifest = read_manifest(folder) if manifest is None else manifest
    shards = open_shards(folder, max_seq_length=length, split=split, fetch=False)
    vocabulary = read_vocabulary(folder / "vocab" / "vocab.txt", manifest["options"]["vocab"]["lowercase"])
    count = min(num, shards.num_examples)
    chosen = np.sort(rng_for(seed, "inspect").choice(shards.num_examples, size=count, replace=False))
    examples = shards.read(chosen)
    hashes = {int(h) for h in (*examples.document_a, *examples.document_b)}
    ids = find_ids(folder, manifest, hashes)
    return [_shown(examples, row, vocabulary.tokens, ids) for row in range(len(examples))]


def _shown(examples: Any, row: int, tokens: tuple[str, ...], ids: dict[int, str]) -> ShownExample:
    begin, end = int(examples.offsets[row]), int(examples.offsets[row + 1])
    seen = [tokens[i] for i in examples.input_ids[begin:end]]
    span = slice(int(examples.masked_offsets[row]), int(examples.masked_offsets[row + 1]))
    labels = {
        int(at): tokens[i] for at, i in zip(examples.masked_positions[span], examples.masked_labels[span], strict=True)
    }
    border = int(examples.segment_b_start[row])
    words: list[Word] = []
    for n, token in enumerate(seen):
        original, segment = labels.get(n, token), int(n >= border)
        mark = _mark(token, labels.get(n))
        last = words[-1] if words else None
        joins = last and last.segment == segment and not last.mark and last.shown != "[CLS]"
        if last and joins and token.startswith("##") and not mark:
            piece = token.removeprefix("##")
            words[-1] = Word(last.shown + piece, last.original + piece, "", segment)
        else:
            words.append(Word(token, original, mark, segment))
    name = [ids.get(int(h), f"hash {int(h)}") for h in (examples.document_a[row], examples.document_b[row])]
    return ShownExample(
        int(examples.index[row]), tuple(words), bool(examples.next_sentence_label[row]), name[0], name[1], end - begin
    )


def _mark(token: str, label: str | None) -> Mark:
    if label is None:
        return ""
    return "masked" if token == "[MASK]" else "kept" if token == label else "random"


def find_ids(folder: Path, manifest: dict[str, Any], hashes: set[int]) -> dict[int, str]:
    """Return the ids of documents by their hash, read from the documents files (those that are still there)."""
    found: dict[int, str] = {}
    for file in manifest["documents"]["files"]:
        path = folder / file["path"]
        if len(found) == len(hashes) or not path.exists():
            continue
        table = read_columns(path, "document_hash", "id")
        column = as_numpy(table.column("document_hash"))
        for row in np.flatnonzero(np.isin(column, list(hashes))):
            found[int(column[row])] = table.column("id")[int(row)].as_py()
    return found


def sample_documents(folder: Path, num: int, seed: int, document_id: str | None = None) -> list[dict[str, Any]]:
    """Return documents as dicts of the documents table: one by its id, or `num` drawn by `seed`."""
    files = sorted((folder / "documents").glob("*.parquet"))
    require(files, f"{folder} has no documents: run `bertdata extract … --output {folder}` first.", BuildError)
    if document_id is not None:
        for file in files:
            found: list[dict[str, Any]] = pq.read_table(
                open_table(file), filters=[("id", "==", document_id)]
            ).to_pylist()
            if found:
                return found
        raise BuildError(f"{folder} has no document {document_id!r}; ids are like {_some_id(files[0])!r}")
    sizes = [pq.read_metadata(open_table(file)).num_rows for file in files]
    ends = np.cumsum(sizes)
    chosen = np.sort(
        rng_for(seed, "inspect-documents").choice(int(ends[-1]), size=min(num, int(ends[-1])), replace=False)
    )
    documents = []
    for number in chosen:
        n = int(np.searchsorted(ends, number, side="right"))
        documents.append(_row(files[n], int(number) - (int(ends[n]) - sizes[n])))
    return documents


def _row(file: Path, row: int) -> dict[str, Any]:
    parquet = pq.ParquetFile(open_table(file))
    for group in range(parquet.num_row_groups):
        rows = parquet.metadata.row_group(group).num_rows
        if row < rows:
            value: dict[str, Any] = parquet.read_row_group(group).slice(row, 1).to_pylist()[0]
            return value
        row -= rows
    raise IndexError(row)


def _some_id(file: Path) -> Any:
    return pq.ParquetFile(open_table(file)).read_row_group(0, columns=["id"]).column("id")[0].as_py()
