"""The manifest: what a corpus is, what it was made of and what it promises; merged from the steps' records, last."""

from __future__ import annotations

import datetime
import importlib.metadata
import platform
from pathlib import Path
from typing import Any

from bertdata import __version__
from bertdata.errors import BuildError, FormatError
from bertdata.steps import STEPS, complete_record, read_json
from bertdata.store import as_path

FORMAT_VERSION = 1
# What the output's bytes depend on, beside inputs, options and seed.
_VERSIONS = ("numpy", "pyarrow", "sentencex", "nanotoken", "tokenizers", "mwparserfromhell")
# The fields in which two builds of the same thing differ.
VOLATILE = ("created", "seconds")


def versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that output bytes depend on."""
    found = {"python": platform.python_version()}
    for name in _VERSIONS:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "absent"
    return found


def merge_manifest(folder: Path, seconds: dict[str, float]) -> dict[str, Any]:
    """Merge the records of all steps to the manifest's value; `seconds` are the wall times of the steps just run.

    Raises BuildError where a step is missing.
    """
    records = _records(folder)
    extract, vocab, tokens = (records[name]["result"] for name in ("extract", "vocab", "tokens"))
    examples = {name: record for name, record in records.items() if name.startswith("examples-")}
    options: dict[str, Any] = {}
    for name, record in records.items():
        options.setdefault(name.split("-")[0], {}).update(record["options"])
    options["examples"]["max_seq_length"] = sorted(int(name.split("-")[1]) for name in examples)
    return {
        "format_version": FORMAT_VERSION,
        "bertdata_version": __version__,
        "versions": versions(),
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "seconds": {name: round(value, 3) for name, value in sorted(seconds.items())},
        "options": options,
        "seed": options["examples"]["seed"],
        "sources": extract["sources"],
        "documents": {
            "count": extract["documents"],
            "by_source": extract["documents_by_source"],
            "text_bytes": extract["text_bytes"],
            "licenses": extract["licenses"],
            "lost": extract["lost"],
            "files": extract["files"]["documents"],
        },
        "skipped": extract["skipped"],
        "rejected": {"by_source": extract["rejected"], "files": extract["files"]["rejected"]},
        "rules": extract["rules"],
        "vocab": {"files": vocab["files"]["vocab"], **{k: v for k, v in vocab.items() if k != "files"}},
        "tokens": {k: v for k, v in tokens.items() if k != "files"},
        "splits": {key: split for record in examples.values() for key, split in record["result"]["splits"].items()},
    }


def _records(folder: Path) -> dict[str, dict[str, Any]]:
    records = {name: complete_record(folder, name) for name in STEPS if name != "examples"}
    lengths = sorted((folder / "steps").glob("examples-*.json"), key=lambda p: int(p.stem.split("-")[1]))
    records |= {path.stem: complete_record(folder, path.stem) for path in lengths}
    missing = [name for name, record in records.items() if record is None]
    if missing or not lengths:
        raise BuildError(f"{folder} is unfinished: its {', '.join(missing) or 'examples'} step is missing.")
    return {name: record for name, record in records.items() if record is not None}


def read_manifest(folder: Path | str) -> dict[str, Any]:
    """Return a corpus' manifest.

    Raises BuildError where there is none (an unfinished corpus), FormatError where its version is of the future.
    """
    folder = as_path(folder)
    manifest = read_json(folder / "manifest.json")
    if manifest is None:
        what = "does not exist" if not folder.exists() else "has no manifest.json: its build isn't finished"
        raise BuildError(f"{folder} {what}; `bertdata build-corpus … --output {folder}` makes it.")
    version = manifest.get("format_version")
    if version != FORMAT_VERSION:
        raise FormatError(
            f"{folder}/manifest.json has format_version {version!r}; this bertdata reads {FORMAT_VERSION}: "
            "use the version that wrote it, or build the corpus again."
        )
    return dict(manifest)
