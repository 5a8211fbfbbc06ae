"""Documents to shards, and shards to batches: this project beside the plain reference, `tokenizers` and transformers.

    OMP_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false python benchmarks/examples.py --books FOLDER --vocab vocab.txt

One process, CPU seconds, medians of interleaved rounds. The reference is the slow literal implementation of
`tests/bertdata/reference_pairs.py`; it and `tokenizers` run on the first megabytes only.
"""

from __future__ import annotations

import argparse
import random
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bertdata import examples, tokens
from bertdata.documents import write_documents
from bertdata.examples import ExampleOptions, build_group
from bertdata.ranges import plan_ranges
from bertdata.reader import DynamicMasking, open_shards
from bertdata.records import Document
from bertdata.sentences import split_sentences
from bertdata.tokens import TokensOptions, bucket_bytes, tokenize_documents
from bertdata.vocab import Vocabulary, read_vocabulary
from bertdata.wordpiece import Encoder
from tests.bertdata.reference_pairs import reference_masks, reference_pairs

_SAMPLE_BYTES = 1_500_000


class Clock:
    """CPU seconds by part; a part inside another is taken from the outer one."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._inner = [0.0]

    def timed(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            self._inner.append(0.0)
            began = time.process_time()
            try:
                return function(*args, **kwargs)
            finally:
                spent, inner = time.process_time() - began, self._inner.pop()
                self.seconds[part] = self.seconds.get(part, 0.0) + spent - inner
                self._inner[-1] += spent

        return run


PARTS: list[tuple[Any, str, str]] = [
    (tokens, "split_sentences", "sentences"),
    (Encoder, "encode", "tokens"),
    (examples, "read_group", "partition"),
    (examples, "make_pairs", "pairs"),
    (examples, "mask_rows", "masks"),
    (examples, "lay_out", "lay out"),
    (examples, "record_batch", "write"),
    (examples, "write_shard", "write"),
]


@contextmanager
def parts_timed() -> Iterator[Clock]:
    """Time the parts of the examples step by wrapping the functions that they consist of."""
    clock, originals = Clock(), [(home, name, getattr(home, name)) for home, name, _ in PARTS]
    for home, name, part in PARTS:
        setattr(home, name, clock.timed(part, getattr(home, name)))
    try:
        yield clock
    finally:
        for home, name, function in originals:
            setattr(home, name, function)


def read_books(folder: Path) -> list[str]:
    """Return the texts of all books below a folder, with paragraphs on lines of their own."""
    texts = []
    for path in sorted(folder.rglob("*.txt")):
        text = path.read_bytes().decode("utf-8-sig", "replace").replace("\r\n", "\n")
        texts.append("\n\n".join(" ".join(p.split()) for p in re.split(r"\n\s*\n", text) if p.strip()))
    return texts


def to_tokens(documents: Path, output: Path, vocabulary: Vocabulary) -> float:
    began = time.process_time()
    tokenize_documents(documents, output, vocabulary, TokensOptions())
    return time.process_time() - began


def to_shards(tokens_path: Path, folder: Path, vocabulary: Vocabulary, options: ExampleOptions) -> tuple[int, float]:
    """Return how many examples were written, and the CPU seconds that pairs, masks and writing took."""
    began, num = time.process_time(), 0
    ranges = plan_ranges(bucket_bytes(tokens_path, 0)[0], options.shard_bytes)
    for n, each in enumerate(ranges):
        result = build_group(each, [str(tokens_path)], vocabulary, options, "train", 0, n, len(ranges), folder)
        num += result["examples"]
    return num, time.process_time() - began


def plain_reference(text: str, vocabulary: Vocabulary) -> float:
    """Return the CPU seconds of the literal rules, `tokenizers` included, on one text cut into documents."""
    tokenizer = make_tokenizer(vocabulary)
    began, rng = time.process_time(), random.Random(1)
    documents = []
    for start in range(0, len(text), 100_000):
        sentences = split_sentences("en", text[start : start + 100_000])
        documents.append([e.ids for e in tokenizer.encode_batch(sentences, add_special_tokens=False) if e.ids])
    continuation = set(np.flatnonzero(vocabulary.is_continuation).tolist())
    for pair in reference_pairs(documents, 128, 0.1, rng):
        row = [vocabulary.cls_id, *pair.a, vocabulary.sep_id, *pair.b, vocabulary.sep_id]
        specials = {0, len(pair.a) + 1, len(row) - 1}
        size = len(vocabulary)
        reference_masks(row, specials, continuation, size, vocabulary.mask_id, 0.15, 20, False, rng)
    return time.process_time() - began


def make_tokenizer(vocabulary: Vocabulary) -> Any:
    from tokenizers import BertWordPieceTokenizer

    return BertWordPieceTokenizer(dict(vocabulary.ids), lowercase=vocabulary.lowercase)


def tokenizers_alone(text: str, vocabulary: Vocabulary) -> float:
    tokenizer = make_tokenizer(vocabulary)
    pieces = split_sentences("en", text)
    began = time.process_time()
    tokenizer.encode_batch(pieces, add_special_tokens=False)
    return time.process_time() - began


def read_rate(folder: Path, length: int, **options: Any) -> float:
    """Return examples a CPU second of one epoch, the first batch left out."""
    shards = open_shards(folder, max_seq_length=length)
    batches = shards.batches(256, seed=1, **options)
    next(batches)
    began = time.process_time()
    num = sum(len(next(batches)) for _ in range(shards.num_batches(256) - 1))
    return num / (time.process_time() - began)


def transformers_rate(folder: Path, length: int, vocab_path: Path) -> float:
    """Return examples a CPU second of transformers' masking collator on rows already in memory."""
    import torch
    from transformers import BertTokenizerFast, DataCollatorForLanguageModeling

    torch.set_num_threads(1)
    shards = open_shards(folder, max_seq_length=length)
    every = shards.read(np.arange(min(20_000, shards.num_examples)))
    rows = [
        {"input_ids": every.input_ids[a:b].tolist()}
        for a, b in zip(every.offsets[:-1].tolist(), every.offsets[1:].tolist(), strict=True)
    ]
    collate = DataCollatorForLanguageModeling(BertTokenizerFast(vocab=str(vocab_path)), mlm_probability=0.15)
    began = time.process_time()
    for start in range(0, len(rows), 256):
        collate(rows[start : start + 256])
    return len(rows) / (time.process_time() - began)


