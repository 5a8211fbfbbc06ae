"""The same numbers in every version: who builds or trains again years later gets the pairs, masks and order of today.

A change of these digests is a change of every corpus that is built from now on. It belongs into the changelog as such.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from bertdata.batches import Examples
from bertdata.dynamic_masking import DynamicMasking
from bertdata.example_options import ExampleOptions
from bertdata.reader import open_shards
from bertdata.vocab import write_vocabulary
from tests.bertdata.example_corpora import build_shards, made_documents, made_vocabulary, write_tokens

VOCABULARY = made_vocabulary()
TENTH = (1 << 64) // 10


def digest(arrays: Iterable[np.ndarray]) -> str:
    """Return the beginning of the SHA-256 of arrays' values, whatever their types."""
    total = hashlib.sha256()
    for array in arrays:
        total.update(np.ascontiguousarray(array, dtype="<i8").tobytes())
    return total.hexdigest()[:16]


def columns(examples: Examples) -> list[np.ndarray]:
    return [
        examples.input_ids, examples.offsets, examples.segment_b_start, examples.masked_positions,
        examples.masked_labels, examples.masked_offsets, examples.next_sentence_label, examples.document_a,
        examples.document_b,
    ]  # fmt: skip


def build(folder: Path, options: ExampleOptions) -> list[np.ndarray]:
    """Build both splits in a folder, and return the statistics of all shards."""
    tokens = write_tokens(folder / "tokens.arrow", made_documents(120, (1, 60), (3, 30)), VOCABULARY, parts_of=40)
    built = build_shards(folder, [tokens], VOCABULARY, options, TENTH)
    write_vocabulary(folder / "vocab", VOCABULARY.tokens, lowercase=True)
    each = [result["statistics"] for results in built.values() for result in results]
    return [np.asarray(statistics[name]) for statistics in each for name in sorted(statistics)]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "a2f65f16114e5037"),
        ({"masking": "whole-word"}, "3137d4e3f0faa3b5"),
        ({"masking": "span"}, "822264d1712a2fab"),
        ({"pairs": "original"}, "f5c6f8af4cc93165"),
        ({"pairs": "sop"}, "8809055b8b11ee57"),
        ({"pairs": "none"}, "33166a4bd7defd74"),
        ({"dupe_factor": 3, "seed": 7, "short_seq_prob": 0.5, "masked_lm_prob": 0.3}, "60b68ee244910ff0"),
    ],
)
def test_examples_of_a_seed_are_those_of_every_version(tmp_path: Path, options: dict, expected: str) -> None:
    statistics = build(tmp_path, ExampleOptions(max_seq_lengths=(48,), shard_bytes=60_000, **options))
    opened = [open_shards(tmp_path, split=split) for split in ("train", "validation")]
    assert len(opened[0].paths) > 3
    every = itertools.chain(*(columns(each.read(np.arange(len(each)))) for each in opened))
    assert digest(itertools.chain(every, statistics)) == expected


def test_examples_of_a_document_that_is_most_of_its_corpus_are_those_of_every_version(tmp_path: Path) -> None:
    documents = [*made_documents(1, (2000, 2000), seed=1), *made_documents(30, (20, 40), seed=2)[1:]]
    tokens = write_tokens(tmp_path / "tokens.arrow", documents, VOCABULARY)
    options = ExampleOptions(max_seq_lengths=(48,), shard_bytes=1_000_000)
    (train,) = build_shards(tmp_path, [tokens], VOCABULARY, options)["train"]
    assert train["statistics"]["drawn_with_replacement"] > 100
    shards = open_shards(tmp_path)
    assert digest(columns(shards.read(np.arange(len(shards))))) == "d17e24cb427e5334"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    build(folder, ExampleOptions(max_seq_lengths=(48,), shard_bytes=60_000))
    return folder


@pytest.mark.parametrize(
    ("batches", "expected"),
    [
        ({"seed": 1}, "e4267f2c9bdd3a4f"),
        ({"seed": 2}, "8426b6330bd29d22"),
        ({"seed": 1, "by_length": False}, "cd5d6a2df4f573cc"),
        ({"seed": 1, "start": 5, "stride": 3, "rank": 1, "num_ranks": 2}, "e599c10d3c80f917"),
        ({"seed": 1, "masking": DynamicMasking()}, "46595d7245022967"),
        ({"seed": 1, "masking": DynamicMasking(masking="whole-word")}, "7fea5ed4a6a68eb4"),
        ({"seed": 1, "masking": DynamicMasking(rate=0.3, masking="span")}, "424a610c919ce393"),
        ({"seed": 1, "masking": DynamicMasking(seed=9)}, "911519b0ef02c6a4"),
    ],
)
def test_batches_of_two_epochs_are_those_of_every_version(corpus: Path, batches: dict, expected: str) -> None:
    shards = open_shards(corpus)
    some = itertools.islice(shards.batches(32, **batches), 2 * shards.num_batches(32))
    assert digest(itertools.chain(*((each.index, *columns(each)) for each in some))) == expected
