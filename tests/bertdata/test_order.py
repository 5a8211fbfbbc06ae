"""The read order: every example once an epoch, the same from any place, and nobody's neighbours together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bertdata.examples import spread_order
from bertdata.order import Permutation, ReadOrder, ragged
from bertdata.rng import rng_for
from bertdata.shards import BATCH_ROWS


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 5000), st.integers(0, 1000))
def test_permutation_is_one_and_its_inverse(size: int, seed: int) -> None:
    permutation, every = Permutation(size, rng_for(seed, "test")), np.arange(size)
    forward = permutation.forward(every)
    assert np.array_equal(np.sort(forward), every)
    assert np.array_equal(permutation.backward(forward), every)


def test_permutation_of_billions_needs_no_memory() -> None:
    permutation = Permutation(10**12, rng_for(1, "test"))
    index = np.array([0, 1, 10**12 - 1])
    assert np.array_equal(permutation.backward(permutation.forward(index)), index)


@pytest.mark.parametrize("size", [3, 4, 5, 16])
def test_permutation_sends_each_index_anywhere_alike(size: int) -> None:
    from scipy.stats import chisquare

    table = np.zeros((size, size))
    for seed in range(400):
        table[np.arange(size), Permutation(size, rng_for(seed, "test")).forward(np.arange(size))] += 1
    assert min(chisquare(row).pvalue for row in table) > 0.001 / size


@pytest.mark.parametrize("rows", [[1], [1024], [1025], [0, 5, 0], [100_000], [3000, 1, 0, 70_001, 1024, 90_000]])
def test_every_row_comes_once_an_epoch(rows: list[int]) -> None:
    order = ReadOrder(rows, seed=1)
    for epoch in (0, 1):
        got = order.rows(epoch, 0, sum(rows))
        assert np.array_equal(np.sort(got), np.arange(sum(rows)))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 5000), min_size=1, max_size=30), st.data())
def test_any_piece_of_an_epoch_is_a_piece_of_the_whole(rows: list[int], data: st.DataObject) -> None:
    whole = ReadOrder(rows, seed=3).rows(1, 0, sum(rows))
    start = data.draw(st.integers(0, sum(rows)))
    stop = data.draw(st.integers(start, sum(rows)))
    assert np.array_equal(ReadOrder(rows, seed=3).rows(1, start, stop), whole[start:stop])


@pytest.mark.parametrize("rows", [[150_000, 200_001], [1024 * 150, 200_001], [1024 * 150, 1024 * 196]])
def test_pieces_across_windows_agree(rows: list[int]) -> None:
    order = ReadOrder(rows, seed=3)
    assert order.num_windows == 5
    whole = order.rows(0, 0, sum(rows))
    for start in (0, 65_000, 65_530, 200_000, 350_000):
        assert np.array_equal(ReadOrder(rows, seed=3).rows(0, start, start + 1000), whole[start : start + 1000])


def test_seeds_and_epochs_give_other_orders() -> None:
    orders = [ReadOrder([50_000], seed).rows(epoch, 0, 50_000) for seed in (1, 2) for epoch in (0, 1)]
    for n, one in enumerate(orders):
        for other in orders[:n]:
            assert (one == other).mean() < 0.001


def test_order_keeps_little_however_many_rows() -> None:
    order = ReadOrder([10**9 + 7] * 50, seed=1)
    got = order.rows(3, 25 * 10**9, 25 * 10**9 + 100)
    assert len(np.unique(got)) == 100
    assert sum(x.nbytes for x in order._windows.values()) < 20_000_000


@pytest.mark.parametrize(("num_shards", "num_blocks"), [(1, 200), (8, 40), (64, 2), (64, 36)])
def test_examples_of_one_document_meet_no_more_often_than_chance(num_shards: int, num_blocks: int) -> None:
    rows, size, of_a_document = num_blocks * BATCH_ROWS - 100, 256, 8
    total = rows * num_shards
    # As a shard is written: a document's pairs follow each other in the text, then are dealt to record batches.
    document = np.concatenate(
        [n * rows + spread_order(rows, rng_for(n, "spread")) // of_a_document for n in range(num_shards)]
    )
    read = document[ReadOrder([rows] * num_shards, seed=5).rows(0, 0, total)]
    batch = np.arange(total) // size
    order = np.lexsort((batch, read))
    read, batch = read[order], batch[order]
    met = sum(int(((read[d:] == read[:-d]) & (batch[d:] == batch[:-d])).sum()) for d in range(1, of_a_document))
    chance = total * (of_a_document - 1) / 2 * (size - 1) / (total - 1)
    assert met <= chance + 5 * chance**0.5


def test_ragged_matches_plain_ranges() -> None:
    rng = rng_for(1, "ragged")
    starts, lengths = rng.integers(0, 100, 50), rng.integers(0, 5, 50)
    plain = [i for s, n in zip(starts, lengths, strict=True) for i in range(s, s + n)]
    assert ragged(starts, lengths).tolist() == plain
