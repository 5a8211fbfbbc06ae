"""Questions on passages: the JSON of SQuAD 1.1 and 2.0, and the flat form that dataset libraries write."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bertdata.errors import InputError
from trainer.textfile import parse_json_line, read_json, read_lines

# An offset this many characters off still means the occurrence beside it, also where the text occurs twice.
_NEAR = 16


@dataclass(frozen=True)
class Question:
    """A question on a context; `answers` are (text, start character), none where it has no answer.

    `labelled` is false where the file says neither an answer nor that there is none.
    """

    id: str
    question: str
    context: str
    answers: tuple[tuple[str, int], ...]
    labelled: bool = True


def read_questions(path: str) -> list[Question]:
    """Read a SQuAD file (articles, paragraphs, qas), or a list, `data` or JSON lines of flat records.

    Raises InputError that names the place where a field is missing or an id comes twice.
    """
    questions, seen = list[Question](), dict[str, str]()
    for where, record, context in _records(path):
        question = _question(path, where, record, context)
        if question.id in seen:
            raise InputError(f"{path}: {where} and {seen[question.id]} have the same id {question.id!r}.")
        seen[question.id] = where
        questions.append(question)
    if not questions:
        raise InputError(f"{path} holds no question.")
    return questions


def locate_answer(context: str, text: str, start: int) -> tuple[int, int] | None:
    """Return the (start, end) characters of an answer in its context, or None where it isn't there.

    Its own offset comes first; else the nearest place within 16 characters; else the only place there is (offsets
    counted in bytes or in UTF-16 drift far). Runs of white space match each other, as in the original.

    >>> locate_answer("He saw the bridge.", "the bridge", 8)
    (7, 17)
    """
    if not text.strip():
        return None
    if context.startswith(text, start) and start >= 0:
        return start, start + len(text)
    pattern = re.compile(r"\s+".join(map(re.escape, text.split())))
    places = [match.span() for match in pattern.finditer(context)]
    near = [place for place in places if abs(place[0] - start) <= _NEAR]
    if near:
        return min(near, key=lambda place: abs(place[0] - start))
    return places[0] if len(places) == 1 else None


def _records(path: str) -> Iterator[tuple[str, Any, str | None]]:
    """Give (place, record, context or None) for each question of a file, whatever its form."""
    if path.lower().endswith((".jsonl", ".ndjson")):
        for number, line in enumerate(read_lines(path), 1):
            if line.strip():
                yield f"line {number}", parse_json_line(path, number, line), None
        return
    value = read_json(path)
    data = value.get("data") if isinstance(value, dict) else value
    if not isinstance(data, list):
        have = ", ".join(map(repr, value)) if isinstance(value, dict) else type(value).__name__
        raise InputError(f"{path} has no list 'data' as SQuAD files have; it has {have}.")
    for a, article in enumerate(data):
        if not isinstance(article, dict) or "paragraphs" not in article:
            yield f"data[{a}]", article, None
            continue
        for p, paragraph in enumerate(_list(path, f"data[{a}].paragraphs", article["paragraphs"])):
            where = f"data[{a}].paragraphs[{p}]"
            context = _text(path, where, paragraph, "context")
            for q, qa in enumerate(_list(path, f"{where}.qas", paragraph.get("qas"))):
                yield f"{where}.qas[{q}]", qa, context


def _question(path: str, where: str, record: Any, context: str | None) -> Question:
    context = context if context is not None else _text(path, where, record, "context")
    question = _text(path, where, record, "question")
    if not isinstance(record.get("id"), str | int):
        raise InputError(f"{path}: {where} has no 'id'.")
    answers = tuple(_answers(path, where, record.get("answers")))
    if record.get("is_impossible"):
        answers = ()
    labelled = "answers" in record or "is_impossible" in record
    return Question(str(record["id"]), question, context, answers, labelled)


def _answers(path: str, where: str, value: Any) -> Iterator[tuple[str, int]]:
    if isinstance(value, dict):
        texts, starts = value.get("text"), value.get("answer_start")
        if not isinstance(texts, list) or not isinstance(starts, list) or len(texts) != len(starts):
            raise InputError(f"{path}: {where}.answers needs lists 'text' and 'answer_start' of the same length.")
        value = [{"text": text, "answer_start": start} for text, start in zip(texts, starts, strict=True)]
    for n, answer in enumerate(_list(path, f"{where}.answers", value) if value is not None else ()):
        text = _text(path, f"{where}.answers[{n}]", answer, "text")
        start = answer.get("answer_start", -1)
        if not isinstance(start, int):
            raise InputError(f"{path}: {where}.answers[{n}] has answer_start {start!r}, which is no whole number.")
        yield text, start


def _text(path: str, where: str, record: Any, key: str) -> str:
    value = record.get(key) if isinstance(record, dict) else None
    if isinstance(value, str):
        return value
    have = ", ".join(map(repr, record)) if isinstance(record, dict) else f"a JSON {type(record).__name__}"
    raise InputError(f"{path}: {where} has no text {key!r}; it has {have}.")


def _list(path: str, where: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise InputError(f"{path}: {where} is no list.")
    return value
