"""Check every promise that a corpus makes: its files, their form, and the statistics of its examples."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from bertdata.arrays import as_numpy
from bertdata.errors import BertdataError
from bertdata.files import sha256_file
from bertdata.manifest import read_manifest
from bertdata.promises import Check, statistical_checks
from bertdata.reader import Shards, open_shards
from bertdata.scan import PROMISES, WHOLE_WORDS, Rules, Tally, scan_shards
from bertdata.store import as_path


class _Split(NamedTuple):
    """One length and split as the manifest has it, and what its shards really hold."""

    name: str
    stated: dict[str, Any]
    tally: Tally
    metadata: dict[str, Any]


def verify_corpus(folder: str | Path) -> list[Check]:
    """Check a finished corpus against its manifest, and return each promise with what was expected and found.

    Files are compared by bytes and SHA-256 first; shards whose files differ aren't read further. Shares are accepted
    within five standard deviations, so a correct corpus fails once in a million checks.

    Raises BuildError where there is no manifest, FormatError where it is of an unknown version.
    """
    folder = as_path(folder)
    manifest = read_manifest(folder)
    checks, sound = [], {}
    for name, files in _file_groups(manifest).items():
        found = check_files(folder, name, files)
        checks.append(found)
        sound[name] = found.passed
    if sound["vocab"]:
        checks.append(_check_vocabulary(folder, manifest))
        sound["vocab"] = checks[-1].passed
    splits = []
    for name, stated in manifest["splits"].items():
        if sound[f"shards/{name}"]:
            more, split = _check_split(folder, manifest, name, stated, sound["vocab"])
            checks += more
            splits += split
    checks += _check_disjoint(splits)
    if sound["documents"]:
        checks += _check_documents(folder, manifest, splits)
    return checks


def _file_groups(manifest: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    groups = {name: manifest[name]["files"] for name in ("documents", "rejected", "vocab")}
    return groups | {f"shards/{name}": split["files"] for name, split in manifest["splits"].items()}


def check_files(folder: Path, name: str, files: list[dict[str, Any]]) -> Check:
    """Check that files are there, of the size and SHA-256 that the manifest states; report the first that isn't."""
    expected = f"{len(files):,} files with their checksums"
    # Sizes first: a missing file is found without reading gigabytes before it.
    again = "Run the same build again, which makes it anew, or restore the file."
    for stated in files:
        path = folder / stated["path"]
        if not path.is_file():
            return Check(f"{name}: files", False, expected, "the file is missing", stated["path"], again)
        if path.stat().st_size != stated["bytes"]:
            got = f"{path.stat().st_size:,} bytes where {stated['bytes']:,} were written"
            return Check(f"{name}: files", False, expected, got, stated["path"], again)
    for stated in files:
        if sha256_file(folder / stated["path"]) != stated["sha256"]:
            got, remedy = "its bytes changed (other SHA-256)", f"Remove it. {again}"
            return Check(f"{name}: files", False, expected, got, stated["path"], remedy)
    return Check(f"{name}: files", True, expected, "all there, unchanged", "")


def _check_vocabulary(folder: Path, manifest: dict[str, Any]) -> Check:
    from bertdata.vocab import read_vocabulary

    stated, path = manifest["vocab"], "vocab/vocab.txt"
    expected = f"{stated['size']:,} tokens, SHA-256 {stated['sha256'][:12]}…"
    try:
        vocabulary = read_vocabulary(folder / path, True)
    except BertdataError as error:
        return Check("vocabulary", False, expected, str(error), path)
    got = f"{len(vocabulary):,} tokens, SHA-256 {vocabulary.sha256[:12]}…"
    return Check("vocabulary", got == expected, expected, got, path)


