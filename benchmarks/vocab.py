"""Speed of counting words and of learning WordPiece, beside the plain ways, in CPU seconds of one process.

    OMP_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false python benchmarks/vocab.py ../shared/data/books/novels

Counting: `count_words` from Parquet to the counts file; `str.split` with a Counter, which is fast and wrong (no
punctuation, no accents), as a measure of the machine; and BERT's normaliser and pre-tokeniser of `tokenizers` over all
text, which is right and slow. Learning: `learn_wordpiece` on these counts, `tokenizers`' trainer on the same words
(each repeated as often as it occurs, in thousandths, since it takes no counts), and a million made-up words.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import statistics
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from bertdata.documents import write_documents
from bertdata.records import Document
from bertdata.rng import rng_for
from bertdata.vocab import SPECIAL_TOKENS
from bertdata.word_counts import count_words, read_counts
from bertdata.wordpiece_learner import learn_wordpiece
from bertdata.words import WordSplitter


def cpu_seconds(function: Callable[[], object]) -> float:
    """Return the CPU seconds of one call."""
    start = time.process_time()
    function()
    return time.process_time() - start


def peak_mib() -> float:
    """Return the peak RSS so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(texts: list[str], folder: Path, lowercase: bool, language: str, rounds: int) -> None:
    """Print MB of UTF-8 text a CPU second for each way of counting."""
    source, output = folder / "documents.parquet", folder / "counts.parquet"
    write_documents(source, (Document(str(i), "b", "b", t, language, "", "", "") for i, t in enumerate(texts)))
    splitter = WordSplitter(lowercase)
    some = [text[:300_000] for text in texts[:: max(1, len(texts) // 10)]]
    sizes = [sum(len(t.encode()) for t in group) for group in (texts, texts, some)]
    ways: dict[str, Callable[[], object]] = {
        "count_words": lambda: count_words(source, output, lowercase=lowercase),
        "str.split and Counter": lambda: Counter(word for text in texts for word in text.split()),
        "tokenizers over all text": lambda: Counter(w for text in some for w in splitter.words(text)),
    }
    ways["count_words"]()  # imports
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for (name, function), size in zip(ways.items(), sizes, strict=True):
            rates[name].append(size / 1e6 / cpu_seconds(function))
    print(f"{sizes[0] / 1e6:.1f} MB of text, {rounds} rounds")
    for name, found in rates.items():
        print(f"{name:28} {statistics.median(found):8.1f} MB/s")


def trainer_seconds(words: list[str], counts: list[int], size: int) -> float:
    """Return the CPU seconds of `tokenizers`' trainer on the words, each a thousandth as often, at least once."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.WordPieceTrainer(vocab_size=size, show_progress=False, special_tokens=list(SPECIAL_TOKENS))
    texts = (" ".join([word] * max(1, count // 1_000)) for word, count in zip(words, counts, strict=True))
    return cpu_seconds(lambda: tokenizer.train_from_iterator(texts, trainer))


def made_up_words(words: list[str], num_words: int) -> list[str]:
    """Return different words: the beginning of one and the end of another."""
    rng, plain = rng_for(1, "words"), [word for word in words if word.isalpha()]
    made: set[str] = set(words)
    while len(made) < num_words:
        chosen, shares = rng.integers(len(plain), size=(100_000, 2)).tolist(), rng.random((100_000, 2)).tolist()
        for (a, b), (x, y) in zip(chosen, shares, strict=True):
            made.add(plain[a][: 1 + int(x * len(plain[a]))] + plain[b][int(y * len(plain[b])) :])
    return sorted(made)[:num_words]


def learn_alone(words: list[str], counts: Any, size: int) -> tuple[float, float, float]:
    """Return the CPU seconds of learning, and the peaks of memory after and before it in MiB."""
    before = peak_mib()
    return cpu_seconds(lambda: learn_wordpiece(words, counts, size)), peak_mib(), before


def main() -> None:
    """Print rates of counting and seconds of learning."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cased", action="store_true")
    parser.add_argument("--language", default="en")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=int, default=30_522)
    parser.add_argument("--million", type=int, default=1_000_000, help="made-up words to learn from; 0: none")
    arguments = parser.parse_args()
    texts = [path.read_text("utf-8-sig").replace("\n", "\n\n") for path in sorted(arguments.folder.rglob("*.txt"))]
    with TemporaryDirectory() as folder:
        measure(texts, Path(folder), not arguments.cased, arguments.language, arguments.rounds)
        words, counts, _, _ = read_counts(Path(folder) / "counts.parquet")
    del texts
    ours = [cpu_seconds(lambda: learn_wordpiece(words, counts, arguments.size)) for _ in range(arguments.rounds)]
    theirs = trainer_seconds(words, counts.tolist(), arguments.size)
    print(
        f"{len(words):,} words, {arguments.size:,} tokens: {statistics.median(ours):.2f} s; tokenizers {theirs:.2f} s"
    )
    if arguments.million:
        made = made_up_words(words, arguments.million)
        frequencies = (1e7 / (1 + rng_for(2, "counts").pareto(0.3, len(made)))).astype(int) + 1
        # In a process of its own: this one's peak is that of the texts.
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as alone:
            seconds, peak, before = alone.submit(learn_alone, made, frequencies, arguments.size).result()
        print(f"{len(made):,} words: {seconds:.2f} s, peak RSS {peak:.0f} MiB ({before:.0f} with the words alone)")


if __name__ == "__main__":
    main()
