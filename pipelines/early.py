"""Imports that take seconds: before they are needed, and kept out of the garbage collector's way."""

from __future__ import annotations

import contextlib
import gc
import importlib
import sys
from collections.abc import Iterator
from importlib.abc import MetaPathFinder
from typing import Any

# What the steps need and is slow to import: 0.4 CPU seconds per worker and step otherwise.
_EARLY: tuple[str, ...] = ("apache_beam.runners.worker.sdk_worker_main", "pipelines.tasks", "pyarrow.parquet")
_EARLY += ("bertdata.extract.wikipedia", "mwparserfromhell", "nanotoken", "sentencex")


@contextlib.contextmanager
def importing() -> Iterator[None]:
    """Have the collector of cycles rest in the block, and leave what is imported alone from then on.

    Imports make no garbage, and what they leave is there to stay; but the collector would look through all of Beam
    again and again, while it is imported and as long as a step runs in the same process. Pandas is left out.
    """
    was_on, num_modules = gc.isenabled(), len(sys.modules)
    gc.disable()
    try:
        with _without_pandas():
            yield
    finally:
        if len(sys.modules) > num_modules:
            gc.freeze()
        if was_on:
            gc.enable()


class _NoPandas(MetaPathFinder):
    """Says that pandas isn't installed."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> None:
        """Raise ModuleNotFoundError for pandas; know nothing of other modules."""
        if name == "pandas":
            raise ModuleNotFoundError(name=name)


@contextlib.contextmanager
def _without_pandas() -> Iterator[None]:
    """Have Beam find no pandas in the block: no step uses it, and its import takes long."""
    finder = _NoPandas()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


def leave_out_pandas() -> None:
    """Have pyarrow work without pandas, which it would import for its first array or scalar, if it hasn't yet.

    For processes that are bertdata's alone: pyarrow would not know a pandas column there (`to_pandas` still works).
    """
    with _without_pandas():
        import pyarrow as pa

        pa.array([])


def import_early(*more: str) -> None:
    """Import what workers need into the process that forks them."""
    with importing():
        for name in (*_EARLY, *more):
            with contextlib.suppress(Exception):  # The worker that needs it will say what is wrong with it.
                importlib.import_module(name)
        leave_out_pandas()
    gc.collect()
    gc.freeze()  # The collector would else write to, and so copy, every page that workers share.
