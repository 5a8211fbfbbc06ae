"""The pages that lie beside a corpus: where its text comes from and under which licence, and what is in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bertdata.files import publish

_LICENSE_TEXTS = {
    "CC-BY-SA-4.0": (
        "Text of Wikipedia articles, by their authors (each document's `url` leads to the page and its history), "
        "under the Creative Commons Attribution-ShareAlike 4.0 licence "
        "(https://creativecommons.org/licenses/by-sa/4.0/). Markup, tables, lists and references were removed."
    ),
    "": "No licence was given for these documents: `--license SPDX` names one.",
}


def write_attribution(folder: Path, manifest: dict[str, Any]) -> None:
    """Write `ATTRIBUTION.md`: sources and licences of the text, as CC BY-SA asks whoever passes it on."""
    documents = manifest["documents"]
    lines = ["# Attribution", "", "The documents of this corpus come from:", ""]
    for name, count in documents["by_source"].items():
        lines.append(f"- `{name}`: {count:,} documents")
    lines += ["", "## Files", ""]
    for source in manifest["sources"][:1000]:
        lines.append(f"- `{source['name']}` ({source['bytes']:,} bytes, {checksum_name(source)})")
    if len(manifest["sources"]) > 1000:
        lines.append(f"- and {len(manifest['sources']) - 1000:,} more, all in `manifest.json`")
    lines += ["", "## Licences", ""]
    for license_, count in documents["licenses"].items():
        text = _LICENSE_TEXTS.get(license_, "See https://spdx.org/licenses/ for its text.")
        lines += [f"### {license_ or 'not stated'} ({count:,} documents)", "", text, ""]
    _write(folder / "ATTRIBUTION.md", lines)


def checksum_name(source: dict[str, Any]) -> str:
    """Return a source's checksum as a person reads it; a source in a store has the store's own."""
    return f"SHA-256 {source['sha256']}" if "sha256" in source else f"version {source['version']}"


def write_data_card(folder: Path, manifest: dict[str, Any]) -> None:
    """Write `README.md`: what is in the corpus and how to read it."""
    documents, vocab, options = manifest["documents"], manifest["vocab"], manifest["options"]
    lines = [
        "# BERT pretraining corpus",
        "",
        f"Made by bertdata {manifest['bertdata_version']} from {len(manifest['sources']):,} source files; "
        "licences of the text are in `ATTRIBUTION.md`, every option and checksum in `manifest.json`.",
        "",
        f"- {documents['count']:,} documents, {documents['text_bytes']:,} bytes of text",
        f"- a WordPiece vocabulary of {vocab['size']:,} entries "
        f"({'lower case' if options['vocab']['lowercase'] else 'cased'})",
        f"- pairs `{options['examples']['pairs']}`, masks `{options['examples']['masking']}` at "
        f"{options['examples']['masked_lm_prob']:.0%}, seed {manifest['seed']}",
        "",
        "| length and split | examples | tokens | shards |",
        "|---|---:|---:|---:|",
    ]
    for key, split in manifest["splits"].items():
        lines.append(f"| `shards/{key}` | {split['examples']:,} | {split['tokens']:,} | {len(split['files']):,} |")
    lines += [
        "",
        "```python",
        "import bertdata",
        'shards = bertdata.open_shards(".", split="train")  # numpy only',
        "for batch in shards.batches(256, seed=1): ...",
        "",
        "import datasets",
        f'datasets.load_dataset("shards", "{_first_length(manifest)}")',
        "```",
        "",
        "`bertdata verify .` checks all that is promised here.",
        "",
    ]
    _write(folder / "README.md", lines)


def _first_length(manifest: dict[str, Any]) -> str:
    return str(manifest["options"]["examples"]["max_seq_length"][0])


def _write(path: Path, lines: list[str]) -> None:
    with publish(path) as temporary:
        temporary.write_text("\n".join(lines), encoding="utf-8")
