"""What the user named on the command line, expanded to sources: files, each with the name that ids are made of."""

from __future__ import annotations

import difflib
import glob
import re
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from bertdata.errors import InputError, require
from bertdata.files import files_below, publish
from bertdata.records import Source, SourceKind
from bertdata.store import StorePath, as_path, is_bucket_missing, list_matching

_NAMED = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]*)=(.+)", re.DOTALL)
_WILDCARD = re.compile(r"[*?\[]")
_DUMP = re.compile(r"\.xml(-p\d+p\d+)?(\.(bz2|gz|xz|zst))?$|\.xml[^/]*\.(bz2|gz|xz|zst)$")
_DEFAULT_NAMES = {"wikipedia": None, "books": "books", "text": "text"}


def expand_sources(
    kind: SourceKind, values: Iterable[str], stdin: Path | None = None, output: Path | None = None
) -> list[Source]:
    """Expand the values of one option (`--books a/ b/*.txt NAME=c/`) to sources, ordered by name whatever their order.

    A value is a file, a folder (read recursively, in path order), a pattern, or `-`: standard input, which is copied
    to `stdin` first since slices are read by range. Values of one name become one source. Of folders and patterns, what
    lies in `output` is left out: there the same command finds what it built before.

    Raises InputError for a value that names nothing, for a folder without a file of this kind, and for a file that is
    named twice.
    """
    files: dict[str | None, list[tuple[str, str]]] = {}
    for value in values:
        name, path = _split_name(value)
        found = _standard_input(stdin) if path == "-" else _find(kind, path, output)
        files.setdefault(name or _DEFAULT_NAMES[kind], []).extend(found)
    for found in files.values():
        _refuse_twice(found)
    return [
        Source(kind, name, tuple(path for _, path in sorted(found)), tuple(below for below, _ in sorted(found)))
        for name, found in sorted(files.items(), key=lambda item: item[0] or "")
    ]


def _split_name(value: str) -> tuple[str | None, str]:
    named = _NAMED.fullmatch(value)
    if named and not as_path(value).exists():
        return named[1], named[2]
    return None, value


def _standard_input(stdin: Path | None) -> list[tuple[str, str]]:
    require(stdin is not None, "- (standard input) can't be read here: name a file", InputError)
    assert stdin is not None
    with publish(stdin) as temporary, temporary.open("wb") as file:
        shutil.copyfileobj(sys.stdin.buffer, file, 1 << 20)
    require(stdin.stat().st_size, "standard input is empty: nothing was piped into `-`", InputError)
    return [("stdin", str(stdin))]


def _find(kind: SourceKind, value: str, output: Path | None) -> list[tuple[str, str]]:
    """Return (name below the root that the user named, path) of every file that a value names."""
    path = as_path(value).expanduser()
    if path.is_dir():
        found = _leave_out(output, _files_below(kind, path))
        require(found, f"{value} holds no {_what(kind)}", InputError)
        return _named(found, path)
    if path.exists():
        return [(path.name, str(path))]
    if _WILDCARD.search(value):
        root = _fixed_root(path)
        found = _leave_out(output, _files_matching(kind, path, root))
        require(found, f"{value} matches no {_what(kind)}", InputError)
        return _named(found, root)
    raise InputError(f"{value} does not exist{_suggestion(path)}")


def _files_below(kind: SourceKind, folder: Path) -> list[Path]:
    return [p for p in files_below(folder) if _is_wanted(kind, p.name) and not _is_hidden(p.relative_to(folder))]


def _files_matching(kind: SourceKind, pattern: Path, root: Path | None) -> list[Path]:
    """Return the files that match a pattern whose fixed part is `root`, and those below folders that do."""
    if isinstance(pattern, StorePath) and isinstance(root, StorePath):
        files, folders = list_matching(root, pattern)
    else:
        # Path.glob can't take an absolute pattern, and skips what glob.glob finds through links.
        matches = [Path(match) for match in glob.glob(str(pattern), recursive=True)]  # noqa: PTH207
        files, folders = ([p for p in matches if is_kind(p)] for is_kind in (Path.is_file, Path.is_dir))
    found, matching = {p for p in files if _is_wanted(kind, p.name)}, set(folders)
    for folder in folders:
        if matching.isdisjoint(folder.parents):
            found.update(_files_below(kind, folder))
    return sorted(found)


def _leave_out(output: Path | None, paths: list[Path]) -> list[Path]:
    """Return the files that don't lie in the output folder, whatever links lead there."""
    if output is None:
        return paths
    real = output.resolve()
    within = {folder: real in (folder.resolve(), *folder.resolve().parents) for folder in {p.parent for p in paths}}
    return [path for path in paths if not within[path.parent]]


def _named(paths: Iterable[Path], root: Path | None) -> list[tuple[str, str]]:
    return [((path.relative_to(root) if root else path).as_posix(), str(path)) for path in paths]


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _is_wanted(kind: SourceKind, name: str) -> bool:
    # A dumps folder also holds indexes, checksums and logs; which files of a books folder are books, its reader knows.
    return kind != "wikipedia" or bool(_DUMP.search(name))


def _what(kind: SourceKind) -> str:
    return "dump (*.xml, .xml.bz2, .xml.gz, .xml.xz, .xml.zst)" if kind == "wikipedia" else "file"


def _fixed_root(pattern: Path) -> Path | None:
    parts = pattern.parts
    fixed = parts[: next(n for n, part in enumerate(parts) if _WILDCARD.search(part))]
    return type(pattern)(*fixed) if fixed else None


def _suggestion(path: Path) -> str:
    parent = path.parent
    if is_bucket_missing(path):
        return f": there is no {'//'.join(path.parts[:2])}"
    if not parent.is_dir():
        return f": there is no folder {parent}"
    close = difflib.get_close_matches(path.name, [p.name for p in parent.iterdir()], n=1, cutoff=0.7)
    return f"; did you mean {parent / close[0] if str(parent) != '.' else close[0]}?" if close else ""


def _refuse_twice(found: Sequence[tuple[str, str]]) -> None:
    seen: dict[Path, str] = {}
    for _, path in found:
        real = as_path(path).resolve()
        require(real not in seen, f"{path} is named twice" + (f" (also as {seen.get(real)})"), InputError)
        seen[real] = path
