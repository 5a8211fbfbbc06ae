"""A page about a corpus: what it is made of, how its examples fall out against what was promised, how they look."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bertdata.files import publish
from bertdata.report_examples import example_pairs
from bertdata.report_numbers import by_length, shares_of
from bertdata.report_page import Section, listed, number, page, percent, size, tiles
from bertdata.report_sections import cleaning, lengths, masks, recipe, shards, sources
from bertdata.report_vocab import vocabulary


def write_report(folder: Path, manifest: dict[str, Any], output: Path | None = None) -> Path:
    """Write `report.html` (or `output`) and return its path: one file that loads nothing from anywhere.

    It is made of the manifest, `vocab/` and a few rows of `shards/`; what isn't there any more is said, not needed.
    The same corpus gives the same bytes wherever it lies: the page has no date, no time and no path of the machine.
    """
    path = output or folder / "report.html"
    text = report_page(folder, manifest)
    with publish(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


def report_page(folder: Path, manifest: dict[str, Any]) -> str:
    """Return the page's HTML."""
    # Sorted as in the file: what a build has in memory is in the order in which it was counted.
    manifest = json.loads(json.dumps(manifest, sort_keys=True))
    sections = [
        Section("sources", "Sources", sources(manifest)),
        Section("lengths", "Lengths", lengths(manifest)),
        Section("masks", "Masks and labels", masks(manifest)),
        Section("vocabulary", "Vocabulary", vocabulary(folder, manifest)),
        Section("shards", "Shards", shards(manifest)),
        Section("cleaning", "Cleaning", cleaning(manifest)),
        Section("examples", "Examples", example_pairs(folder, manifest)),
        Section("recipe", "Recipe", recipe(manifest)),
    ]
    foot = (
        f"Made by bertdata {manifest['bertdata_version']}. Every option and checksum is in manifest.json; "
        "<code>bertdata verify</code> checks them."
    )
    names = list(manifest["documents"]["by_source"])
    return page(names, _lead(manifest), _numbers(manifest), [s for s in sections if s.body], foot)


def _lead(manifest: dict[str, Any]) -> str:
    options, documents = manifest["options"]["examples"], manifest["documents"]
    pairs = {
        "balanced": "next-sentence pairs, half of them random by exchange",
        "original": "next-sentence pairs as BERT drew them",
        "sop": "sentence-order pairs, half of them swapped",
        "none": "full sentences without pairs",
    }
    unit = {"token": "tokens", "whole-word": "tokens, whole words", "span": "tokens, in spans"}
    sizes = listed(map(str, options["max_seq_length"]), 9)
    return (
        f"{number(documents['count'])} documents as BERT pretraining examples of up to {sizes} tokens: "
        f"{pairs[options['pairs']]}, {100 * options['masked_lm_prob']:g} % of {unit[options['masking']]} to predict."
    )


def _numbers(manifest: dict[str, Any]) -> str:
    documents, splits = manifest["documents"], manifest["splits"].values()
    shares = [share for key in by_length(manifest) for share in shares_of(manifest, key)]
    values = [
        ("Documents", number(documents["count"])),
        ("Text", size(documents["text_bytes"])),
        ("Vocabulary", number(manifest["vocab"]["size"])),
        ("Unknown tokens", percent(manifest["tokens"]["unknown_tokens"] / max(1, manifest["tokens"]["tokens"]), 3)),
        ("Examples", number(sum(split["examples"] for split in splits))),
        ("Tokens in examples", number(sum(split["tokens"] for split in splits))),
        ("Shards", number(sum(len(split["files"]) for split in splits))),
        ("Shares as promised", f"{sum(s.passed for s in shares)} of {len(shares)}"),
    ]
    return tiles(values)
