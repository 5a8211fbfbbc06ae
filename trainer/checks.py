"""What is refused before the first step: corpora that are unfinished, or don't fit their vocabulary."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bertdata.errors import BertdataError, FormatError, InputError, require
from bertdata.reader import Shards, open_shards
from bertdata.vocab import Vocabulary, read_vocabulary
from trainer.config import Phase

# Enough labels to tell half from a third, and few enough to read in a moment.
_SAMPLE_EXAMPLES = 20_000
# So many of a sample's examples lie side by side (shards are shuffled): a corpus of any size has 200 shards opened.
_SAMPLE_RUN = 100
# How far the share of random next sentences may lie from a half: the original's own pairs reach 0.7 on short documents.
_BALANCE = {"balanced": 0.1, "sop": 0.1, "original": 0.3}


@dataclass(frozen=True)
class Corpus:
    """A corpus that may be trained on: its vocabulary and the shards of each length and split."""

    folder: Path
    vocabulary: Vocabulary
    train: dict[int, Shards]
    validation: dict[int, Shards]

    @property
    def has_next_sentence(self) -> bool:
        """Whether examples have two segments, and so a next-sentence label to learn."""
        return all(shards.metadata["pairs"] != "none" for shards in self.train.values())


def corpus_lengths(folder: Path) -> list[int]:
    """Return the lengths that a finished corpus has shards of, shortest first.

    Raises InputError where the folder isn't a finished corpus.
    """
    require(
        folder.is_dir(), f"{folder} doesn't exist or is no folder: give a corpus of `bertdata build-corpus`", InputError
    )
    path = folder / "manifest.json"
    if not path.is_file():
        began = (folder / "steps").is_dir() or (folder / "shards").is_dir()
        what = "is an unfinished corpus, or one being rebuilt" if began else "is no corpus"
        raise InputError(f"{folder} {what}: it has no manifest.json; let `bertdata build-corpus` finish first")
    try:
        splits = json.loads(path.read_text(encoding="utf-8"))["splits"]
        lengths = sorted({int(key.split("/")[0]) for key in splits if key.endswith("/train")})
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise FormatError(f"{path} can't be read ({error}): build the corpus again") from error
    require(lengths, f"{folder} has no training examples", InputError)
    return lengths


def open_corpus(folder: Path, phases: tuple[Phase, ...]) -> Corpus:
    """Open what the phases need and refuse what can't be trained on.

    Raises InputError, FormatError or OptionError, which say what doesn't fit.
    """
    lengths = sorted({phase.length for phase in phases})
    have = corpus_lengths(folder)
    for length in lengths:
        require(
            length in have, f"{folder} has no examples of length {length}, only {', '.join(map(str, have))}", InputError
        )
    train = {length: open_shards(folder, max_seq_length=length) for length in lengths}
    first = train[lengths[0]]
    vocabulary = _checked_vocabulary(folder, first)
    for shards in train.values():
        shards.check_sizes()
        _check_shards(folder, shards, vocabulary)
    return Corpus(folder, vocabulary, train, _open_validation(folder, lengths))


def _open_validation(folder: Path, lengths: list[int]) -> dict[int, Shards]:
    folders = {length: folder / "shards" / str(length) / "validation" for length in lengths}
    have = [length for length, path in folders.items() if any(path.glob("*.arrow"))]
    opened = {length: open_shards(folder, max_seq_length=length, split="validation") for length in have}
    return {length: shards for length, shards in opened.items() if shards.num_examples}


def _checked_vocabulary(folder: Path, shards: Shards) -> Vocabulary:
    path = folder / "vocab" / "vocab.txt"
    again = "put the vocabulary of the build back, or build the corpus again"
    try:
        vocabulary = read_vocabulary(path, bool(shards.metadata["lowercase"]))
    except BertdataError as error:
        raise FormatError(f"The shards' vocabulary is missing or damaged: {error}; {again}") from error
    if len(vocabulary) != shards.vocab_size or vocabulary.sha256 != shards.vocab_sha256:
        raise FormatError(
            f"{path} isn't the vocabulary that the shards were built with (it has {len(vocabulary):,} tokens, they "
            f"were built with {shards.vocab_size:,}): {again}"
        )
    return vocabulary


def _check_shards(folder: Path, shards: Shards, vocabulary: Vocabulary) -> None:
    where = f"{folder}/shards/{shards.max_seq_length}"
    require(shards.num_examples, f"{where} has no training examples", InputError)
    same = shards.vocab_sha256 == vocabulary.sha256 and shards.vocab_size == len(vocabulary)
    require(same, f"{where} was built with another vocabulary than vocab/vocab.txt: build it again", FormatError)
    sample = shards.read(sample_rows(shards))
    top = max(int(sample.input_ids.max()), int(sample.masked_labels.max(initial=0)))
    require(
        top < len(vocabulary),
        f"{where} has token id {top:,}, the vocabulary has {len(vocabulary):,}: build the corpus again",
        FormatError,
    )
    _check_balance(where, str(shards.metadata["pairs"]), sample.next_sentence_label)


def _check_balance(where: str, pairs: str, labels: np.ndarray[tuple[int], np.dtype[np.uint8]]) -> None:
    if pairs not in _BALANCE:
        return
    share = float(labels.mean())
    allowed = _BALANCE[pairs] + 3 * 0.5 / math.sqrt(len(labels))
    require(
        abs(share - 0.5) <= allowed,
        f"{where}: the next-sentence labels are off balance, {share:.0%} of {len(labels):,} are random next sentences "
        f"(about half should be): build the corpus from more documents, or with --pairs none",
        FormatError,
    )


def sample_rows(shards: Shards, count: int = _SAMPLE_EXAMPLES) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the numbers of up to `count` examples, in runs evenly over all shards."""
    num, run = shards.num_examples, 1 if shards.num_examples <= count else _SAMPLE_RUN
    starts = np.linspace(0, num - run, min(count, num) // run).astype(np.int64)
    return np.unique(starts[:, None] + np.arange(run))


def unigram_entropy(shards: Shards) -> float:
    """Return the entropy of the predicted tokens' own distribution, in nats.

    It is the masked-LM loss of a model that knows how frequent each token is and nothing else: what a run has to beat.
    """
    labels = shards.read(sample_rows(shards)).masked_labels
    counts = np.bincount(labels, minlength=1)
    shares = counts[counts > 0] / max(1, len(labels))
    return float(-(shares * np.log(shares)).sum())


def token_frequencies(shards: Shards, vocabulary: Vocabulary) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return each token's share of the text of a sample, [V]; none is 0."""
    ids = shards.read(sample_rows(shards)).original_ids()
    counts = np.bincount(ids, minlength=len(vocabulary)) + 0.5
    counts[[vocabulary.cls_id, vocabulary.sep_id, vocabulary.pad_id]] = 0.5  # They are in every example and no text.
    shares: np.ndarray[tuple[int], np.dtype[np.float64]] = counts / counts.sum()
    return shares
