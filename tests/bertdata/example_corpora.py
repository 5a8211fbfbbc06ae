"""Texts as token ids, made up or real, for the tests of pairs, shards and readers."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bertdata.documents import write_documents
from bertdata.examples import ExampleOptions, build_group
from bertdata.group import GroupText
from bertdata.ranges import plan_ranges
from bertdata.records import Document
from bertdata.rng import document_hash, rng_for
from bertdata.tokens import TokensOptions, bucket_bytes, tokenize_documents
from bertdata.tokens_file import TokensWriter
from bertdata.vocab import SPECIAL_TOKENS, Vocabulary, make_vocabulary

Documents = Sequence[tuple[str, Sequence[Sequence[int]]]]
VOCAB_SIZE = 1000


def made_vocabulary(size: int = VOCAB_SIZE) -> Vocabulary:
    """Return a vocabulary of which every fourth ordinary token continues a word."""
    words = [f"##c{n}" if n % 4 == 0 else f"w{n}" for n in range(5, size)]
    return make_vocabulary([*SPECIAL_TOKENS, *words], lowercase=True)


def made_documents(
    num: int,
    num_sentences: tuple[int, int],
    num_tokens: tuple[int, int] = (3, 40),
    seed: int = 0,
    size: int = VOCAB_SIZE,
) -> list[tuple[str, list[list[int]]]]:
    """Return documents of random ids; numbers of sentences and tokens are uniform, bounds included."""
    rng = rng_for(seed, "made documents")
    documents = []
    for n in range(num):
        lengths = rng.integers(*num_tokens, size=rng.integers(*num_sentences, endpoint=True), endpoint=True)
        documents.append((f"made/{n}", [rng.integers(5, size, size=k).tolist() for k in lengths.tolist()]))
    return documents


def group_text(documents: Documents) -> GroupText:
    """Return documents, each one part, as the text of a group, in the order given."""
    lengths = [len(s) for _, sentences in documents for s in sentences]
    ids = [i for _, sentences in documents for s in sentences for i in s]
    return GroupText(
        np.array([document_hash(name) for name, _ in documents], dtype=np.int64),
        np.array(ids, dtype=np.uint16),
        np.cumsum([0, *lengths]),
        np.cumsum([0, *(len(sentences) for _, sentences in documents)]),
    )


def write_tokens(path: Path, documents: Documents, vocabulary: Vocabulary, parts_of: int = 10**9) -> Path:
    """Write a tokens file; documents of more than `parts_of` sentences are cut into parts. A token is 4 bytes."""
    with TokensWriter(path, vocabulary) as writer:
        for name, sentences in documents:
            for part, start in enumerate(range(0, len(sentences), parts_of)):
                some = sentences[start : start + parts_of]
                ids = np.array([i for s in some for i in s], dtype=np.uint32)
                rows = {
                    "document_hash": np.array([document_hash(name)], np.int64),
                    "part": np.array([part], np.int32),
                    "text_bytes": np.array([4 * len(ids)], np.int64),
                    "num_sentences": np.array([len(some)], np.int32),
                    "num_tokens": np.array([len(ids)]),
                }
                writer.write(rows, ids, np.array([len(s) for s in some]))
    return path


def build_shards(
    folder: Path,
    tokens: Sequence[Path],
    vocabulary: Vocabulary,
    options: ExampleOptions,
    threshold: int = 0,
    splits: Sequence[str] = ("train", "validation"),
) -> dict[str, list[dict[str, Any]]]:
    """Build all groups of all splits into `folder`/shards, and return each split's results."""
    paths = [str(path) for path in tokens]
    buckets = sum(bucket_bytes(path, threshold) for path in paths)
    results: dict[str, list[dict[str, Any]]] = {}
    for number, split in enumerate(("train", "validation")):
        ranges = plan_ranges(buckets[number], options.shard_bytes) if split in splits else []
        results[split] = [
            build_group(r, paths, vocabulary, options, split, threshold, n, len(ranges), folder / "shards")
            for n, r in enumerate(ranges)
        ]
    return results


def novel_text(path: Path) -> str:
    """Return a novel's text with paragraphs on lines of their own."""
    text = path.read_bytes().decode("utf-8-sig", "replace").replace("\r\n", "\n")
    return "\n\n".join(" ".join(p.split()) for p in re.split(r"\n\s*\n", text) if p.strip())


def write_novels(shared_data: Path, folder: Path, num_bytes: int) -> tuple[Path, Path]:
    """Write the first novels to a documents file and a tokens file; return both paths."""
    documents, size = [], 0
    for path in sorted((shared_data / "books" / "novels").rglob("*.txt")):
        text = novel_text(path)
        documents.append(Document(f"books/{path.stem}", "books", path.stem, text, "en", "", "", ""))
        size += len(text)
        if size >= num_bytes:
            break
    write_documents(folder / "documents.parquet", documents)
    tokenize_documents(
        folder / "documents.parquet", folder / "tokens.arrow", bert_vocabulary(shared_data), TokensOptions()
    )
    return folder / "documents.parquet", folder / "tokens.arrow"


def bert_vocabulary(shared_data: Path) -> Vocabulary:
    """Return BERT's own uncased vocabulary."""
    lines = (shared_data / "vocab" / "bert-base-uncased-vocab.txt").read_text(encoding="utf-8").splitlines()
    return make_vocabulary(lines, lowercase=True)


def as_lists(text: GroupText) -> list[list[list[int]]]:
    """Return a group's text as the reference reads it: documents of sentences of ids."""
    ids, bounds = text.input_ids.tolist(), text.bounds.tolist()
    parts = text.part_bounds.tolist()
    return [[ids[bounds[s] : bounds[s + 1]] for s in range(low, high)] for low, high in itertools.pairwise(parts)]
