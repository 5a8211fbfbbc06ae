import itertools
import threading
from collections.abc import Iterator

import pytest

from trainer.feed import read_ahead


def test_a_thread_that_reads_ahead_ends_with_its_reader() -> None:
    before = threading.active_count()
    items = read_ahead(iter(itertools.count()))
    assert [next(items) for _ in range(5)] == [0, 1, 2, 3, 4]
    assert threading.active_count() == before + 1
    items.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before


def test_errors_and_ends_come_out_where_they_are_read() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise ValueError("no more")

    items = read_ahead(broken())
    assert next(items) == 1
    with pytest.raises(ValueError, match="no more"):
        next(items)
    assert list(read_ahead(iter("abc"))) == ["a", "b", "c"]
