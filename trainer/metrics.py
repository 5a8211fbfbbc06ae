"""Scores: by scikit-learn, SciPy and nervaluate, and for answers by the official definition of SQuAD.

Every score is a finite number, so that results are JSON and can be averaged over seeds.
"""

from __future__ import annotations

import collections
import re
import string
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from trainer.conll import chunks

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def classification_scores(gold: Sequence[int], predicted: Sequence[int], num_labels: int) -> dict[str, float]:
    """Return accuracy, Matthews' correlation and F1 (of label 1 where there are two, else the macro mean)."""
    from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

    if num_labels == 2:
        f1 = f1_score(gold, predicted, pos_label=1, average="binary", zero_division=0)
    else:
        f1 = f1_score(gold, predicted, labels=range(num_labels), average="macro", zero_division=0)
    return {
        "accuracy": float(accuracy_score(gold, predicted)),
        "f1": float(f1),
        "matthews": float(matthews_corrcoef(gold, predicted)),
    }


def regression_scores(gold: npt.NDArray[np.float64], predicted: npt.NDArray[np.float64]) -> dict[str, float]:
    """Return Spearman's and Pearson's correlation and the mean squared error.

    Where one side is constant a correlation isn't defined; it is given as 0, no relation.
    """
    from scipy.stats import pearsonr, spearmanr

    error = float(np.mean((gold - predicted) ** 2))
    if len(gold) < 2 or np.ptp(gold) == 0 or np.ptp(predicted) == 0:
        return {"spearman": 0.0, "pearson": 0.0, "mse": error}
    return {
        "spearman": float(spearmanr(gold, predicted).statistic),
        "pearson": float(pearsonr(gold, predicted).statistic),
        "mse": error,
    }


def token_scores(gold: Sequence[tuple[str, ...]], predicted: Sequence[tuple[str, ...]]) -> dict[str, Any]:
    """Return entity precision, recall and F1 as conlleval has them, overall and by type, and the accuracy of words.

    Chunks are found by conlleval's rules; nervaluate counts the strict matches among them.
    """
    words = sum(len(labels) for labels in gold)
    same = sum(a == b for g, p in zip(gold, predicted, strict=True) for a, b in zip(g, p, strict=True))
    spans = [[_spans(labels) for labels in side] for side in (gold, predicted)]
    types = sorted({span["label"] for side in spans for sentence in side for span in sentence})
    scores: dict[str, Any] = {"f1": 0.0, "precision": 0.0, "recall": 0.0, "accuracy": same / max(words, 1)}
    if not types:
        return scores | {"types": {}}
    overall, by_type = _strict_scores(spans[0], spans[1], types)
    return scores | overall | {"types": by_type}


def _strict_scores(gold: list[Any], predicted: list[Any], types: list[str]) -> tuple[dict[str, float], dict[str, Any]]:
    from nervaluate import Evaluator

    results = Evaluator(gold, predicted, tags=types, loader="dict").evaluate()
    overall = _rates(results["overall"]["strict"])
    return overall, {kind: _rates(results["entities"][kind]["strict"]) for kind in types}


def _rates(result: Any) -> dict[str, float]:
    return {"f1": float(result.f1), "precision": float(result.precision), "recall": float(result.recall)}


def _spans(labels: tuple[str, ...]) -> list[dict[str, Any]]:
    return [{"label": kind, "start": start, "end": end} for kind, start, end in chunks(labels)]


def normalize_answer(text: str) -> str:
    """Lower the case, drop punctuation and articles, join blanks: SQuAD's official normaliser.

    >>> normalize_answer("The  Norman, conquest.")
    'norman conquest'
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def answer_scores(gold: Sequence[str], predicted: str) -> tuple[float, float]:
    """Return (exact, F1) of an answer against the best of its golds; no gold stands for "no answer"."""
    golds = [text for text in gold if normalize_answer(text)] or [""]
    return max(_exact(text, predicted) for text in golds), max(_answer_f1(text, predicted) for text in golds)


def _exact(gold: str, predicted: str) -> float:
    return float(normalize_answer(gold) == normalize_answer(predicted))


def _answer_f1(gold: str, predicted: str) -> float:
    gold_words, words = normalize_answer(gold).split(), normalize_answer(predicted).split()
    if not gold_words or not words:
        return float(gold_words == words)
    shared = sum((collections.Counter(gold_words) & collections.Counter(words)).values())
    return 2 * shared / (len(gold_words) + len(words))


def squad_scores(gold: Mapping[str, Sequence[str]], predicted: Mapping[str, str]) -> dict[str, float]:
    """Return exact and F1 in percent over all questions, and apart for those with and without an answer."""
    pairs = {key: answer_scores(answers, predicted[key]) for key, answers in gold.items()}
    has = [key for key, answers in gold.items() if any(normalize_answer(text) for text in answers)]
    none = [key for key in gold if key not in set(has)]
    scores: dict[str, float] = {}
    for prefix, keys in (("", list(gold)), ("has_answer_", has), ("no_answer_", none)):
        if keys and (not prefix or none):
            scores[f"{prefix}exact"] = 100 * float(np.mean([pairs[key][0] for key in keys]))
            scores[f"{prefix}f1"] = 100 * float(np.mean([pairs[key][1] for key in keys]))
    return scores


def best_null_threshold(
    gold: Mapping[str, Sequence[str]], spans: Mapping[str, str], null_odds: Mapping[str, float]
) -> dict[str, float]:
    """Return the null threshold that would have given the best F1 on these questions, and that F1 in percent.

    `spans` are the best answers that aren't null; "" wins where the odds exceed the threshold.
    """
    keys = sorted(gold, key=lambda key: (null_odds[key], key))
    f1 = np.array([answer_scores(gold[key], spans[key])[1] for key in keys])
    null_f1 = np.array([answer_scores(gold[key], "")[1] for key in keys])
    odds = np.array([null_odds[key] for key in keys])
    # total[i]: the first i questions (the least null) answer with their span, the others with "".
    total = np.concatenate([[0.0], np.cumsum(f1)]) + null_f1.sum() - np.concatenate([[0.0], np.cumsum(null_f1)])
    cut = np.concatenate([[True], odds[1:] != odds[:-1], [True]])
    best = int(np.argmax(np.where(cut, total, -1)))
    threshold = float(odds[best - 1]) if best else float(odds[0]) - 1.0
    return {"best_f1": 100 * float(total[best]) / len(keys), "best_f1_threshold": threshold}