def median_of(rounds: list[dict[str, float]], name: str) -> float:
    return statistics.median(r[name] for r in rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--books", type=Path, default=Path("../shared/data/books/novels"))
    parser.add_argument("--vocab", type=Path, default=Path("../shared/data/vocab/bert-base-uncased-vocab.txt"))
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    vocabulary, texts = read_vocabulary(args.vocab, True), read_books(args.books)
    num_bytes = sum(len(t.encode()) for t in texts)
    sample = "\n\n".join(texts)[:_SAMPLE_BYTES]
    rounds: list[dict[str, float]] = []
    shares: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        documents = folder / "documents.parquet"
        write_documents(documents, [Document(f"b/{n}", "b", "", t, "en", "", "", "") for n, t in enumerate(texts)])
        for _ in range(args.rounds):
            got: dict[str, float] = {}
            with parts_timed() as clock:
                got["tokens"] = to_tokens(documents, folder / "tokens.arrow", vocabulary)
                for length in (128, 512):
                    options = ExampleOptions(max_seq_lengths=(length,))
                    num, seconds = to_shards(folder / "tokens.arrow", folder / "shards", vocabulary, options)
                    got[f"examples {length}"] = num / seconds
                    if length == 128:
                        got["step"] = got["tokens"] + seconds
                        shares = dict(clock.seconds) | {"whole": got["step"]}
            got["reference"] = plain_reference(sample, vocabulary)
            got["tokenizers"] = tokenizers_alone(sample, vocabulary)
            got["static"] = read_rate(folder, 128)
            got["dynamic"] = read_rate(folder, 128, masking=DynamicMasking())
            got["transformers"] = transformers_rate(folder, 128, args.vocab)
            rounds.append(got)
    ours, sample_mb = num_bytes / 1e6 / median_of(rounds, "step"), len(sample.encode()) / 1e6
    print(f"{num_bytes / 1e6:.1f} MB of text, {args.rounds} rounds, medians, per CPU second of one process")
    print(f"documents to shards of 128: {ours:.1f} MB/s")
    for name in ("tokenizers", "reference"):
        rate = sample_mb / median_of(rounds, name)
        print(f"  {name}: {rate:.2f} MB/s, ours is {ours / rate:.1f} times that")
    for length, aim in ((128, 150_000), (512, 40_000)):
        print(f"pairs, masks, written at {length}: {median_of(rounds, f'examples {length}'):,.0f}/s (aim {aim:,})")
    whole = shares.pop("whole")
    named = sorted(shares.items(), key=lambda item: -item[1])
    print("parts at 128:", ", ".join(f"{k} {v / whole:.0%}" for k, v in named), end="")
    print(f", rest {1 - sum(shares.values()) / whole:.0%}")
    theirs = median_of(rounds, "transformers")
    for name, aim in (("static", 300_000), ("dynamic", 100_000)):
        rate = median_of(rounds, name)
        print(f"reader, {name} masks: {rate:,.0f} examples/s (aim {aim:,}), {rate / theirs:.0f} times transformers")
    print(f"transformers' masking collator: {theirs:,.0f} examples/s")


if __name__ == "__main__":
    main()
