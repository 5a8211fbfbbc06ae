"""Speed of the tokens step, beside its parts and `tokenizers` alone, in CPU seconds of one process.

    OMP_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false python benchmarks/tokens.py ../shared/data/books/novels \\
        --vocab ../shared/data/vocab/bert-base-uncased-vocab.txt

Each round times, one after the other on the same text: sentencex alone, nanotoken alone on its sentences, `tokenizers`
alone on some of them, and `tokenize_documents` from Parquet to the tokens file. Medians of the rounds are printed, in
MB of UTF-8 text a CPU second and as multiples of `tokenizers`.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from bertdata.documents import write_documents
from bertdata.records import Document
from bertdata.sentences import split_sentences
from bertdata.tokens import TokensOptions, tokenize_documents
from bertdata.vocab import read_vocabulary
from bertdata.wordpiece import Encoder


def cpu_seconds(function: Callable[[], object]) -> float:
    """Return the CPU seconds of one call."""
    start = time.process_time()
    function()
    return time.process_time() - start


def read_texts(folder: Path) -> list[str]:
    """Return the text files of a folder, each line a paragraph."""
    return [path.read_text("utf-8-sig").replace("\n", "\n\n") for path in sorted(folder.rglob("*.txt"))]


def main() -> None:
    """Print MB a CPU second of each part."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--vocab", type=Path, required=True)
    parser.add_argument("--cased", action="store_true")
    parser.add_argument("--language", default="en")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--authority-mb", type=float, default=5.0, help="MB of text that tokenizers gets")
    arguments = parser.parse_args()
    texts = read_texts(arguments.folder)
    num_bytes = sum(len(text.encode()) for text in texts)
    vocabulary = read_vocabulary(arguments.vocab, not arguments.cased)
    fast, slow = (Encoder(vocabulary, library=library) for library in ("nanotoken", "tokenizers"))
    fast._check = lambda *_: None  # type: ignore[method-assign]  # nanotoken alone: the check is part of the whole step
    sentences = [s for text in texts for s in split_sentences(arguments.language, text)]
    some, some_bytes = [], 0
    for sentence in sentences[len(sentences) // 3 :]:
        some.append(sentence)
        some_bytes += len(sentence.encode())
        if some_bytes > arguments.authority_mb * 1e6:
            break
    with TemporaryDirectory() as folder:
        source, output = Path(folder) / "documents.parquet", Path(folder) / "tokens.arrow"
        write_documents(
            source, (Document(str(i), "b", "b", t, arguments.language, "", "", "") for i, t in enumerate(texts))
        )
        parts: dict[str, tuple[float, Callable[[], object]]] = {
            "tokenizers alone": (some_bytes, lambda: slow.encode(some)),
            "sentencex": (num_bytes, lambda: [split_sentences(arguments.language, text) for text in texts]),
            "nanotoken": (num_bytes, lambda: fast.encode(sentences)),
            "documents to tokens": (
                num_bytes,
                lambda: tokenize_documents(source, output, vocabulary, TokensOptions()),
            ),
        }
        rates: dict[str, list[float]] = {name: [] for name in parts}
        for _ in range(arguments.rounds):
            for name, (size, function) in parts.items():
                rates[name].append(size / 1e6 / cpu_seconds(function))
    base = statistics.median(rates["tokenizers alone"])
    print(f"{num_bytes / 1e6:.1f} MB of text, {len(sentences):,} sentences, {arguments.rounds} rounds")
    for name, found in rates.items():
        rate = statistics.median(found)
        print(f"{name:24} {rate:8.1f} MB/s {rate / base:8.1f} x tokenizers")
    print(f"peak RSS of all this {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
