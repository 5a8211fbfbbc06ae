import json
from pathlib import Path
from typing import Any

import pytest

from bertdata.errors import InputError
from trainer.squad import locate_answer, read_questions


def write(path: Path, value: Any) -> str:
    path.write_text(json.dumps(value), encoding="utf-8")
    return str(path)


def article(**changes: Any) -> dict[str, Any]:
    qa = {"id": "q1", "question": "Who?", "answers": [{"text": "Anna", "answer_start": 0}], **changes}
    return {"version": "1.1", "data": [{"title": "t", "paragraphs": [{"context": "Anna saw.", "qas": [qa]}]}]}


def test_nested_and_flat_files_give_the_same_questions(tmp_path: Path) -> None:
    nested = read_questions(write(tmp_path / "nested.json", article()))
    record = {
        "id": "q1",
        "question": "Who?",
        "context": "Anna saw.",
        "answers": {"text": ["Anna"], "answer_start": [0]},
    }
    flat = read_questions(write(tmp_path / "flat.json", {"version": 2.0, "data": [record]}))
    lines = read_questions(write(tmp_path / "flat.jsonl", record))
    assert nested == flat == lines
    assert nested[0].answers == (("Anna", 0),)


def test_an_impossible_question_has_no_answer_whatever_it_lists(tmp_path: Path) -> None:
    assert read_questions(write(tmp_path / "a.json", article(is_impossible=True)))[0].answers == ()


def test_the_flat_sample_is_read(shared_data: Path) -> None:
    questions = read_questions(str(shared_data / "finetune" / "squad-sample.json"))
    assert questions[0].id == "56ddde6b9a695914005b9628"
    assert questions[0].answers[0] == ("France", 159)
    assert any(not question.answers for question in questions)
    assert all(locate_answer(q.context, *answer) for q in questions for answer in q.answers)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"rows": []}, "no list 'data'.*it has 'rows'"),
        ({"data": []}, "holds no question"),
        (article(id=None), r"data\[0\]\.paragraphs\[0\]\.qas\[0\] has no 'id'"),
        (article(question=3), r"qas\[0\] has no text 'question'"),
        (article(answers=[{"text": "a", "answer_start": "0"}]), r"answers\[0\] has answer_start '0'"),
        ({"data": [{"id": "a", "question": "q"}]}, r"data\[0\] has no text 'context'; it has 'id', 'question'"),
        ({"data": [article()["data"][0], article()["data"][0]]}, r"data\[1\].* and data\[0\].* the same id 'q1'"),
    ],
)
def test_a_malformed_file_names_the_place(tmp_path: Path, value: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_questions(write(tmp_path / "a.json", value))


def test_a_file_that_is_cut_off_names_line_and_column(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"data": [\n{"id": ')
    with pytest.raises(InputError, match=r"line 2 column \d+ isn't JSON.*cut off"):
        read_questions(str(tmp_path / "a.json"))


@pytest.mark.parametrize(
    ("context", "text", "start", "expected"),
    [
        ("The boat, the boat", "boat", 4, (4, 8)),
        ("The boat, the boat", "boat", 5, (4, 8)),  # one off
        ("The boat, the boat", "boat", 13, (14, 18)),
        ("x" * 40 + " boat", "boat", 0, (41, 45)),  # the only place there is
        ("boat" + " x" * 40 + " boat", "boat", 42, None),  # two places, neither near
        ("a  new\nboat", "new boat", 3, (3, 11)),  # white space as it comes
        ("The boat", "ship", 4, None),
        ("The boat", " ", 3, None),
        ("The boat", "boat", -1, (4, 8)),
    ],
)
def test_an_answer_is_found_at_or_beside_its_offset(
    context: str, text: str, start: int, expected: tuple[int, int] | None
) -> None:
    assert locate_answer(context, text, start) == expected
