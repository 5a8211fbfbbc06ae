"""Which shards a folder holds: found, complete and in the order of their numbers, and what their build says of them."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

from bertdata.errors import FormatError, InputError, OptionError
from bertdata.steps import complete_record, read_json
from bertdata.store import StorePath

# So many shards are opened before the first row is read (a fifth of a second); of more their build is believed.
_OPENED_AT_ONCE = 1000


class ShardPaths(Sequence[Path]):
    """The paths of files in one folder; each is made when it is asked for, since there may be a hundred thousand."""

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self.folder, self.names = folder, names

    def __len__(self) -> int:
        return len(self.names)

    @overload
    def __getitem__(self, number: int) -> Path: ...
    @overload
    def __getitem__(self, number: slice) -> ShardPaths: ...
    def __getitem__(self, number: int | slice) -> Path | ShardPaths:
        if isinstance(number, slice):
            return ShardPaths(self.folder, self.names[number])
        return self.folder / self.names[number]


@dataclass(frozen=True)
class Stated:
    """What their build says of shards, in their order: of those in a store the checksums, by which their copies are
    checked and found again; of very many on a disk rows and bytes, which spares opening them all."""

    checksums: Sequence[str] = ()
    rows: Sequence[int] = ()
    sizes: Sequence[int] = ()


def find_shards(path: Path, max_seq_length: int | None, split: str) -> ShardPaths:
    """Return the shards of one length and split, as `open_shards` takes them.

    Raises InputError where there is none, OptionError where several lengths are, FormatError where one is missing.
    """
    folder = _length_folder(path, max_seq_length) / split
    names = _list_shards(folder)
    if not names:
        others = ", ".join(sorted(p.name for p in folder.parent.iterdir() if p.is_dir())) or "none"
        raise InputError(f"{folder} holds no shard; splits there: {others}.")
    return ShardPaths(folder, _in_order(folder, names))


def _list_shards(folder: Path) -> list[str]:
    if isinstance(folder, StorePath):
        return [path.name for path in folder.glob("*.arrow")]
    return [entry.name for entry in os.scandir(folder) if entry.name.endswith(".arrow")] if folder.is_dir() else []


def _in_order(folder: Path, names: Collection[str]) -> list[str]:
    """Return names by their numbers, found to be 0 to N - 1 of N."""
    of_all = f"-of-{len(names):05d}.arrow"
    whole = [f"{number:05d}{of_all}" for number in range(len(names))]
    if set(names).issuperset(whole):
        return whole
    found = {name: re.fullmatch(r"(\d+)-of-(\d+)\.arrow", name) for name in sorted(names)}
    odd = next((name for name, numbers in found.items() if not numbers), None)
    if odd:
        raise FormatError(f"{folder / odd} isn't named like a shard (00000-of-00001.arrow): remove it from the folder.")
    totals = {int(numbers[2]) for numbers in found.values() if numbers}
    if len(totals) > 1:
        raise FormatError(f"{folder} mixes shards of {len(totals)} builds: remove it and build again.")
    total = totals.pop()
    missing = sorted(set(range(total)) - {int(numbers[1]) for numbers in found.values() if numbers})
    if not missing:
        raise FormatError(f"{folder} holds shards numbered beyond {total - 1:05d}: remove it and build again.")
    raise FormatError(f"{folder}/{missing[0]:05d}-of-{total:05d}.arrow is missing ({len(missing)} of {total} shards).")


def read_stated(paths: ShardPaths) -> Stated:
    """Return what their build says of shards: of few on a disk nothing, for those are all opened."""
    stored = isinstance(paths.folder, StorePath)
    if not stored and len(paths) <= _OPENED_AT_ONCE:
        return Stated()
    corpus, length = paths.folder.parents[2], paths.folder.parent.name
    record = complete_record(corpus, f"examples-{length}")
    made = record["result"] if record else read_json(corpus / "manifest.json") or {"splits": {}}
    files = made["splits"].get(f"{length}/{paths.folder.name}", {"files": []})["files"]
    below = paths.folder.relative_to(corpus).as_posix() + "/"
    if [file["path"] for file in files] != [below + name for name in paths.names]:
        return Stated()
    if stored:
        return Stated(checksums=[file["sha256"] for file in files])
    return Stated(rows=[file["rows"] for file in files], sizes=[file["bytes"] for file in files])


def _length_folder(path: Path, max_seq_length: int | None) -> Path:
    if not path.is_dir():
        raise InputError(f"{path} isn't a folder: give a corpus, its shards folder or one length's folder.")
    folder = path / "shards" if (path / "shards").is_dir() else path
    if folder.name.isdigit() and max_seq_length in (None, int(folder.name)):
        return folder
    lengths = sorted(int(p.name) for p in folder.iterdir() if p.is_dir() and p.name.isdigit())
    if not lengths:
        raise InputError(f"{folder} holds no shards: `bertdata build-corpus` or `bertdata build-examples` makes them.")
    if max_seq_length is None and len(lengths) > 1:
        raise OptionError(f"{folder} has lengths {', '.join(map(str, lengths))}: say which with max_seq_length.")
    if max_seq_length is not None and max_seq_length not in lengths:
        raise InputError(f"{folder} has no length {max_seq_length}, only {', '.join(map(str, lengths))}.")
    return folder / str(max_seq_length or lengths[0])
