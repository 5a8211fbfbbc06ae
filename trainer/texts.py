"""Classification and regression of one text or a pair: rows of a table in, one label or score each out."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from bertdata.errors import InputError
from trainer.encode import Encoder, Ids, truncated_lengths
from trainer.features import Features
from trainer.tables import Table, read_table
from trainer.tasks import Columns, FinetuneOptions, Task, find_task

_LEFT_OUT = "{path}: {count} of {total} rows have no usable label and were left out (first: line {line})"


@dataclass(frozen=True)
class Texts:
    """Examples of a file: one text or a pair each, its label as written ("" where unlabelled), its line from 1."""

    path: str
    texts: list[tuple[str, ...]]
    labels: list[str]
    lines: list[int]
    notes: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.texts)


class TextKind:
    """How text tasks read, encode, decode and score. `labels` are the classes in the order of the outputs."""

    def __init__(self, options: FinetuneOptions, labels: Sequence[str] = ()) -> None:
        self.options, self.task, self.labels = options, find_task(options.task), list(labels)
        self.regression = self.task.kind == "regression"

    def read(self, path: str, labelled: bool = True) -> Texts:
        """Read a file's examples; raises InputError with file and line for a label that can't be used."""
        header = self.task.header if self.options.header is None else self.options.header
        table = read_table(path, header=header)
        columns = choose_columns(table, self.task, self.options, labelled)
        label_at = table.index_of(columns.label, "--label-column") if labelled else None
        at = [table.index_of(name, "--text-column") for name in columns.texts]
        self._refuse_header(table, label_at)
        rows = list(zip(table.lines, table.rows, strict=True))
        bad = [(line, problem) for line, row in rows if (problem := self._problem(row, label_at, path))]
        if bad and self.options.on_error == "fail":
            raise InputError(
                f"{path} line {bad[0][0]} {bad[0][1]} ({len(bad):,} such rows): mend them, or leave them out "
                "with --on-error skip."
            )
        skipped = {line for line, _ in bad}
        rows = [(line, row) for line, row in rows if line not in skipped]
        if not rows:
            raise InputError(f"{path} has no row with a label.")
        notes = [_LEFT_OUT.format(path=path, count=len(bad), total=len(table.rows), line=bad[0][0])] if bad else []
        return Texts(
            path,
            [tuple(row[i] for i in at) for _, row in rows],
            [row[label_at].strip() if label_at is not None else "" for _, row in rows],
            [line for line, _ in rows],
            notes,
        )

    def _problem(self, row: tuple[str, ...], label_at: int | None, path: str) -> str | None:
        if label_at is None:
            return None
        label = row[label_at].strip()
        if not label:
            return "has no label"
        if self.regression and not _is_score(label):
            return f"has the label {label[:40]!r}, which is no number"
        return None

    def _refuse_header(self, table: Table, label_at: int | None) -> None:
        names = {columns.label for columns in self.task.columns}
        if not table.has_header and label_at is not None and table.rows[0][label_at].strip() in names:
            raise InputError(
                f"{table.path} line {table.lines[0]} is a header: leave out --no-header (or give --header)."
            )

    def learn(self, train: Texts) -> None:
        """Take the label set from the training examples; raises InputError where there is only one."""
        if self.regression:
            return
        self.labels = sorted(set(train.labels), key=_label_key(train.labels))
        if len(self.labels) < 2:
            raise InputError(f"{train.path} has only one label, {self.labels[0]!r}: there is nothing to tell apart.")

    def check(self, examples: Texts) -> None:
        """Raise InputError where an example has a label that the model has no output for."""
        known = set(self.labels)
        for line, label in zip(examples.lines, examples.labels, strict=True):
            if label and not self.regression and label not in known:
                raise InputError(
                    f"{examples.path} line {line} has the label {label[:60]!r}, which the training examples don't have "
                    f"(they have {', '.join(self.labels[:10])}): the model has no output for it."
                )

    def features(self, examples: Texts, encoder: Encoder, length: int, training: bool = False) -> Features:
        """Encode as [CLS] A [SEP] or [CLS] A [SEP] B [SEP], cut longest-first to `length` tokens."""
        first = encoder.ids([texts[0] for texts in examples.texts])
        pair = len(examples.texts[0]) == 2
        second = encoder.ids([texts[1] for texts in examples.texts]) if pair else [np.zeros(0, np.int32)] * len(first)
        had = [np.array([len(ids) for ids in side], np.int32) for side in (first, second)]
        limit = length - (3 if pair else 2)
        kept_a, kept_b = truncated_lengths(had[0], had[1], limit) if pair else (np.minimum(had[0], limit), had[1])
        cls, sep = np.array([encoder.cls_id], np.int32), np.array([encoder.sep_id], np.int32)
        input_ids = list[Ids]()
        for a, b, num_a, num_b in zip(first, second, kept_a, kept_b, strict=True):
            input_ids.append(np.concatenate([cls, a[:num_a], sep, b[:num_b], sep] if pair else [cls, a[:num_a], sep]))
        cut = int(np.count_nonzero((kept_a < had[0]) | (kept_b < had[1])))
        targets = list(self._targets(examples))
        return Features(input_ids, (kept_a + 2).astype(np.int32), targets, np.arange(len(first)), cut)

    def _targets(self, examples: Texts) -> Iterator[Any]:
        index = {label: i for i, label in enumerate(self.labels)}
        for label in examples.labels:
            yield (np.float32(label or 0)) if self.regression else np.int64(index.get(label, 0))

    def decode(
        self, examples: Texts, features: Features, outputs: list[npt.NDArray[np.float32]]
    ) -> list[dict[str, Any]]:
        """Return one prediction an example, with the probability of every class or the score."""
        found = []
        for line, label, output in zip(examples.lines, examples.labels, outputs, strict=True):
            head: dict[str, Any] = {"line": line} | ({"label": _gold(label, self.regression)} if label else {})
            if self.regression:
                found.append(head | {"prediction": round(float(output[0]), 6)})
                continue
            shares = _softmax(output.astype(np.float64))
            named = {name: round(float(share), 6) for name, share in zip(self.labels, shares, strict=True)}
            found.append(head | {"prediction": self.labels[int(output.argmax())], "probabilities": named})
        return found

    def score(self, examples: Texts, predictions: list[dict[str, Any]]) -> dict[str, Any]:
        """Return the metrics over the examples."""
        from trainer.metrics import classification_scores, regression_scores

        predicted = [row["prediction"] for row in predictions]
        if self.regression:
            return dict(regression_scores(np.array(examples.labels, np.float64), np.array(predicted, np.float64)))
        index = {label: i for i, label in enumerate(self.labels)}
        gold = [index[label] for label in examples.labels]
        scores = classification_scores(gold, [index[label] for label in predicted], len(self.labels))
        return scores | {"majority_accuracy": float(np.bincount(gold).max() / len(gold))}

    def files(self, predictions: list[dict[str, Any]]) -> dict[str, str]:
        """Return the prediction files by name: one JSON object a line."""
        return {"predictions.jsonl": "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in predictions)}


def choose_columns(table: Table, task: Task, options: FinetuneOptions, labelled: bool) -> Columns:
    """Return the columns that the options name, else the first of the task's choices that the file has."""
    choices = task.columns if table.has_header else (task.numbered,) if task.numbered else ()
    choices = tuple(
        Columns(options.text_columns or choice.texts, options.label_column or choice.label) for choice in choices
    )
    if not choices:
        if not options.text_columns or (labelled and not options.label_column):
            raise InputError(
                f"{table.path} is read without a header: give the numbers of its columns with --text-column "
                f"(once or twice) and --label-column; it has 1 to {len(table.columns)}."
            )
        choices = (Columns(options.text_columns, options.label_column or ""),)
    have = set(table.columns)
    for choice in choices:
        if have.issuperset(choice.texts) and (not labelled or choice.label in have):
            return choice
    return choices[0]


def _gold(label: str, regression: bool) -> str | float:
    return float(label) if regression else label


def _is_score(label: str) -> bool:
    try:
        return math.isfinite(float(label))
    except ValueError:
        return False


def _label_key(labels: Sequence[str]) -> Any:
    whole = all(label.removeprefix("-").isascii() and label.removeprefix("-").isdigit() for label in labels)
    return (lambda label: (int(label), label)) if whole else None


def _softmax(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    shares: npt.NDArray[np.float64] = np.exp(logits - logits.max())
    shares /= shares.sum()
    return shares
