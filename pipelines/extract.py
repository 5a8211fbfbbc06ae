"""The extract step: slices of the sources to documents."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import Any

from bertdata.errors import BuildError, InputError
from bertdata.extract.duplicates import refuse_duplicate_ids
from bertdata.extract.options import ExtractOptions
from bertdata.extract.slices import plan_slices
from bertdata.extract.step import extract_slice
from bertdata.files import describe_source, fingerprint
from bertdata.records import Slice, Source
from bertdata.steps import Step
from bertdata.store import StorePath, as_path
from pipelines.progress import count
from pipelines.step import Build, Result, Task, met_before, run_step, warm_workers

# XML through decompression, cleaning and Parquet; what decides how many processes are worth starting.
_BYTES_PER_SECOND = 8e6


def extract(build: Build, sources: Sequence[Source], options: ExtractOptions) -> Result:
    """Write `documents/` and `rejected/`, and return the step's record.

    Raises InputError where a source gives no document, or where two documents have one id.
    """
    step = Step(build.folder, "extract", asdict(options), _inputs(sources))
    if (record := met_before(build, step, lambda result: f"{result['documents']:,} documents")) is not None:
        return record
    step.begin(force=build.force)
    warm_workers(build.run, _known_bytes(sources), _BYTES_PER_SECOND)
    slices = plan_slices(sources)
    files = sorted({(s.kind, path, name) for s in sources for path, name in zip(s.files, s.names, strict=True)})
    stored = tuple(file for file in files if isinstance(as_path(file[1]), StorePath))
    files = sorted(set(files) - set(stored))
    tasks = [Task(f"slice-{s.index:05d}", s, s.num_bytes) for s in slices]
    tasks += [
        Task(f"sums-{n:05d}", tuple(files[at : at + _FILES_A_TASK]), 0)
        for n, at in enumerate(range(0, len(files), _FILES_A_TASK))
    ]
    results = run_step(build, step, tasks, functools.partial(_work, options, str(build.folder)), _BYTES_PER_SECOND)
    made, sums = results[: len(slices)], [*results[len(slices) :], describe_sources(stored)]
    _refuse_empty(sources, slices, made)
    refuse_duplicate_ids(build.folder, slices, made)
    result = summarise(slices, made, sums)
    build.reporter.end(
        f"{result['documents']:,} documents of {result['pages']:,} pages, {result['text_bytes'] / 1e6:,.1f} MB of text"
    )
    return step.complete(result)


def _known_bytes(sources: Sequence[Source]) -> int:
    """Return the bytes of the first files, as they lie on a disk: less than their text, if they are compressed."""
    paths = (as_path(path) for source in sources for path in source.files[:_FILES_A_TASK])
    return sum(path.stat().st_size for path in paths if not isinstance(path, StorePath) and path.is_file())


# Small files are many: their sums are taken a hundred at a time.
_FILES_A_TASK = 100


def _work(options: ExtractOptions, folder: str, payload: Slice | tuple[tuple[str, str, str], ...]) -> Result:
    if isinstance(payload, Slice):
        done = 0

        def progress(pages: int, text_bytes: int) -> None:
            nonlocal done
            count("pages", pages)
            # Text is less than its markup, so this stays below the slice's raw bytes; the rest is counted at its end.
            step = min(text_bytes, payload.num_bytes - done)
            done += step
            count("bytes", step)

        result = extract_slice(payload, options, as_path(folder), progress)
        count("bytes", payload.num_bytes - done)
        return result
    return describe_sources(payload)


def describe_sources(files: Sequence[tuple[str, str, str]]) -> Result:
    """Return what the manifest says of source files, given as (kind, path, name); a listing told it of a store's."""
    return {"sums": [{"kind": kind, "name": name, **describe_source(path)} for kind, path, name in files]}


def _inputs(sources: Sequence[Source]) -> dict[str, str]:
    found: dict[str, str] = {}
    for source in sources:
        for path, name in zip(source.files, source.names, strict=True):
            try:
                found[f"{source.kind}:{source.name or ''}/{name}"] = fingerprint(path)
            except OSError as error:
                raise InputError(f"{path} can't be read: {error.strerror}") from error
    return found


def _refuse_empty(sources: Sequence[Source], slices: Sequence[Slice], results: Sequence[Result]) -> None:
    totals: dict[tuple[str, str], Counter[str]] = {}
    for slice_, result in zip(slices, results, strict=True):
        total = totals.setdefault((slice_.kind, slice_.source), Counter())
        counts = result["counts"]
        total.update(documents=counts["documents"], pages=counts["pages"])
        total.update({f"{n} skipped": k for n, k in counts["skipped"].items()})
        total.update({f"{n} rejected": k for n, k in counts["rejected"].items()})
    for (kind, name), total in totals.items():
        if not total.pop("documents"):
            files = [path for s in sources if s.kind == kind for path in s.files if s.name in (name, None)]
            held = ", ".join(f"{count:,} {what}" for what, count in sorted(total.items()) if count) or "nothing"
            raise InputError(
                f"The {kind} source {name!r} ({files[0]}{' …' if len(files) > 1 else ''}) gave no document; "
                f"it held {held}. Is it the right file?"
            )
    if not totals:
        raise BuildError("No source was given: name at least one of --wikipedia, --books, --text.")


def tell_once(lost: Sequence[str]) -> list[str]:
    """Return the lines of what was lost without those that another one begins with.

    A damaged block is told by its own slice, and by the one before it where a page of that one reaches into it.

    >>> tell_once(["a at byte 7: corrupt, in the middle of page 'B'", "a at byte 7: corrupt"])
    ["a at byte 7: corrupt, in the middle of page 'B'"]
    """
    in_order = sorted(lost)
    parts = {line for line, following in pairwise(in_order) if following.startswith(line) and following != line}
    return [line for line in lost if line not in parts]


def summarise(slices: Sequence[Slice], results: Sequence[Result], sums: Sequence[Result]) -> dict[str, Any]:
    """Add up what the slices held: counts by source and by reason, files, sums of the source files."""
    skipped: dict[str, Counter[str]] = {}
    rejected: dict[str, Counter[str]] = {}
    documents: Counter[str] = Counter()
    pages: Counter[str] = Counter()
    rules: Counter[str] = Counter()
    licenses: Counter[str] = Counter()
    lost: list[str] = []
    for slice_, result in zip(slices, results, strict=True):
        counts = result["counts"]
        documents[slice_.source] += counts["documents"]
        pages[slice_.names[0] if slice_.kind == "wikipedia" else slice_.source] += counts["pages"]
        skipped.setdefault(slice_.source, Counter()).update(counts["skipped"])
        rejected.setdefault(slice_.source, Counter()).update(counts["rejected"])
        rules.update(counts["rules"])
        licenses.update(result["licenses"])
        lost += counts["lost"]
    sources = [s for each in sums for s in each["sums"]]
    for source in sources:
        if source["kind"] == "wikipedia":
            source["pages"] = pages[source["name"]]
    return {
        "documents": documents.total(),
        "documents_by_source": dict(sorted(documents.items())),
        "pages": pages.total(),
        "skipped": {name: dict(sorted(c.items())) for name, c in sorted(skipped.items()) if c},
        "rejected": {name: dict(sorted(c.items())) for name, c in sorted(rejected.items()) if c},
        "rules": dict(sorted(rules.items())),
        "licenses": dict(sorted(licenses.items())),
        "lost": tell_once(lost),
        "text_bytes": sum(result["text_bytes"] for result in results),
        "sources": sources,
        "files": {
            name: [result["files"][name] for result in results if name in result["files"]]
            for name in ("documents", "rejected")
        },
    }
