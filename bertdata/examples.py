"""One hash range to shards: gather its parts, make pairs, mask them, shuffle, write a shard a length and duplicate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bertdata.example_options import ExampleOptions as ExampleOptions
from bertdata.group import GroupText, following_ranges, read_group
from bertdata.masking import Masked, MaskRules, mask_rows
from bertdata.pairs import Int64s, Lenders, Pairs, make_pairs
from bertdata.ranges import HashRange
from bertdata.rng import rng_for
from bertdata.shards import BATCH_ROWS, record_batch, shard_schema, write_shard
from bertdata.store import as_path

if TYPE_CHECKING:
    from bertdata.vocab import Vocabulary

_COUNTED = ("examples", "tokens", "random_next", "masked", "masked_as_mask", "masked_kept", "masked_random")
# Rows that are laid out and masked at once; a multiple of the record batch.
_CHUNK_ROWS = 4 * BATCH_ROWS


def build_group(
    hash_range: HashRange,
    tokens_paths: Sequence[str],
    vocabulary: Vocabulary,
    options: ExampleOptions,
    split: str,
    threshold: int,
    index: int,
    num_groups: int,
    output_dir: str | Path,
    text: GroupText | None = None,
) -> dict[str, Any]:
    """Write the shards of one hash range and split, one a length and duplicate, below the folder `output_dir`.

    `output_dir` is the corpus' `shards` folder; the range is the `index`-th of `num_groups`, and the shard of its
    d-th duplicate is number `d * num_groups + index`. Returns `examples`, `tokens`, `text_bytes`, `statistics`
    (additive over groups) and `files`: {"shards": [{path, bytes, rows, sha256}]}, paths below the corpus' folder.

    `text` is what the files hold of the group, where somebody has gathered it already.

    The bytes depend on the parts in the range, the options, the split and the seed: not on how tokens files are cut
    or ordered. Raises BuildError where random sentences are due and the split has one document only.
    """
    text = text or read_group(tokens_paths, hash_range, split, threshold)
    files, total = [], new_statistics(text)
    for length in options.max_seq_lengths:
        for duplicate in range(options.dupe_factor):
            key = (split, length, duplicate, hash_range.low, hash_range.high)
            pairs = make_pairs(
                text,
                options,
                length,
                rng_for(options.seed, "pairs", *key),
                _lenders(tokens_paths, hash_range, split, threshold),
            )
            number, num_shards = duplicate * num_groups + index, num_groups * options.dupe_factor
            path = as_path(output_dir) / str(length) / split / f"{number:05d}-of-{num_shards:05d}.arrow"
            file, statistics = write_examples(path, pairs, vocabulary, options, length, key)
            files.append({"path": path.relative_to(as_path(output_dir).parent).as_posix(), **file})
            add_statistics(total, statistics)
    return {
        "examples": sum(f["rows"] for f in files),
        "tokens": total["tokens"],
        "text_bytes": text.text_bytes,
        "files": {"shards": files},
        "statistics": total,
    }


def _lenders(tokens_paths: Sequence[str], hash_range: HashRange, split: str, threshold: int) -> Lenders:
    ranges = following_ranges(hash_range)

    def lend() -> GroupText | None:
        following = next(ranges, None)
        return None if following is None else read_group(tokens_paths, following, split, threshold)

    return lend


def write_examples(
    path: str | Path,
    pairs: Pairs,
    vocabulary: Vocabulary,
    options: ExampleOptions,
    max_seq_length: int,
    key: tuple[int | str, ...],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Shuffle, mask and write pairs to one shard; return what was written and its statistics."""
    order = spread_order(len(pairs), rng_for(options.seed, "shuffle", *key))
    row_keys = rng_for(options.seed, "masks", *key).integers(0, 1 << 64, size=len(pairs), dtype=np.uint64)
    rules = MaskRules(
        options.masked_lm_prob,
        options.predictions(max_seq_length),
        options.masking,
        vocabulary.mask_id,
        len(vocabulary),
        None if options.masking == "token" else vocabulary.is_continuation,
    )
    statistics: dict[str, Any] = dict.fromkeys(_COUNTED, 0) | pairs.counts | {"lengths": [0] * (max_seq_length + 1)}
    schema = shard_schema(len(vocabulary))
    metadata = shard_metadata(vocabulary, options, max_seq_length, len(pairs))
    batches = _batches(schema, pairs, order, row_keys, rules, vocabulary, statistics)
    return write_shard(path, schema, metadata, batches), statistics


def shard_metadata(
    vocabulary: Vocabulary, options: ExampleOptions, max_seq_length: int, num_rows: int
) -> dict[str, Any]:
    """Return what a shard says of itself in its schema's metadata."""
    return {
        "vocab_sha256": vocabulary.sha256,
        "vocab_size": len(vocabulary),
        "lowercase": vocabulary.lowercase,
        **{name: getattr(vocabulary, name) for name in ("pad_id", "cls_id", "sep_id", "mask_id")},
        "max_seq_length": max_seq_length,
        "pairs": options.pairs,
        "masking": options.masking,
        "masked_lm_prob": options.masked_lm_prob,
        "max_predictions": options.predictions(max_seq_length),
        "short_seq_prob": options.short_seq_prob,
        "seed": options.seed,
        "num_rows": num_rows,
    }


