import numpy as np
import pytest

from trainer.metrics import (
    answer_scores,
    best_null_threshold,
    classification_scores,
    regression_scores,
    squad_scores,
    token_scores,
)


def test_classification_scores_of_a_small_table() -> None:
    scores = classification_scores([0, 0, 1, 1, 1, 1], [0, 1, 1, 1, 1, 0], 2)
    assert scores["accuracy"] == pytest.approx(4 / 6)
    assert scores["f1"] == pytest.approx(2 * 3 / (4 + 4))
    # (TP TN - FP FN) / sqrt((TP+FP)(TP+FN)(TN+FP)(TN+FN)) with 3, 1, 1, 1.
    assert scores["matthews"] == pytest.approx((3 * 1 - 1 * 1) / np.sqrt(4 * 4 * 2 * 2))


def test_one_class_predicted_scores_zero_not_nan() -> None:
    scores = classification_scores([0, 1], [0, 0], 2)
    assert (scores["f1"], scores["matthews"]) == (0.0, 0.0)
    assert classification_scores([0, 1, 2], [0, 0, 0], 3)["f1"] == pytest.approx(0.5 / 3)


def test_correlations_of_a_small_table() -> None:
    scores = regression_scores(np.array([1.0, 2, 3, 4]), np.array([1.0, 3, 2, 10]))
    assert scores["spearman"] == pytest.approx(1 - 6 * 2 / (4 * 15))
    assert scores["pearson"] == pytest.approx(np.corrcoef([1, 2, 3, 4], [1, 3, 2, 10])[0, 1])
    assert scores["mse"] == pytest.approx((0 + 1 + 1 + 36) / 4)


def test_constant_predictions_have_correlation_zero() -> None:
    assert regression_scores(np.array([1.0, 2]), np.array([3.0, 3]))["spearman"] == 0.0


def test_token_scores_by_type() -> None:
    scores = token_scores([("B-PER", "I-PER", "O", "B-LOC")], [("B-PER", "I-PER", "O", "B-PER")])
    assert (scores["precision"], scores["recall"], scores["accuracy"]) == (0.5, 0.5, 0.75)
    assert scores["types"]["PER"] == {"f1": pytest.approx(2 / 3), "precision": 0.5, "recall": 1.0}
    assert scores["types"]["LOC"]["f1"] == 0.0


def test_no_entity_at_all_scores_zero() -> None:
    assert token_scores([("O",)], [("O",)]) == {
        "f1": 0.0,
        "precision": 0.0,
        "recall": 0.0,
        "accuracy": 1.0,
        "types": {},
    }


@pytest.mark.parametrize(
    ("gold", "predicted", "expected"),
    [
        (["the Norman conquest"], "Norman Conquest.", (1.0, 1.0)),
        (["10th and 11th centuries", "in the 10th and 11th centuries"], "the 10th and 11th centuries", (1.0, 1.0)),
        (["in 1066"], "1066", (0.0, 2 / 3)),
        (["France"], "Spain", (0.0, 0.0)),
        ([], "", (1.0, 1.0)),
        ([], "France", (0.0, 0.0)),
        (["France"], "", (0.0, 0.0)),
        (["the"], "", (1.0, 1.0)),  # an answer of articles only is no answer, as in the official script
    ],
)
def test_answers_score_as_in_the_official_script(
    gold: list[str], predicted: str, expected: tuple[float, float]
) -> None:
    assert answer_scores(gold, predicted) == pytest.approx(expected)


def test_squad_scores_part_questions_with_and_without_answer() -> None:
    scores = squad_scores({"a": ["France"], "b": [], "c": ["in 1066"]}, {"a": "France", "b": "x", "c": "1066"})
    assert scores["exact"] == pytest.approx(100 / 3)
    assert scores["f1"] == pytest.approx(100 * (1 + 2 / 3) / 3)
    assert (scores["has_answer_exact"], scores["no_answer_f1"]) == (50.0, 0.0)
    assert "no_answer_f1" not in squad_scores({"a": ["x"]}, {"a": "x"})


def test_the_best_null_threshold_is_that_of_a_search() -> None:
    rng = np.random.Generator(np.random.Philox(key=5))
    for _ in range(50):
        count = int(rng.integers(1, 8))
        gold = {str(i): ["x"] if rng.random() < 0.5 else [] for i in range(count)}
        spans = {key: "x" if rng.random() < 0.7 else "y" for key in gold}
        odds = {key: float(rng.integers(-3, 3)) for key in gold}
        found = best_null_threshold(gold, spans, odds)
        tried = {}
        for threshold in np.arange(-4, 4):
            answers = {key: "" if odds[key] > threshold else spans[key] for key in gold}
            tried[float(threshold)] = squad_scores(gold, answers)["f1"]
        assert found["best_f1"] == pytest.approx(max(tried.values()))
        answers = {key: "" if odds[key] > found["best_f1_threshold"] else spans[key] for key in gold}
        assert squad_scores(gold, answers)["f1"] == pytest.approx(found["best_f1"])
