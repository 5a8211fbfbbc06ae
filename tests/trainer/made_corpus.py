"""A small corpus written straight to shards, and the command line in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from bertdata.rng import rng_for
from bertdata.shards import record_batch, shard_schema, write_shard
from bertdata.vocab import SPECIAL_TOKENS, Vocabulary, write_vocabulary

ROOT = Path(__file__).resolve().parents[2]
PAD, UNK, CLS, SEP, MASK = range(5)


def write_corpus(
    folder: Path,
    num_examples: int = 60,
    lengths: tuple[int, ...] = (32,),
    vocab_size: int = 120,
    num_validation: int = 12,
    random_share: float = 0.5,
    pairs: str = "balanced",
    num_starts: int | None = None,
) -> Path:
    """Write a finished corpus of `num_examples` examples a length; in a segment, token n is followed by n + 1.

    With `num_starts` 1 all segments begin with the same token, so that its place tells a token.
    """
    words = [f"w{n}" for n in range(5, vocab_size)]
    vocabulary = write_vocabulary(folder / "vocab", [*SPECIAL_TOKENS, *words], lowercase=True)
    splits = {}
    starts = num_starts or vocab_size - 5
    for length in lengths:
        for split, count in (("train", num_examples), ("validation", num_validation)):
            if count:
                _write_split(folder, vocabulary, length, split, count, random_share, pairs, starts)
                splits[f"{length}/{split}"] = {"examples": count}
    (folder / "manifest.json").write_text(json.dumps({"format_version": 1, "splits": splits}))
    return folder


def _write_split(
    folder: Path,
    vocabulary: Vocabulary,
    length: int,
    split: str,
    count: int,
    random_share: float,
    pairs: str,
    num_starts: int,
) -> None:
    rng = rng_for(7, split, length)
    labels = (np.arange(count) < round(count * random_share)).astype(np.uint8)
    rows = [_row(rng, length, len(vocabulary), bool(label), num_starts) for label in labels]
    ids, positions, originals = ([row[n] for row in rows] for n in range(3))
    batch = record_batch(
        shard_schema(len(vocabulary)),
        np.concatenate(ids),
        np.cumsum([0, *map(len, ids)]),
        np.array([row[3] for row in rows]),
        np.concatenate(positions),
        np.concatenate(originals),
        np.cumsum([0, *map(len, positions)]),
        labels,
        np.arange(count),
        np.arange(count),
    )
    metadata: dict[str, Any] = {
        "vocab_sha256": vocabulary.sha256,
        "vocab_size": len(vocabulary),
        "lowercase": True,
        "pad_id": PAD,
        "cls_id": CLS,
        "sep_id": SEP,
        "mask_id": MASK,
        "max_seq_length": length,
        "pairs": pairs,
        "masking": "token",
        "masked_lm_prob": 0.15,
        "max_predictions": length // 6,
        "short_seq_prob": 0.1,
        "seed": 7,
        "num_rows": count,
    }
    path = folder / "shards" / str(length) / split / "00000-of-00001.arrow"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_shard(path, shard_schema(len(vocabulary)), metadata, [batch])


def _row(
    rng: np.random.Generator, length: int, vocab_size: int, random_next: bool, num_starts: int
) -> tuple[Any, Any, Any, int]:
    total = length if rng.random() < 0.6 else int(rng.integers(9, length))
    half = (total - 3) // 2
    first = int(rng.integers(5, 5 + num_starts))
    second = int(rng.integers(5, 5 + num_starts)) if random_next else first + half
    a = 5 + (first - 5 + np.arange(half)) % (vocab_size - 5)
    b = 5 + (second - 5 + np.arange(total - 3 - half)) % (vocab_size - 5)
    ids = np.concatenate([[CLS], a, [SEP], b, [SEP]])
    words = np.flatnonzero(ids >= 5)
    positions = np.sort(rng.choice(words, max(1, round(0.15 * total)), replace=False))
    originals = ids[positions].copy()
    ids[positions] = MASK
    return ids, positions, originals, half + 2


def command(*args: object, ranks: int = 1, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run `bertdata` with one thread, under torchrun where there are several ranks."""
    launcher = [sys.executable, "-m", "cli.main"]
    if ranks > 1:
        torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={ranks}"]
        launcher = [sys.executable, *torchrun, "-m", "cli.main"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""}
    words = [*launcher, *map(str, args)]
    done = subprocess.run(words, capture_output=True, text=True, env=environment, cwd=ROOT, timeout=900)
    if check:
        assert done.returncode == 0, done.stderr
    return done


def log_records(run: Path, kind: str = "train") -> list[dict[str, Any]]:
    """Return the records of one kind in a run's log."""
    records = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [record for record in records if record["kind"] == kind]
