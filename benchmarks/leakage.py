"""How much of a corpus' next-sentence labels anything but the words gives away: lengths and numbers of sentences.

    python benchmarks/leakage.py CORPUS…

Gradient boosting on the lengths of A and B, as the shards have them, and a logistic regression on their numbers of
sentences, on pairs made anew from `tokens/`. Each is trained on one half of the documents and scored on the other
(pairs whose A lies there): chance is one half, and two standard errors of that are printed beside it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bertdata.example_options import ExampleOptions
from bertdata.group import GroupText, read_group
from bertdata.pairs import Pairs, make_pairs
from bertdata.ranges import HASH_SPACE, HashRange
from bertdata.reader import open_shards
from bertdata.rng import rng_for


def num_sentences(text: GroupText, start: Any, length: Any) -> Any:
    """Return how many sentences each span of ids touches."""
    return np.searchsorted(text.bounds, start + length) - np.searchsorted(text.bounds, start, side="right") + 1


def pairs_of(corpus: Path, max_seq_length: int) -> tuple[GroupText, Pairs]:
    """Make balanced pairs of a whole corpus in one group."""
    text = read_group([str(p) for p in sorted((corpus / "tokens").iterdir())], HashRange(0, HASH_SPACE), "train", 0)
    return text, make_pairs(text, ExampleOptions(), max_seq_length, rng_for(1, "leakage"), lambda: None)


def report(name: str, model: Any, features: Any, label: Any, document: Any) -> None:
    """Train on one half of the documents and print what is right on the other."""
    test = document % 2 == 0
    right = model.fit(features[~test], label[~test]).score(features[test], label[test])
    majority, error = max(label[test].mean(), 1 - label[test].mean()), 2 * 0.5 / test.sum() ** 0.5
    print(f"  {name}: {right:.4f} right, majority {majority:.4f}, two errors {error:.4f}, {len(label):,} pairs")


def main() -> None:
    """Report every corpus."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, nargs="+")
    parser.add_argument("--max-seq-length", type=int, default=128)
    args = parser.parse_args()
    for corpus in args.corpus:
        print(corpus)
        shards = open_shards(corpus, max_seq_length=args.max_seq_length)
        every = shards.read(np.arange(shards.num_examples))
        a, b = every.segment_b_start - 2, every.lengths - every.segment_b_start - 1
        boosting = HistGradientBoostingClassifier(max_iter=60, random_state=0)
        lengths = np.column_stack([a, b, a + b])
        report("lengths, by boosting", boosting, lengths, every.next_sentence_label, every.document_a)
        text, pairs = pairs_of(corpus, args.max_seq_length)
        sides = ((pairs.a_start, pairs.a_length), (pairs.b_start, pairs.b_length))
        counts = np.column_stack([num_sentences(text, *side) for side in sides])
        report("numbers of sentences, by regression", LogisticRegression(), counts, pairs.label, pairs.document_a)


if __name__ == "__main__":
    main()
