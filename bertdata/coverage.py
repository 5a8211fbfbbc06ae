"""How well a vocabulary fits a corpus: unknown words, pieces a word, lengths; from word counts, in bounded memory."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from bertdata.arrays import as_numpy
from bertdata.store_cache import local_copy
from bertdata.vocab import Vocabulary
from bertdata.word_counts import MAX_WORDS_TO_LEARN, survey_counts
from bertdata.wordpiece import Encoder

_WORDS_AT_ONCE = 100_000
# Histograms end here: the last bin holds all that is longer.
MAX_LENGTH = 32


def coverage(
    words: Sequence[str], counts: Sequence[int] | npt.NDArray[np.int64], vocabulary: Vocabulary
) -> dict[str, Any]:
    """Return how a vocabulary spells counted words, in numbers of occurrences unless it says distinct.

    `words`, `distinct_words`, `unknown_words`, `distinct_unknown_words`, `pieces`, and the shares `unknown_share` (of
    words) and `pieces_per_word`; `pieces_histogram[n]` are words of n pieces, `length_histogram[n]` words of n
    characters, both up to 32 (the last bin holds what is longer); `most_frequent_unknown` lists up to 20 words.

    >>> from bertdata.vocab import make_vocabulary
    >>> vocabulary = make_vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "un", "##do"], lowercase=True)
    >>> report = coverage(["un", "undo", "xyz"], [5, 4, 1], vocabulary)
    >>> report["unknown_share"], report["pieces_per_word"], report["most_frequent_unknown"]
    (0.1, 1.4, [('xyz', 1)])
    """
    return _finish(_measure(words, np.asarray(counts, np.int64), _word_encoder(vocabulary), vocabulary.unk_id))


def coverage_of_file(path: str | Path, vocabulary: Vocabulary, max_words: int = MAX_WORDS_TO_LEARN) -> dict[str, Any]:
    """Return the coverage of a counts file, and what the bound on words to learn from leaves out.

    `learned_from` has `distinct_words`, `words` and `least_count`: rarer words are counted here but weren't learned
    from.
    """
    encoder, total = _word_encoder(vocabulary), _empty()
    with pq.ParquetFile(local_copy(path)) as file:
        least = survey_counts(file, max_words).least
        kept, kept_words = 0, 0
        for batch in file.iter_batches(_WORDS_AT_ONCE):
            counts = as_numpy(batch["count"])
            total = _add(total, _measure(batch["word"].to_pylist(), counts, encoder, vocabulary.unk_id))
            learned_from = counts[counts >= least]
            kept, kept_words = kept + len(learned_from), kept_words + int(learned_from.sum())
    learned = {"distinct_words": kept, "words": kept_words, "least_count": least}
    return {**_finish(total), "learned_from": learned}


def _word_encoder(vocabulary: Vocabulary) -> Encoder:
    # Counted words are normalised already, and lower-casing twice isn't the same: İ becomes i and a dot above.
    return Encoder(dataclasses.replace(vocabulary, lowercase=False))


def _empty() -> dict[str, Any]:
    names = ("words", "distinct_words", "unknown_words", "distinct_unknown_words", "pieces")
    histograms = {name: np.zeros(MAX_LENGTH + 1, np.int64) for name in ("pieces_histogram", "length_histogram")}
    return {**dict.fromkeys(names, 0), **histograms, "most_frequent_unknown": []}


def _measure(words: Sequence[str], counts: npt.NDArray[np.int64], encoder: Encoder, unk_id: int) -> dict[str, Any]:
    ids, offsets = encoder.encode(words)
    pieces = np.diff(offsets)
    unknown = np.zeros(len(words), np.bool_)
    unknown[np.repeat(np.arange(len(words)), pieces)[ids == unk_id]] = True
    lengths = np.fromiter(map(len, words), np.int64, len(words))
    found = _empty()
    np.add.at(found["pieces_histogram"], np.minimum(pieces, MAX_LENGTH), counts)
    np.add.at(found["length_histogram"], np.minimum(lengths, MAX_LENGTH), counts)
    numbers = {
        "words": int(counts.sum()),
        "distinct_words": len(words),
        "unknown_words": int(counts[unknown].sum()),
        "distinct_unknown_words": int(unknown.sum()),
        "pieces": int((pieces * counts).sum()),
    }
    some = [(words[i], int(counts[i])) for i in np.flatnonzero(unknown).tolist()]
    return {**found, **numbers, "most_frequent_unknown": _most_frequent(some)}


def _most_frequent(some: list[tuple[str, int]]) -> list[tuple[str, int]]:
    return sorted(some, key=lambda entry: (-entry[1], entry[0]))[:20]


def _add(total: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    added = {name: value + part[name] for name, value in total.items()}
    return {**added, "most_frequent_unknown": _most_frequent(added["most_frequent_unknown"])}


def _finish(total: dict[str, Any]) -> dict[str, Any]:
    words = max(1, total["words"])
    shares = {"unknown_share": total["unknown_words"] / words, "pieces_per_word": total["pieces"] / words}
    histograms = {name: total[name].tolist() for name in ("pieces_histogram", "length_histogram")}
    return {**total, **shares, **histograms}
