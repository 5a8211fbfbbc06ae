import json
from pathlib import Path

import numpy as np
import pytest
from tokenizers import BertWordPieceTokenizer

from bertdata.errors import InputError, OptionError
from trainer.encode import Encoder
from trainer.span_decoding import Candidate, best_candidates, choose_answer, window_candidates
from trainer.spans import SpanKind, cut_windows
from trainer.squad import read_questions
from trainer.tasks import FinetuneOptions

OPTIONS = FinetuneOptions("squad", doc_stride=32, max_query_length=24)


@pytest.fixture(scope="module")
def encoder(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    folder = tmp_path_factory.mktemp("tokenizer")
    vocabulary = shared_data / "vocab" / "bert-base-uncased-vocab.txt"
    BertWordPieceTokenizer(str(vocabulary), lowercase=True).save(str(folder / "tokenizer.json"))
    return Encoder(folder, 30522)


def reference_max_context(num_tokens: int, spans: list[tuple[int, int]], position: int) -> int:
    """Return the window that the released code calls the one of most context."""
    best, found = -1.0, -1
    for index, (start, length) in enumerate(spans):
        if start <= position < start + length:
            score = min(position - start, start + length - 1 - position) + 0.01 * length
            if score > best:
                best, found = score, index
    return found


@pytest.mark.parametrize(
    ("num_tokens", "limit", "stride"), [(10, 6, 3), (300, 100, 32), (5, 9, 2), (64, 64, 1), (7, 2, 5)]
)
def test_windows_and_their_context_are_those_of_the_released_code(num_tokens: int, limit: int, stride: int) -> None:
    spans, start = list[tuple[int, int]](), 0
    while True:  # the released loop
        length = min(num_tokens - start, limit)
        spans.append((start, length))
        if start + length == num_tokens:
            break
        start += min(length, stride)
    windows = list(cut_windows(num_tokens, limit, stride, 7))
    assert [(w.start, w.length) for w in windows] == spans
    owner = [reference_max_context(num_tokens, spans, position) for position in range(num_tokens)]
    for index, window in enumerate(windows):
        own = [owner[position] == index for position in range(window.start, window.start + window.length)]
        assert window.is_max_context.tolist() == own


def test_an_empty_passage_has_one_empty_window() -> None:
    assert [(w.start, w.length) for w in cut_windows(0, 10, 5, 3)] == [(0, 0)]


def test_training_targets_decode_to_the_answers(shared_data: Path, encoder: Encoder) -> None:
    kind = SpanKind(OPTIONS)
    examples = kind.read(str(shared_data / "finetune" / "squad-sample.json"))
    kind.learn(examples)
    assert kind.labels == ["null"]
    features = kind.features(examples, encoder, 96, training=True)
    lengths = features.lengths
    assert lengths.max() <= 96
    assert len(features) > len(examples)
    with_answer = set()
    for row, (first, last) in enumerate(features.targets):
        number = int(features.example[row])
        question = examples.questions[number]
        if last:
            window, offsets = features.windows[row], features.offsets[number]
            shift = window.start - window.place
            text = question.context[offsets[first + shift, 0] : offsets[last + shift, 1]]
            assert text == question.answers[0][0]
            with_answer.add(number)
    assert with_answer == {i for i, question in enumerate(examples.questions) if question.answers}


def test_perfect_logits_score_a_hundred(shared_data: Path, encoder: Encoder) -> None:
    kind = SpanKind(OPTIONS)
    examples = kind.read(str(shared_data / "finetune" / "squad-sample.json"))
    kind.learn(examples)
    features = kind.features(examples, encoder, 96, training=True)
    outputs = []
    for length, target in zip(features.lengths, features.targets, strict=True):
        logits = np.zeros((length, 2), np.float32)
        logits[target, [0, 1]] = 9.0 if target[1] else 5.0
        outputs.append(logits)
    predictions = kind.decode(examples, features, outputs)
    scores = kind.score(examples, predictions)
    assert (scores["exact"], scores["f1"], scores["no_answer_exact"]) == (100.0, 100.0, 100.0)
    files = kind.files(predictions)
    assert json.loads(files["predictions.json"])["56ddde6b9a695914005b9628"] == "France"
    assert set(files) == {"predictions.json", "nbest_predictions.json", "null_odds.json"}


def test_flat_logits_give_no_nan_and_a_prediction_for_every_question(shared_data: Path, encoder: Encoder) -> None:
    kind = SpanKind(OPTIONS, ["null"])
    examples = kind.read(str(shared_data / "finetune" / "squad-sample.json"))
    features = kind.features(examples, encoder, 96)
    predictions = kind.decode(examples, features, [np.zeros((n, 2), np.float32) for n in features.lengths])
    assert len(predictions) == len(examples)
    assert "NaN" not in json.dumps(predictions)


def test_candidates_drop_what_cannot_be_an_answer() -> None:
    window = next(iter(cut_windows(4, 10, 5, 3)))
    logits = np.full((8, 2), -9.0, np.float32)
    logits[[1, 4], 0] = [9.0, 1.0]  # the best start lies in the question
    logits[[3, 5], 1] = [9.0, 2.0]  # the best end lies before the start
    found = window_candidates(logits, window, FinetuneOptions("squad", num_best=2))
    assert found == [Candidate(1, 2, 1.0, 2.0)]
    assert window_candidates(logits, window, FinetuneOptions("squad", num_best=2, max_answer_length=1)) == []


def test_a_start_that_another_window_sees_better_is_dropped() -> None:
    first, second = cut_windows(6, 4, 2, 0)
    logits = np.zeros((4, 2), np.float32)
    starts = [{c.first for c in window_candidates(logits, w, OPTIONS)} for w in (first, second)]
    assert starts == [{0, 1, 2}, {3, 4, 5}]


def test_equal_texts_are_listed_once_with_their_best_score() -> None:
    offsets = np.array([[0, 1], [2, 3]], np.int32)
    best = best_candidates([Candidate(0, 0, 1, 1), Candidate(1, 1, 2, 2)], "a a", offsets, 20)
    assert best == [("a", Candidate(1, 1, 2, 2))]


def test_null_wins_only_above_the_threshold() -> None:
    best = [("boat", Candidate(0, 0, 1.0, 1.0))]
    assert choose_answer(best, 3.0, 0.0)["prediction"] == ""
    assert choose_answer(best, 3.0, 1.0)["prediction"] == "boat"
    assert choose_answer(best, None, 0.0)["prediction"] == "boat"


def test_without_any_span_the_answer_is_empty() -> None:
    for null_score in (None, -5.0):
        found = choose_answer([], null_score, 100.0)
        assert found["prediction"] == ""
        assert found["n_best"][0]["probability"] == 1.0


def write(path: Path, *qas: dict[str, object]) -> str:
    path.write_text(json.dumps({"data": [{"paragraphs": [{"context": "Anna saw.", "qas": list(qas)}]}]}))
    return str(path)


def test_lost_and_moved_answers_are_counted_and_lost_ones_left_out_of_training(
    tmp_path: Path, encoder: Encoder
) -> None:
    answers = ("Anna", 0), ("saw", 6), ("boat", 2)
    qas = [
        {"id": f"q{n}", "question": "?", "answers": [{"text": text, "answer_start": at}]}
        for n, (text, at) in enumerate(answers)
    ]
    kind = SpanKind(OPTIONS)
    examples = kind.read(write(tmp_path / "a.json", *qas))
    assert "the answer of 1 of 3 questions is not found in its context (first: 'q2')" in examples.notes[0]
    assert "1 of 3 answers are not at their offset, but were found beside it (first: 'q1')" in examples.notes[1]
    assert kind.features(examples, encoder, 64, training=True).example.tolist() == [0, 1]
    assert kind.features(examples, encoder, 64).example.tolist() == [0, 1, 2]


def test_a_file_without_a_usable_answer_is_refused(tmp_path: Path) -> None:
    kind = SpanKind(OPTIONS)
    lost = {"id": "q", "question": "?", "answers": [{"text": "boat", "answer_start": 0}]}
    with pytest.raises(InputError, match="no question whose answer is found"):
        kind.learn(kind.read(write(tmp_path / "a.json", lost)))


def test_unlabelled_questions_are_refused_where_labels_are_due(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", {"id": "q", "question": "?"})
    assert not read_questions(path)[0].labelled
    with pytest.raises(InputError, match="question 'q' has neither 'answers' nor"):
        SpanKind(OPTIONS).read(path)
    assert len(SpanKind(OPTIONS).read(path, labelled=False)) == 1


def test_column_options_do_not_apply_to_squad() -> None:
    with pytest.raises(OptionError, match="don't apply to squad"):
        SpanKind(FinetuneOptions("squad", label_column="x"))
