"""Pieces of tokens files: joined they are the group that range reads gather."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np

from bertdata.group import read_group
from bertdata.pieces import cut_pieces, join_pieces
from bertdata.ranges import HASH_SPACE, HashRange
from tests.bertdata.example_corpora import made_documents, made_vocabulary, write_tokens

_THRESHOLD = HASH_SPACE // 4
_EDGES = [0, HASH_SPACE // 5, HASH_SPACE // 2, HASH_SPACE // 2, HASH_SPACE]


def test_pieces_join_to_the_group_that_range_reads_gather(tmp_path):
    documents, vocabulary = made_documents(60, (1, 30)), made_vocabulary()
    paths = [str(write_tokens(tmp_path / f"{n}.arrow", documents[n::3], vocabulary, parts_of=4)) for n in range(3)]
    ranges = [HashRange(low, high) for low, high in itertools.pairwise(_EDGES)]
    groups = [(split, each) for split in ("train", "validation") for each in ranges]
    found: dict[int, list[bytes]] = {n: [] for n in range(len(groups))}
    for path in reversed(paths):  # In another order than they are read in.
        for place, piece in cut_pieces(path, groups, _THRESHOLD):
            found[place].append(piece)
    assert [len(pieces) for pieces in found.values()] == [3, 3, 0, 3] * 2
    for place, (split, hash_range) in enumerate(groups):
        joined = dataclasses.asdict(join_pieces(found[place], split, _THRESHOLD))
        read = dataclasses.asdict(read_group(paths, hash_range, split, _THRESHOLD))
        for name, values in read.items():
            assert np.array_equal(joined[name], values), name
        assert joined["input_ids"].dtype == np.uint16
