"""Sentences with one label a word: CoNLL columns and JSON lines, and the chunks that their labels mark.

Source of the format and of the chunk rules: the CoNLL-2003 shared task and its evaluation script, conlleval.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bertdata.errors import InputError
from trainer.textfile import parse_json_line, read_json, read_lines

_WORD_KEYS = ("words", "tokens")
_LABEL_KEYS = ("ner", "labels", "tags", "ner_tags", "pos", "pos_tags")


@dataclass(frozen=True)
class Sentence:
    """Words and their labels (empty where a file has none); `line` is where it begins in its file, from 1."""

    line: int
    words: tuple[str, ...]
    labels: tuple[str, ...]


def read_sentences(
    path: str, *, label_column: str | None = None, word_column: str | None = None, labelled: bool = True
) -> list[Sentence]:
    """Read a CoNLL file, or JSON lines with a list of words and a list of labels.

    In CoNLL columns (parted by any blanks) the word is the first and the label the last, unless the options give
    numbers from 1; blank lines part sentences, however many; `-DOCSTART-` marks a document and is no word.
    In JSON the options are keys.

    Raises InputError with the line where a label is missing, or words and labels differ in number.
    """
    lines = read_lines(path)
    first = next(line for line in lines if line.strip()).lstrip()
    if first.startswith("{") or (first.startswith("[") and path.lower().endswith(".json")):
        found = list(_json_sentences(path, lines, label_column, word_column, labelled))
    else:
        found = list(_column_sentences(path, lines, label_column, word_column, labelled))
    if not found:
        raise InputError(f"{path} holds no sentence.")
    return found


def chunks(labels: tuple[str, ...]) -> list[tuple[str, int, int]]:
    """Return the (type, first, last) word positions of each entity, by conlleval's rules.

    They hold for IOB1, IOB2 and BIOES: a chunk begins at B or S, where the type changes, or after a chunk that ended;
    so a stray I- begins one, as in the official script.

    >>> chunks(("B-PER", "I-PER", "O", "I-LOC", "B-LOC"))
    [('PER', 0, 1), ('LOC', 3, 3), ('LOC', 4, 4)]
    """
    found: list[tuple[str, int, int]] = []
    start, open_type, previous = 0, "", "O"
    for i, label in enumerate((*labels, "O")):
        prefix, _, kind = ("O", "", "") if label == "O" else _split(label)
        if open_type and (prefix in "OBS" or kind != open_type or previous in "ES"):
            found.append((open_type, start, i - 1))
            open_type = ""
        if prefix != "O" and not open_type:
            start, open_type = i, kind
        previous = prefix
    return found


def _split(label: str) -> tuple[str, str, str]:
    prefix, dash, kind = label.partition("-")
    # U and L are BILOU's words for S and E; a label without a prefix is one of its own type.
    return ({"U": "S", "L": "E", "M": "I"}.get(prefix, prefix), dash, kind) if dash else ("I", "-", label)


def _column_sentences(
    path: str, lines: list[str], label_column: str | None, word_column: str | None, labelled: bool
) -> Iterator[Sentence]:
    word_at, label_at = _number(word_column, 0, "--text-column"), _number(label_column, -1, "--label-column")
    need = max(word_at, label_at) + 1 if label_at >= 0 else max(word_at + 1, 2)
    start, words, labels = 0, list[str](), list[str]()
    for number, line in enumerate([*lines, ""], 1):
        fields = line.split()
        if not fields or fields[0] == "-DOCSTART-":
            if words:
                yield Sentence(start, tuple(words), tuple(labels))
            words, labels = [], []
            continue
        if labelled and len(fields) < need:
            raise InputError(
                f"{path} line {number} has {len(fields)} column{'s' * (len(fields) > 1)} where the label should be in "
                f"column {label_at + 1 if label_at >= 0 else '2 or later'}: {line.strip()[:60]!r}."
            )
        start = start if words else number
        words.append(fields[word_at])
        if labelled:
            labels.append(fields[label_at])


def _number(column: str | None, default: int, option: str) -> int:
    if column is None:
        return default
    if not (column.isascii() and column.isdigit() and int(column) >= 1):
        raise InputError(f"{option} {column!r}: CoNLL files have no header, so columns are numbers from 1.")
    return int(column) - 1


def _json_sentences(
    path: str, lines: list[str], label_key: str | None, word_key: str | None, labelled: bool
) -> Iterator[Sentence]:
    if path.lower().endswith(".json") and next(line for line in lines if line.strip()).lstrip().startswith("["):
        records = enumerate(read_json(path), 1)
    else:
        records = ((n, parse_json_line(path, n, line)) for n, line in enumerate(lines, 1) if line.strip())  # type: ignore[assignment]
    for number, record in records:
        words = _list_of(record, path, number, (word_key,) if word_key else _WORD_KEYS, "--text-column")
        labels = (
            _list_of(record, path, number, (label_key,) if label_key else _LABEL_KEYS, "--label-column")
            if labelled
            else ()
        )
        if labelled and len(words) != len(labels):
            raise InputError(f"{path} line {number} has {len(words)} words and {len(labels)} labels.")
        if words:
            yield Sentence(number, words, labels)


def _list_of(record: Any, path: str, number: int, keys: tuple[str, ...], option: str) -> tuple[str, ...]:
    for key in keys:
        value = record.get(key) if isinstance(record, dict) else None
        if isinstance(value, list):
            return tuple(str(item) for item in value)
    have = ", ".join(repr(key) for key in record) if isinstance(record, dict) else "no keys"
    raise InputError(
        f"{path} line {number} has no list called {' or '.join(map(repr, keys))}; it has {have}. Name it with {option}."
    )
