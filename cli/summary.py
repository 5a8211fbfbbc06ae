"""The closing tables of the building commands."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from cli.console import format_bytes, format_seconds, print_json, print_table

# So many lines of what was lost are shown.
_MAX_LOST = 20


def print_summary(folder: Path, manifest: dict[str, Any], seconds: float, as_json: bool) -> None:
    """Print what a corpus holds: documents, rejections by reason, tokens, examples, licences."""
    if as_json:
        print_json(manifest)
        return
    print_documents(manifest["documents"]["by_source"], manifest["skipped"], manifest["rejected"]["by_source"])
    rows: list[tuple[Any, ...]] = []
    for key, split in manifest["splits"].items():
        statistics = split["statistics"]
        random = statistics.get("random_next", 0) / max(1, split["examples"])
        length = int(key.split("/")[0])
        padding = 1 - split["tokens"] / max(1, split["examples"] * length)
        files = split["files"]
        rows.append(
            (
                key,
                split["examples"],
                split["tokens"],
                f"{random:.2%}",
                f"{padding:.1%}",
                len(files),
                format_bytes(sum(file["bytes"] for file in files)),
            )
        )
    print_table("Examples", ["shards", "examples", "tokens", "random next", "padding", "files", "size"], rows)
    rows = [(name or "not stated", count) for name, count in manifest["documents"]["licenses"].items()]
    print_table("Licences of the text (see ATTRIBUTION.md)", ["licence", "documents"], rows)
    _print_lost(manifest["documents"]["lost"], folder / "manifest.json")
    vocab = manifest["vocab"]
    click.echo(f"{folder}: vocabulary of {vocab['size']:,} entries, built in {format_seconds(seconds)}.")
    click.echo(f"Next: bertdata verify {folder}; bertdata pretrain {folder} --output RUN")


def print_documents(
    documents: dict[str, int], skipped: dict[str, dict[str, int]], rejected: dict[str, dict[str, int]]
) -> None:
    """Print documents by source, and what was skipped or rejected, by reason."""
    rows: list[tuple[str, str, int]] = []
    for source, count in documents.items():
        rows.append((source, "documents", count))
        rows += [(source, f"skipped: {reason}", n) for reason, n in skipped.get(source, {}).items()]
        rows += [(source, f"rejected: {reason}", n) for reason, n in rejected.get(source, {}).items()]
    print_table("Documents", ["source", "what", "count"], rows)


def _print_lost(lost: Sequence[str], file: Path) -> None:
    """Print what was lost: of much, the first lines and where all of it stands."""
    for line in lost[:_MAX_LOST]:
        click.echo(f"Lost: {line}")
    if len(lost) > _MAX_LOST:
        click.echo(f"Lost: {len(lost) - _MAX_LOST:,} more, which {file} names.")


def print_extract(folder: Path, result: dict[str, Any], as_json: bool) -> None:
    """Print what the extract step gave."""
    if as_json:
        print_json({key: value for key, value in result.items() if key != "files"})
        return
    print_documents(result["documents_by_source"], result["skipped"], result["rejected"])
    _print_lost(result["lost"], folder / "steps" / "extract.json")
    click.echo(f"{folder}: {result['documents']:,} documents, {format_bytes(result['text_bytes'])} of text.")
    click.echo(f"Next: bertdata build-vocab {folder}")


def print_vocab(folder: Path, result: dict[str, Any], as_json: bool) -> None:
    """Print what the vocab step gave."""
    if as_json:
        print_json({key: value for key, value in result.items() if key != "files"})
        return
    click.echo(f"{folder / 'vocab' / 'vocab.txt'}: {result['size']:,} entries, SHA-256 {result['sha256'][:16]}…")
    click.echo(f"Next: bertdata build-examples {folder}")
