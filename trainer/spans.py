"""Answers as spans of a passage: windows over long passages, and from logits back to the original characters.

Source of windows and decoding: the SQuAD code released with Devlin et al. 2018, except that offsets of the tokenizer
give the answer's characters, and that a question whose every candidate is null has the answer "".
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from bertdata.errors import InputError, OptionError
from trainer.encode import Encoder
from trainer.features import Features
from trainer.span_decoding import Candidate, best_candidates, choose_answer, window_candidates
from trainer.squad import Question, locate_answer, read_questions
from trainer.tasks import FinetuneOptions

Offsets = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Questions:
    """The questions of a file."""

    path: str
    questions: list[Question]
    notes: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.questions)


@dataclass(frozen=True)
class Window:
    """One sequence's part of a passage: its tokens [start, start + length), the first at `place` of the sequence.

    `is_max_context` [length] tells the tokens that no other window sees in more context.
    """

    start: int
    length: int
    place: int
    is_max_context: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class SpanFeatures(Features):
    """Features with each row's window, and the passage's character offsets by example."""

    windows: list[Window] = field(default_factory=list)
    offsets: list[Offsets] = field(default_factory=list)


class SpanKind:
    """How span tasks read, encode, decode and score. `labels` is ["null"] where a question may have no answer."""

    def __init__(self, options: FinetuneOptions, labels: Sequence[str] = ()) -> None:
        self.options, self.labels = options, list(labels)
        if options.text_columns or options.label_column:
            raise OptionError(
                "--text-column and --label-column don't apply to squad: its files are JSON with fixed names."
            )

    def read(self, path: str, labelled: bool = True) -> Questions:
        """Read a file's questions; raises InputError where labels are due and a question has none."""
        questions = read_questions(path)
        for question in questions:
            if labelled and not question.labelled:
                raise InputError(f"{path}: question {question.id!r} has neither 'answers' nor 'is_impossible'.")
        return Questions(path, questions, list(_answer_notes(path, questions)) if labelled else [])

    def learn(self, train: Questions) -> None:
        """See whether questions may have no answer (SQuAD 2.0); raises InputError where none can be trained on."""
        self.labels = ["null"] if any(not question.answers for question in train.questions) else []
        if not any(_trainable(question) for question in train.questions):
            raise InputError(f"{train.path} has no question whose answer is found in its context.")

    def check(self, examples: Questions) -> None:
        """Allow for questions without an answer where the examples have them."""
        if any(question.labelled and not question.answers for question in examples.questions):
            self.labels = ["null"]

    def features(self, examples: Questions, encoder: Encoder, length: int, training: bool = False) -> SpanFeatures:
        """Encode windows of [CLS] question [SEP] passage [SEP]; training leaves out answers that aren't found."""
        queries = encoder.ids([question.question for question in examples.questions])
        contexts = list(dict.fromkeys(question.context for question in examples.questions))
        passages = dict(zip(contexts, encoder.ids_and_offsets(contexts), strict=True))
        found = SpanFeatures([], np.zeros(0, np.int32), [], np.zeros(0, np.int64))
        segments, example = list[int](), list[int]()
        for number, (question, query) in enumerate(zip(examples.questions, queries, strict=True)):
            ids, offsets = passages[question.context]
            found.offsets.append(offsets)
            if training and not _trainable(question):
                continue
            query = query[: self.options.max_query_length]
            answer = answer_tokens(question, offsets) if training else None
            head = np.concatenate([[encoder.cls_id], query, [encoder.sep_id]]).astype(np.int32)
            for window in cut_windows(len(ids), length - len(query) - 3, self.options.doc_stride, len(head)):
                passage = ids[window.start : window.start + window.length]
                found.input_ids.append(np.concatenate([head, passage, [encoder.sep_id]]).astype(np.int32))
                found.targets.append(_window_target(window, answer))
                found.windows.append(window)
                segments.append(len(head))
                example.append(number)
        arrays = np.array(segments, np.int32), np.array(example, np.int64)
        return SpanFeatures(
            found.input_ids, arrays[0], found.targets, arrays[1], 0, False, found.windows, found.offsets
        )

    def decode(
        self, examples: Questions, features: Features, outputs: list[npt.NDArray[np.float32]]
    ) -> list[dict[str, Any]]:
        """Return for each question its answer, the n best candidates and, where null is allowed, the null odds."""
        assert isinstance(features, SpanFeatures)
        candidates: list[list[Candidate]] = [[] for _ in examples.questions]
        null_scores = np.full(len(examples), np.inf)
        for row, output in enumerate(outputs):
            number, window = int(features.example[row]), features.windows[row]
            null_scores[number] = min(null_scores[number], float(output[0].sum()))
            candidates[number] += window_candidates(output, window, self.options)
        found = []
        for number, question in enumerate(examples.questions):
            best = best_candidates(
                candidates[number], question.context, features.offsets[number], self.options.num_best
            )
            null_score = float(null_scores[number]) if self.labels else None
            found.append({"id": question.id} | choose_answer(best, null_score, self.options.null_threshold))
        return found

    def score(self, examples: Questions, predictions: list[dict[str, Any]]) -> dict[str, Any]:
        """Return exact and F1 in percent by the official definition, and what the best null threshold would give."""
        from trainer.metrics import best_null_threshold, squad_scores

        gold = {question.id: [text for text, _ in question.answers] for question in examples.questions}
        scores = dict(squad_scores(gold, {row["id"]: row["prediction"] for row in predictions}))
        if self.labels:
            spans = {row["id"]: row["best_span"] for row in predictions}
            scores |= best_null_threshold(gold, spans, {row["id"]: row["null_odds"] for row in predictions})
        return scores

    def files(self, predictions: list[dict[str, Any]]) -> dict[str, str]:
        """Return the files that SQuAD's evaluation script reads: answers, n best, and null odds for 2.0."""
        files = {
            "predictions.json": {row["id"]: row["prediction"] for row in predictions},
            "nbest_predictions.json": {row["id"]: row["n_best"] for row in predictions},
        }
        if self.labels:
            files["null_odds.json"] = {row["id"]: row["null_odds"] for row in predictions}
        return {name: json.dumps(value, ensure_ascii=False, indent=1) + "\n" for name, value in files.items()}