def _check_split(
    folder: Path, manifest: dict[str, Any], name: str, stated: dict[str, Any], with_words: bool
) -> tuple[list[Check], list[_Split]]:
    """Check the shards of one length and split, row by row."""
    length, split = name.split("/")
    place = f"shards/{name}"
    try:
        shards = open_shards(folder / "shards" / length, split=split)
        rules = Rules(shards.metadata, _continuation(shards) if with_words else None)
        tally = scan_shards(shards, rules)
    except BertdataError as error:
        return [Check(f"{place}: format", False, "shards that this version reads", str(error), place)], []
    checks = [_check_metadata(place, shards, manifest, int(length))]
    for promise in PROMISES:
        if promise == WHOLE_WORDS and rules.is_continuation is None:
            continue
        broken, where = tally.broken.get(promise, (0, ""))
        got = f"{broken:,} rows break it" if broken else f"{shards.num_examples:,} rows hold it"
        checks.append(Check(f"{place}: {promise}", not broken, "all rows", got, where))
    if not tally.broken:
        checks.append(_check_counts(place, stated, tally))
        checks += statistical_checks(place, shards.metadata, tally)
    return checks, [_Split(name, stated, tally, shards.metadata)]


def _continuation(shards: Shards) -> npt.NDArray[np.bool_] | None:
    words = shards.metadata["masking"] != "token"
    return shards.vocabulary.is_continuation if words else None


def _check_metadata(place: str, shards: Shards, manifest: dict[str, Any], length: int) -> Check:
    vocab = manifest["vocab"]
    expected = {"max_seq_length": length, "vocab_sha256": vocab["sha256"], "vocab_size": vocab["size"]}
    expected["seed"] = manifest["seed"]
    differ = [f"{k} is {shards.metadata[k]}" for k, v in expected.items() if shards.metadata[k] != v]
    want = ", ".join(f"{k} {str(v)[:12]}" for k, v in expected.items())
    return Check(f"{place}: format", not differ, want, "; ".join(differ) or "the same", str(place))


def _check_counts(place: str, stated: dict[str, Any], tally: Tally) -> Check:
    """Compare what the manifest counts with what the shards hold."""
    pairs = {"examples": stated["examples"], "tokens": stated["tokens"]}
    statistics = stated.get("statistics", {})
    pairs |= {k: statistics[k] for k in ("random_next", "masked") if k in statistics}
    rows = sum(f["rows"] for f in stated["files"])
    wrong = [f"{k} {int(tally.counts.get(k, 0)):,}" for k, v in pairs.items() if int(tally.counts.get(k, 0)) != v]
    wrong += [f"rows of files {rows:,}"] if rows != stated["examples"] else []
    expected = ", ".join(f"{k} {v:,}" for k, v in pairs.items())
    return Check(f"{place}: counts", not wrong, expected, "; ".join(wrong) or "the same", place)


def _check_disjoint(splits: list[_Split]) -> list[Check]:
    """Check that no document is in both splits of a length."""
    checks = []
    by_name = {split.name: split for split in splits}
    for name, train in by_name.items():
        other = by_name.get(name.replace("/train", "/validation"))
        if name.endswith("/train") and other is not None:
            both = np.intersect1d(train.tally.documents, other.tally.documents, assume_unique=True)
            got = f"{len(both):,} are" if len(both) else "none is"
            where = f"document_hash {both[0]}" if len(both) else ""
            checks.append(Check(f"shards/{other.name}: held out", not len(both), "no document in train", got, where))
    return checks


def _check_documents(folder: Path, manifest: dict[str, Any], splits: list[_Split]) -> list[Check]:
    """Check the number of documents, and that every side of every pair comes from one of them."""
    from bertdata.documents import read_columns

    stated = manifest["documents"]
    hashes = [np.zeros(0, dtype=np.int64)]
    for file in stated["files"]:
        hashes.append(as_numpy(read_columns(folder / file["path"], "document_hash").column(0)))
    known = np.unique(np.concatenate(hashes))
    num_rows = sum(map(len, hashes))
    unique = num_rows == len(known) == stated["count"]
    got = f"{num_rows:,} rows, {len(known):,} different"
    checks = [Check("documents: count", unique, f"{stated['count']:,} documents, each once", got, "documents")]
    for split in splits:
        lost = np.setdiff1d(split.tally.documents, known, assume_unique=True)
        where = f"document_hash {lost[0]}" if len(lost) else ""
        got = f"{len(lost):,} unknown" if len(lost) else f"{len(split.tally.documents):,} known"
        checks.append(Check(f"shards/{split.name}: origin", not len(lost), "documents of documents/", got, where))
    return checks
