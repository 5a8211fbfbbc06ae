"""Rows of shards as the inputs of transformers' `BertForPreTraining`, for whoever reads shards with `datasets`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

# What transformers' losses skip.
IGNORED = -100


def collate_rows(rows: Sequence[dict[str, Any]], pad_id: int = 0, multiple_of: int = 8) -> dict[str, npt.NDArray[Any]]:
    """Return n rows as int64 arrays under the names that `BertForPreTraining` takes, padded to the longest row.

    `labels` [n, L] holds the original ids at masked positions and -100 elsewhere. As a collator for torch:
    `lambda rows: {k: torch.from_numpy(v) for k, v in collate_rows(rows).items()}`.

    >>> row = {"input_ids": [2, 7, 3, 4, 3], "segment_b_start": 3, "masked_lm_positions": [3],
    ...        "masked_lm_labels": [9], "next_sentence_label": 1}
    >>> {k: v.tolist() for k, v in collate_rows([row], multiple_of=2).items()}  # doctest: +NORMALIZE_WHITESPACE
    {'input_ids': [[2, 7, 3, 4, 3, 0]], 'token_type_ids': [[0, 0, 0, 1, 1, 0]], 'attention_mask': [[1, 1, 1, 1, 1, 0]],
     'labels': [[-100, -100, -100, 9, -100, -100]], 'next_sentence_label': [1]}
    """
    width = -(-max(len(row["input_ids"]) for row in rows) // multiple_of) * multiple_of
    shape = (len(rows), width)
    input_ids, labels = np.full(shape, pad_id, dtype=np.int64), np.full(shape, IGNORED, dtype=np.int64)
    token_type_ids, attention_mask = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    for n, row in enumerate(rows):
        size = len(row["input_ids"])
        input_ids[n, :size] = row["input_ids"]
        attention_mask[n, :size] = 1
        token_type_ids[n, row["segment_b_start"] : size] = 1
        labels[n, np.asarray(row["masked_lm_positions"], dtype=np.int64)] = row["masked_lm_labels"]
    return {
        "input_ids": input_ids,
        "token_type_ids": token_type_ids,
        "attention_mask": attention_mask,
        "labels": labels,
        "next_sentence_label": np.array([row["next_sentence_label"] for row in rows], dtype=np.int64),
    }