def cut_windows(num_tokens: int, limit: int, stride: int, place: int) -> Iterator[Window]:
    """Give the windows of a passage: `limit` tokens each, `stride` apart, the last where the passage ends.

    >>> [(w.start, w.length) for w in cut_windows(10, 6, 3, 5)]
    [(0, 6), (3, 6), (6, 4)]
    """
    spans = [(0, min(num_tokens, limit))]
    while sum(spans[-1]) < num_tokens:
        start = spans[-1][0] + min(spans[-1][1], stride)
        spans.append((start, min(num_tokens - start, limit)))
    best = np.full(num_tokens, -np.inf)
    context = []
    for start, length in spans:
        left = np.arange(length)
        # The 0.01 prefers the longer window where the shorter side is the same, as in the original.
        context.append(np.minimum(left, left[::-1]) + 0.01 * length)
        best[start : start + length] = np.maximum(best[start : start + length], context[-1])
    taken = np.zeros(num_tokens, np.bool_)
    for (start, length), score in zip(spans, context, strict=True):
        own = (score == best[start : start + length]) & ~taken[start : start + length]
        taken[start : start + length] |= own
        yield Window(start, length, place, own)


def answer_tokens(question: Question, offsets: Offsets) -> tuple[int, int] | None:
    """Return the first and last token of the first answer that is found, or None."""
    for text, start in question.answers:
        place = locate_answer(question.context, text, start)
        inside = np.flatnonzero((offsets[:, 1] > place[0]) & (offsets[:, 0] < place[1])) if place else np.zeros(0)
        if len(inside):
            return int(inside[0]), int(inside[-1])
    return None


def _window_target(window: Window, answer: tuple[int, int] | None) -> npt.NDArray[np.int64]:
    """Return the places of the answer's first and last token in the sequence; (0, 0), [CLS], where it lies outside."""
    if answer is None or answer[0] < window.start or answer[1] >= window.start + window.length:
        return np.zeros(2, np.int64)
    return np.array(answer, np.int64) - window.start + window.place


def _trainable(question: Question) -> bool:
    return not question.answers or any(locate_answer(question.context, text, at) for text, at in question.answers)


def _answer_notes(path: str, questions: Sequence[Question]) -> Iterator[str]:
    lost = [question.id for question in questions if not _trainable(question)]
    if lost:
        yield (
            f"{path}: the answer of {len(lost):,} of {len(questions):,} questions is not found in its context "
            f"(first: {lost[0]!r}); such questions are left out of training"
        )
    moved = [
        q.id
        for q in questions
        for text, at in q.answers[:1]
        if not q.context.startswith(text, max(at, 0)) and locate_answer(q.context, text, at)
    ]
    if moved:
        count = f"{len(moved):,} of {len(questions):,} answers"
        yield f"{path}: {count} are not at their offset, but were found beside it (first: {moved[0]!r})"
