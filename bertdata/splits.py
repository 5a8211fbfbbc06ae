"""Which documents are held out for validation: a threshold on their split key, so that every worker agrees."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bertdata.errors import BuildError
from bertdata.rng import split_key
from bertdata.tokens_file import open_tokens

SPLITS = ("train", "validation")


@dataclass(frozen=True)
class Survey:
    """What the documents of some tokens files allow; additive.

    `able` counts the documents of two sentences or more: those that can make a next-sentence pair.
    `smallest_split_keys` are the two smallest split keys of these.
    """

    documents: int = 0
    able: int = 0
    smallest_split_keys: list[int] = field(default_factory=list)

    def __add__(self, other: Survey) -> Survey:
        smallest = sorted([*self.smallest_split_keys, *other.smallest_split_keys])[:2]
        return Survey(self.documents + other.documents, self.able + other.able, smallest)


def survey_tokens(path: str | Path) -> Survey:
    """Survey one tokens file; a document's parts all lie in one file."""
    file = open_tokens(path)
    documents, inverse = np.unique(file.column("document_hash"), return_inverse=True)
    sentences = np.bincount(inverse, weights=file.column("num_sentences"), minlength=len(documents))
    able = documents[sentences >= 2]
    return Survey(len(documents), len(able), [int(key) for key in np.sort(split_key(able))[:2]])


def choose_threshold(found: Survey, validation_fraction: float, pairs: str) -> int:
    """Return the split key below which a document is held out for validation.

    At least two documents that can make pairs are held out (one where pairs need no second document), unless the
    fraction is 0. Raises BuildError where too few documents can make pairs.

    >>> choose_threshold(Survey(9, 9, [5, 7]), 0.0, "balanced")
    0
    >>> choose_threshold(Survey(9, 9, [5, 7]), 1e-19, "balanced")
    8
    """
    needed = 1 if pairs in ("sop", "none") else 2
    able = found.documents if pairs == "none" else found.able
    if able < needed:
        raise BuildError(
            f"The corpus makes no examples: {able:,} of its {found.documents:,} documents can make pairs (two "
            f"sentences or more), and more than one is needed, since the random sentence comes from another document. "
            "Add documents."
            if needed == 2
            else f"The corpus makes no examples: none of its {found.documents:,} documents has enough sentences."
        )
    if validation_fraction == 0:
        return 0
    if able < 2 * needed:
        raise BuildError(
            f"Only {able:,} of {found.documents:,} documents can make pairs: too few to hold {needed} out for "
            f"validation and train on {needed}. Add documents, or use --validation-fraction 0."
        )
    smallest = found.smallest_split_keys[:needed]
    return max(int(validation_fraction * 2**64), max(smallest, default=0) + 1)
