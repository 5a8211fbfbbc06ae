"""Imports that take seconds: before they are needed, and without a look for garbage, of which they make none."""

from __future__ import annotations

import contextlib
import gc
import importlib
from collections.abc import Iterator

# What the steps need and is slow to import: 0.4 CPU seconds per worker and step otherwise.
_EARLY: tuple[str, ...] = ("apache_beam.runners.worker.sdk_worker_main", "pipelines.tasks", "pyarrow.parquet")
_EARLY += ("bertdata.extract.wikipedia", "mwparserfromhell", "nanotoken", "sentencex")


@contextlib.contextmanager
def no_collection() -> Iterator[None]:
    """Have the collector of cycles rest in the block: it takes a fifth of Beam's import."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def import_early(*more: str) -> None:
    """Import what workers need into the process that forks them."""
    with no_collection():
        for name in (*_EARLY, *more):
            with contextlib.suppress(Exception):  # The worker that needs it will say what is wrong with it.
                importlib.import_module(name)
    gc.collect()
    gc.freeze()  # The collector would else write to, and so copy, every shared page.
