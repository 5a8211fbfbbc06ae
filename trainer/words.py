"""Labels of words (named entities, parts of speech): the first piece of a word carries its label."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from bertdata.errors import InputError, OptionError
from trainer.conll import Sentence, read_sentences
from trainer.encode import Encoder, Ids
from trainer.features import Features
from trainer.tasks import FinetuneOptions

IGNORED = -100


@dataclass(frozen=True)
class Words:
    """The sentences of a file."""

    path: str
    sentences: list[Sentence]
    notes: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.sentences)


class WordKind:
    """How tasks on words read, encode, decode and score. `labels` are the tags in the order of the outputs."""

    def __init__(self, options: FinetuneOptions, labels: Sequence[str] = ()) -> None:
        self.options, self.labels = options, list(labels)
        if len(options.text_columns) > 1:
            raise OptionError("--text-column may be given once here: words have one column.")

    def read(self, path: str, labelled: bool = True) -> Words:
        """Read a file's sentences."""
        word_column = self.options.text_columns[0] if self.options.text_columns else None
        sentences = read_sentences(
            path, label_column=self.options.label_column, word_column=word_column, labelled=labelled
        )
        return Words(path, sentences)

    def learn(self, train: Words) -> None:
        """Take the tags from the training sentences, and with each B- its I- (and the other way round).

        A short training file may hold a type in words of one only; the model should still be able to go on in it.
        """
        found = {label for sentence in train.sentences for label in sentence.labels}
        if {label.partition("-")[0] for label in found} <= {"B", "I", "O"} and found != {"O"}:
            kinds = {label.partition("-")[2] for label in found if label != "O"}
            found = {"O"} | {f"{prefix}-{kind}" for prefix in "BI" for kind in kinds}
        self.labels = sorted(found, key=lambda label: (label != "O", label.partition("-")[2], label))
        if len(self.labels) < 2:
            raise InputError(f"{train.path} has only one label, {self.labels[0]!r}: there is nothing to tell apart.")

    def check(self, examples: Words) -> None:
        """Raise InputError where a word has a label that the model has no output for."""
        known = set(self.labels)
        for sentence in examples.sentences:
            for label, word in zip(sentence.labels, sentence.words, strict=False):
                if label not in known:
                    known_labels = ", ".join(self.labels[:12])
                    raise InputError(
                        f"{examples.path}, sentence at line {sentence.line}: {word[:40]!r} has the label "
                        f"{label[:40]!r}, which the training examples don't have (they have {known_labels}): the model "
                        "has no output for it."
                    )

    def features(self, examples: Words, encoder: Encoder, length: int, training: bool = False) -> Features:
        """Encode whole words; a sentence of more than `length` tokens becomes several sequences, cut between words."""
        pieces = _word_pieces(examples, encoder)
        index = {label: i for i, label in enumerate(self.labels)}
        input_ids, targets, example = list[Ids](), list[Any](), list[int]()
        for number, sentence in enumerate(examples.sentences):
            words = [pieces[word][: length - 2] for word in sentence.words]
            ends = [index[label] for label in sentence.labels] or [0] * len(words)
            for first, last in _cut_words([len(word) for word in words], length - 2):
                input_ids.append(
                    np.concatenate([[encoder.cls_id], *words[first:last], [encoder.sep_id]]).astype(np.int32)
                )
                targets.append(_piece_targets(words[first:last], ends[first:last]))
                example.append(number)
        cut = int(np.count_nonzero(np.bincount(example) > 1))
        segments = np.array([len(ids) for ids in input_ids], np.int32)
        return Features(input_ids, segments, targets, np.array(example, np.int64), cut, per_token=True)

    def decode(
        self, examples: Words, features: Features, outputs: list[npt.NDArray[np.float32]]
    ) -> list[dict[str, Any]]:
        """Return one record a sentence: words, predicted labels, and labels where the file has them."""
        tags: list[list[str]] = [[] for _ in examples.sentences]
        for row, output in enumerate(outputs):
            real = features.targets[row] != IGNORED
            tags[features.example[row]] += [self.labels[tag] for tag in output[real].argmax(-1)]
        found = []
        for sentence, predicted in zip(examples.sentences, tags, strict=True):
            record: dict[str, Any] = {"line": sentence.line, "words": list(sentence.words), "prediction": predicted}
            found.append(record | ({"label": list(sentence.labels)} if sentence.labels else {}))
        return found

    def score(self, examples: Words, predictions: list[dict[str, Any]]) -> dict[str, Any]:
        """Return entity and word scores."""
        from trainer.metrics import token_scores

        gold = [sentence.labels for sentence in examples.sentences]
        return token_scores(gold, [tuple(row["prediction"]) for row in predictions])

    def files(self, predictions: list[dict[str, Any]]) -> dict[str, str]:
        """Return the prediction files by name: JSON lines, and the columns that conlleval reads."""
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in predictions)
        return {"predictions.jsonl": lines, "predictions.conll": "".join(map(_columns, predictions))}


def _word_pieces(examples: Words, encoder: Encoder) -> dict[str, Ids]:
    """Return the pieces of each distinct word; one that has none (a control character) is [UNK], so it has a label."""
    words = list(dict.fromkeys(word for sentence in examples.sentences for word in sentence.words))
    unknown = np.array([encoder.unk_id], np.int32)
    return {word: ids if len(ids) else unknown for word, ids in zip(words, encoder.ids(words), strict=True)}


def _cut_words(lengths: Sequence[int], limit: int) -> Iterator[tuple[int, int]]:
    """Give ranges of words with at most `limit` pieces each.

    >>> list(_cut_words([2, 2, 1, 3], 4))
    [(0, 2), (2, 4)]
    """
    first = total = 0
    for i, length in enumerate(lengths):
        if total + length > limit:
            yield first, i
            first, total = i, 0
        total += length
    yield first, len(lengths)


def _piece_targets(words: Sequence[Ids], labels: Sequence[int]) -> npt.NDArray[np.int64]:
    """Return one target a token, [CLS] and [SEP] included: the label at a word's first piece, -100 elsewhere."""
    lengths = np.array([len(word) for word in words])
    targets = np.full(int(lengths.sum()) + 2, IGNORED, np.int64)
    targets[1 + np.cumsum(lengths) - lengths] = labels
    return targets


def _columns(record: dict[str, Any]) -> str:
    gold = record.get("label") or ["-"] * len(record["words"])
    return "".join(" ".join(row) + "\n" for row in zip(record["words"], gold, record["prediction"], strict=True)) + "\n"
