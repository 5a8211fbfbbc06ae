"""Randomness and hashes: functions of (seed, stable key), the same on every machine and in every order.

Source of the generator: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (Philox), as in numpy.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_SPLIT_SALT = np.uint64(0x5DEECE66D1CE4E5B)


def rng_for(seed: int, *key: int | str) -> np.random.Generator:
    """Return the Philox generator of (seed, key); equal keys give equal streams, whoever asks first.

    >>> int(rng_for(12345, "pairs", 7).integers(1000)) == int(rng_for(12345, "pairs", 7).integers(1000))
    True
    """
    digest = hashlib.blake2b(repr((seed, *key)).encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=np.frombuffer(digest, dtype="<u8")))


def document_hash(document_id: str) -> int:
    """Return the signed 64-bit hash of a document's id: BLAKE2b with 8 bytes of digest, little-endian.

    >>> document_hash("enwiki/12")
    -8359424578761602172
    """
    return int.from_bytes(hashlib.blake2b(document_id.encode(), digest_size=8).digest(), "little", signed=True)


def mix64(values: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
    """Mix 64-bit integers so that every input bit moves every output bit (the finaliser of SplitMix64)."""
    x = np.asarray(values).astype(np.uint64, copy=True)
    x ^= x >> np.uint64(30)
    x *= np.uint64(0xBF58476D1CE4E5B9)
    x ^= x >> np.uint64(27)
    x *= np.uint64(0x94D049BB133111EB)
    x ^= x >> np.uint64(31)
    return x


def part_key(document_hashes: npt.NDArray[np.int64], parts: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
    """Return the place of each (document, part) in the hash space: what orders the rows of tokens files.

    It depends on nothing but the document's id and the part's number, so one tokenisation serves every seed.
    """
    return mix64(mix64(document_hashes.view(np.uint64)) + parts.astype(np.uint64) * _GOLDEN)


def split_key(document_hashes: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
    """Return the number that decides each document's split: below the threshold it is held out for validation.

    It is independent of `part_key`, so that validation documents lie all over the hash space.
    """
    return mix64(document_hashes.view(np.uint64) ^ _SPLIT_SALT)
