"""From start and end logits to answers: candidates of a window, the n best of a question, and the null decision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from trainer.spans import Window
    from trainer.tasks import FinetuneOptions


class Candidate(NamedTuple):
    """A span of passage tokens, both ends included, with its logits."""

    first: int
    last: int
    start_logit: float
    end_logit: float

    @property
    def score(self) -> float:
        """The sum of both logits."""
        return self.start_logit + self.end_logit


def window_candidates(logits: npt.NDArray[np.float32], window: Window, options: FinetuneOptions) -> list[Candidate]:
    """Return the spans among a window's best starts and best ends that can be an answer; `logits` [L, 2].

    Dropped are ends outside the passage, starts that another window sees in more context, ends before starts, and
    spans of more than `max_answer_length` tokens.
    """
    starts, ends = (np.argsort(-logits[:, side], kind="stable")[: options.num_best] for side in (0, 1))
    first, last = (index - window.place for index in np.meshgrid(starts, ends, indexing="ij"))
    inside = (first >= 0) & (first < window.length) & (last >= first) & (last < window.length)
    inside &= last - first < options.max_answer_length
    first, last = first[inside], last[inside]
    keep = window.is_max_context[first]
    found = []
    for begin, end in zip(first[keep].tolist(), last[keep].tolist(), strict=True):
        scores = float(logits[begin + window.place, 0]), float(logits[end + window.place, 1])
        found.append(Candidate(begin + window.start, end + window.start, *scores))
    return found


def best_candidates(
    candidates: list[Candidate], context: str, offsets: npt.NDArray[np.int32], num_best: int
) -> list[tuple[str, Candidate]]:
    """Return the best candidates with their text in the original passage, each text once, best first."""
    best: dict[str, Candidate] = {}
    for candidate in sorted(candidates, key=lambda c: (-c.score, c.first, c.last)):
        if len(best) == num_best:
            break
        text = context[int(offsets[candidate.first, 0]) : int(offsets[candidate.last, 1])]
        best.setdefault(text, candidate)
    return list(best.items())


def choose_answer(best: list[tuple[str, Candidate]], null_score: float | None, threshold: float) -> dict[str, Any]:
    """Return the answer, the n best with their probabilities, and the null odds.

    With a null score "" competes: it wins where it exceeds the best span by more than the threshold. Without any span
    the answer is "", and the null odds are a large number that no threshold reaches.
    """
    entries = [(text, c.start_logit, c.end_logit) for text, c in best]
    span, odds = (best[0][0], (null_score or 0.0) - best[0][1].score) if best else ("", 1e6)
    if null_score is not None:
        entries = sorted([*entries, ("", null_score, 0.0)], key=lambda entry: -(entry[1] + entry[2]))
    entries = entries or [("", 0.0, 0.0)]
    scores = np.array([start + end for _, start, end in entries], np.float64)
    shares = np.exp(scores - scores.max())
    shares /= shares.sum()
    n_best = [
        {"text": text, "probability": round(float(share), 6), "start_logit": start, "end_logit": end}
        for (text, start, end), share in zip(entries, shares, strict=True)
    ]
    answer = "" if null_score is not None and odds > threshold else span
    found: dict[str, Any] = {"prediction": answer, "best_span": span, "n_best": n_best}
    return found | ({"null_odds": odds} if null_score is not None else {})