def spread_order(num: int, rng: np.random.Generator) -> Int64s:
    """Return a random order of a group's pairs in which neighbours of the text lie in different record batches.

    Readers permute record batches, not rows, over all shards. A document lies in one shard, so by chance alone its
    pairs would share a record batch as many times too often as there are shards: pairs are dealt to record batches
    in turn, then shuffled inside each.
    """
    num_batches = -(-num // BATCH_ROWS)
    slots = np.arange(num)
    # The slots in dealing order: the first row of every batch, the second of every batch, and so on.
    dealt = np.lexsort((slots // BATCH_ROWS, slots % BATCH_ROWS))
    order = np.empty(num, dtype=np.int64)
    order[dealt] = np.roll(slots, int(rng.integers(0, max(1, num))))
    for batch in range(num_batches):
        rng.shuffle(order[batch * BATCH_ROWS : (batch + 1) * BATCH_ROWS])
    return order


def lay_out(pairs: Pairs, rows: Int64s, cls_id: int, sep_id: int) -> tuple[npt.NDArray[Any], Int64s, Int64s]:
    """Return the rows as `[CLS] A [SEP] B [SEP]` end to end, their offsets int64[n + 1] and where each B begins.

    Without B: `[CLS] A [SEP]`, and B begins at the row's length.
    """
    a_length, b_length = pairs.a_length[rows], pairs.b_length[rows]
    b_start = a_length + 2
    lengths = b_start + b_length + (b_length > 0)
    offsets = np.zeros(len(rows) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    starts = offsets[:-1]
    # Two runs a row, each with the special tokens around it: one gather copies all, then the special ids are set.
    runs = np.column_stack([b_start, lengths - b_start]).ravel()
    shifts = np.column_stack([pairs.a_start[rows] - starts - 1, pairs.b_start[rows] - starts - b_start]).ravel()
    source = np.arange(offsets[-1]) + np.repeat(shifts, runs)
    ids = np.take(pairs.input_ids, source, mode="clip") if len(pairs.input_ids) else pairs.input_ids[:0]
    ids[starts] = cls_id
    ids[starts + b_start - 1] = sep_id
    ids[offsets[1:] - 1] = sep_id
    return ids, offsets, b_start


def _batches(
    schema: Any,
    pairs: Pairs,
    order: Int64s,
    row_keys: npt.NDArray[np.uint64],
    rules: MaskRules,
    vocabulary: Vocabulary,
    statistics: dict[str, Any],
) -> Iterator[Any]:
    for low in range(0, len(order), _CHUNK_ROWS):
        rows = order[low : low + _CHUNK_ROWS]
        ids, offsets, b_start = lay_out(pairs, rows, vocabulary.cls_id, vocabulary.sep_id)
        masked = mask_rows(ids, offsets, b_start, row_keys[low : low + _CHUNK_ROWS], rules)
        add_statistics(statistics, _count(pairs, rows, offsets, masked, len(statistics["lengths"])))
        for start in range(0, len(rows), BATCH_ROWS):
            stop = min(start + BATCH_ROWS, len(rows))
            yield record_batch(
                schema,
                masked.input_ids,
                offsets[start : stop + 1],
                b_start[start:stop],
                masked.positions,
                masked.labels,
                masked.offsets[start : stop + 1],
                pairs.label[rows[start:stop]],
                pairs.document_a[rows[start:stop]],
                pairs.document_b[rows[start:stop]],
            )


def new_statistics(text: GroupText) -> dict[str, Any]:
    """Return what a group's text counts, once whatever the lengths and duplicates."""
    return {
        "documents": len(np.unique(text.document_hash)),
        "parts": text.num_parts,
        "parts_of_one_sentence": int((np.diff(text.part_bounds) == 1).sum()),
        "sentences": text.num_sentences,
        "text_tokens": len(text.input_ids),
    }


def _count(pairs: Pairs, rows: Int64s, offsets: Int64s, masked: Masked, num_lengths: int) -> dict[str, Any]:
    """Return what some rows of a shard count."""
    lengths = np.diff(offsets)
    return {
        "examples": len(rows),
        "tokens": int(offsets[-1]),
        "random_next": int(pairs.label[rows].sum()),
        "masked": int(masked.offsets[-1]),
        "masked_as_mask": masked.replaced[0],
        "masked_kept": masked.replaced[1],
        "masked_random": masked.replaced[2],
        "lengths": np.bincount(lengths, minlength=num_lengths).tolist(),
    }


def add_statistics(total: dict[str, Any], more: dict[str, Any]) -> None:
    """Add counts to counts, in place; lists are histograms and are added entry by entry."""
    for name, value in more.items():
        if isinstance(value, list):
            old = total.get(name, [])
            size = max(len(old), len(value))
            old, value = old + [0] * (size - len(old)), value + [0] * (size - len(value))
            total[name] = [a + b for a, b in zip(old, value, strict=True)]
        else:
            total[name] = total.get(name, 0) + value
