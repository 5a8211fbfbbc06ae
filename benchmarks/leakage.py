"""How much of a corpus' next-sentence labels the lengths of A and B give away, by gradient boosting.

    python benchmarks/leakage.py CORPUS…

Trained on one half of the documents, scored on the other half (pairs whose A lies there): chance is one half, and two
standard errors of that are printed beside it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bertdata.reader import open_shards


def main() -> None:
    from sklearn.ensemble import HistGradientBoostingClassifier

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, nargs="+")
    parser.add_argument("--max-seq-length", type=int, default=128)
    args = parser.parse_args()
    for corpus in args.corpus:
        shards = open_shards(corpus, max_seq_length=args.max_seq_length)
        every = shards.read(np.arange(shards.num_examples))
        a, b = every.segment_b_start - 2, every.lengths - every.segment_b_start - 1
        features, label = np.column_stack([a, b, a + b]), every.next_sentence_label
        test = every.document_a % 2 == 0
        model = HistGradientBoostingClassifier(max_iter=60, random_state=0).fit(features[~test], label[~test])
        right, majority = model.score(features[test], label[test]), max(label[test].mean(), 1 - label[test].mean())
        error = 2 * 0.5 / test.sum() ** 0.5
        print(f"{corpus}: {right:.4f} right, majority {majority:.4f}, two errors {error:.4f}, {len(label):,} pairs")


if __name__ == "__main__":
    main()
