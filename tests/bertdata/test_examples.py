"""Groups of the hash space to shards: the same bytes however the text is cut, and nothing lost or crossed."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from bertdata.errors import BuildError, OptionError
from bertdata.example_options import ExampleOptions
from bertdata.examples import spread_order
from bertdata.files import sha256_file
from bertdata.group import following_ranges, read_group
from bertdata.ranges import HASH_SPACE, HashRange, plan_ranges
from bertdata.reader import open_shards
from bertdata.rng import document_hash, rng_for, split_key
from tests.bertdata.example_corpora import build_shards, made_documents, made_vocabulary, write_tokens

VOCABULARY = made_vocabulary()
OPTIONS = ExampleOptions(max_seq_lengths=(32, 64), dupe_factor=2, shard_bytes=40_000)
DOCUMENTS = made_documents(300, (1, 40), (1, 20))
TENTH = HASH_SPACE // 10


def digests(folder: Path) -> dict[str, str]:
    return {p.relative_to(folder).as_posix(): sha256_file(p) for p in sorted(folder.rglob("*.arrow"))}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    build_shards(folder, [write_tokens(folder / "tokens.arrow", DOCUMENTS, VOCABULARY)], VOCABULARY, OPTIONS, TENTH)
    return folder / "shards"


def test_bytes_depend_on_no_cut_and_no_order_of_the_tokens_files(built: Path, tmp_path: Path) -> None:
    cuts = [DOCUMENTS[200:], DOCUMENTS[:1], DOCUMENTS[1:200][::-1]]
    paths = [write_tokens(tmp_path / f"{n}.arrow", some, VOCABULARY) for n, some in enumerate(cuts)]
    build_shards(tmp_path / "a", paths, VOCABULARY, OPTIONS, TENTH)
    build_shards(tmp_path / "b", paths[::-1], VOCABULARY, OPTIONS, TENTH)
    assert digests(built) == digests(tmp_path / "a" / "shards") == digests(tmp_path / "b" / "shards")
    assert len(digests(built)) > 8


def test_shards_are_numbered_without_gaps_over_groups_and_duplicates(built: Path) -> None:
    names = sorted(p.name for p in (built / "64" / "train").iterdir())
    assert len(names) % 2 == 0
    assert names == [f"{n:05d}-of-{len(names):05d}.arrow" for n in range(len(names))]


def test_duplicates_have_their_own_pairs_and_masks(built: Path) -> None:
    shards = open_shards(built, max_seq_length=64)
    half = len(shards.paths) // 2
    one, two = (shards.read(np.arange(shards.first_row(n), shards.first_row(n + 1))) for n in (0, half))
    assert set(one.document_a.tolist()) == set(two.document_a.tolist())
    assert [*one.masked_positions[:50]] != [*two.masked_positions[:50]]
    assert not np.array_equal(np.sort(one.lengths), np.sort(two.lengths))


def test_no_document_is_in_both_splits_and_none_is_lost(built: Path) -> None:
    sides = {}
    for split in ("train", "validation"):
        every = open_shards(built, max_seq_length=64, split=split).read(
            np.arange(open_shards(built, max_seq_length=64, split=split).num_examples)
        )
        sides[split] = set(every.document_a.tolist()) | set(every.document_b.tolist())
    able = np.array([document_hash(name) for name, sentences in DOCUMENTS if len(sentences) > 1])
    held_out = split_key(able) < np.uint64(TENTH)
    assert sides["validation"] == set(able[held_out].tolist())
    assert sides["train"] == set(able[~held_out].tolist())


def test_statistics_are_what_the_shards_hold(tmp_path: Path) -> None:
    tokens = write_tokens(tmp_path / "tokens.arrow", DOCUMENTS, VOCABULARY)
    options = ExampleOptions(max_seq_lengths=(64,), shard_bytes=40_000)
    results = build_shards(tmp_path, [tokens], VOCABULARY, options)["train"]
    shards = open_shards(tmp_path)
    every = shards.read(np.arange(shards.num_examples))
    total = {k: sum(r["statistics"][k] for r in results) for k in ("examples", "tokens", "random_next", "masked")}
    assert total["examples"] == len(every) == sum(r["examples"] for r in results)
    assert total["tokens"] == len(every.input_ids) == sum(r["tokens"] for r in results)
    assert total["random_next"] == every.next_sentence_label.sum()
    assert total["masked"] == len(every.masked_labels)
    lengths = np.sum([r["statistics"]["lengths"] for r in results], axis=0)
    assert np.array_equal(lengths, np.bincount(every.lengths, minlength=65))
    assert sum(r["statistics"]["documents"] for r in results) == len(DOCUMENTS)
    ones = sum(len(sentences) == 1 for _, sentences in DOCUMENTS)
    assert sum(r["statistics"]["parts_without_pair"] for r in results) == ones
    for result in results:
        (file,) = result["files"]["shards"]
        assert file["sha256"] == sha256_file(tmp_path / file["path"])
        assert file["bytes"] == (tmp_path / file["path"]).stat().st_size


def test_a_longer_length_can_be_built_later_with_the_same_bytes(built: Path, tmp_path: Path) -> None:
    tokens = [write_tokens(tmp_path / "tokens.arrow", DOCUMENTS, VOCABULARY)]
    for length in (64, 32):
        options = ExampleOptions(max_seq_lengths=(length,), dupe_factor=2, shard_bytes=40_000)
        build_shards(tmp_path, tokens, VOCABULARY, options, TENTH)
    assert digests(tmp_path / "shards") == digests(built)


def test_shards_are_even_where_one_document_is_huge(tmp_path: Path) -> None:
    huge = [("huge", made_documents(1, (20_000, 20_000), (10, 30), seed=4)[0][1])]
    small = made_documents(3000, (5, 40), (3, 30), seed=5)
    # Parts of 25 sentences are to these shards what parts of 256 KB are to shards of 64 MB, and rather larger.
    tokens = write_tokens(tmp_path / "tokens.arrow", [*huge, *small], VOCABULARY, parts_of=25)
    options = ExampleOptions(max_seq_lengths=(64,), shard_bytes=1_500_000)
    results = build_shards(tmp_path, [tokens], VOCABULARY, options)["train"]
    sizes = np.array([r["text_bytes"] for r in results])
    assert len(sizes) >= 4
    assert sizes.max() / sizes.min() < 1.05
    assert sum(r["statistics"]["drawn_with_replacement"] for r in results) == 0


def test_a_shard_size_smaller_than_a_document_gives_shards_that_read(tmp_path: Path) -> None:
    documents = made_documents(6, (100, 100), (10, 20))
    tokens = write_tokens(tmp_path / "tokens.arrow", documents, VOCABULARY)
    results = build_shards(tmp_path, [tokens], VOCABULARY, ExampleOptions(max_seq_lengths=(64,), shard_bytes=1024))
    shards = open_shards(tmp_path)
    assert len(shards.paths) == len(results["train"]) > 20
    assert shards.num_examples > 100
    got = next(shards.batches(shards.num_examples, seed=1))
    assert np.array_equal(np.sort(got.index), np.arange(shards.num_examples))
    assert np.array_equal(got.next_sentence_label == 1, got.document_a != got.document_b)


def test_one_document_alone_is_an_error(tmp_path: Path) -> None:
    tokens = write_tokens(tmp_path / "tokens.arrow", made_documents(1, (50, 50)), VOCABULARY)
    with pytest.raises(BuildError, match="second document"):
        build_shards(tmp_path, [tokens], VOCABULARY, ExampleOptions())


def test_pairs_of_one_document_do_not_share_a_record_batch() -> None:
    order = spread_order(10_000, rng_for(1, "test"))
    assert np.array_equal(np.sort(order), np.arange(10_000))
    batch = np.empty(10_000, dtype=np.int64)
    batch[order] = np.arange(10_000) // 1024
    for distance in range(1, 9):
        assert (batch[:-distance] != batch[distance:]).mean() > 0.99


def test_following_ranges_cover_the_rest_of_the_hash_space_once() -> None:
    for low, high in ((0, 1 << 60), (5 << 60, 7 << 60), (1 << 63, HASH_SPACE), (0, HASH_SPACE)):
        ranges = list(following_ranges(HashRange(low, high)))
        assert sum(r.high - r.low for r in ranges) == HASH_SPACE - (high - low)
        assert all(0 <= r.low < r.high <= HASH_SPACE for r in ranges)
        assert all(r.high <= low or r.low >= high for r in ranges)


def test_plan_cuts_equal_bytes_inside_buckets() -> None:
    rng = rng_for(1, "buckets")
    buckets = rng.integers(0, 1000, size=65_536)
    ranges = plan_ranges(buckets, int(buckets.sum()) // 10)
    assert ranges[0].low == 0
    assert ranges[-1].high == HASH_SPACE
    assert all(a.high == b.low for a, b in itertools.pairwise(ranges))
    ends = np.concatenate([[0], np.cumsum(buckets)])
    places = np.array([float(r.low) for r in ranges] + [float(HASH_SPACE)]) / 2**48
    got = np.diff(np.interp(places, np.arange(65_537), ends))
    assert got.max() - got.min() < 2


def test_plan_of_no_text_has_no_range() -> None:
    assert plan_ranges(np.zeros(65_536, np.int64), 1000) == []


def test_plan_of_one_bucket_is_cut_by_proportion() -> None:
    buckets = np.zeros(65_536, np.int64)
    buckets[3] = 100
    ranges = plan_ranges(buckets, 50)
    assert [r.low for r in ranges] == [0, (3 << 48) + (1 << 47)]


def test_a_group_is_read_in_hash_order(tmp_path: Path) -> None:
    paths = [str(write_tokens(tmp_path / f"{n}.arrow", DOCUMENTS[n::3], VOCABULARY)) for n in range(3)]
    text = read_group(paths, HashRange(0, HASH_SPACE), "train", 0)
    assert text.num_parts == 300
    from bertdata.rng import part_key

    keys = part_key(text.document_hash, np.zeros(300, np.int64))
    assert (keys[1:] > keys[:-1]).all()
    by_hash = {document_hash(name): sentences for name, sentences in DOCUMENTS}
    for part in (0, 150, 299):
        low, high = text.part_bounds[part], text.part_bounds[part + 1]
        got = [
            text.input_ids[a:b].tolist()
            for a, b in zip(text.bounds[low:high], text.bounds[low + 1 : high + 1], strict=True)
        ]
        assert got == by_hash[int(text.document_hash[part])]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"max_seq_lengths": ()}, "at least one length"),
        ({"max_seq_lengths": (7,)}, "--max-seq-length is 7: from 8"),
        ({"max_seq_lengths": (70_000,)}, "--max-seq-length is 70000"),
        ({"dupe_factor": 0}, "--dupe-factor is 0"),
        ({"masked_lm_prob": 0.0}, "--masked-lm-prob is 0"),
        ({"masked_lm_prob": 1.5}, "--masked-lm-prob is 1.5"),
        ({"short_seq_prob": -0.1}, "--short-seq-prob is -0.1"),
        ({"shard_bytes": 10}, "--shard-size is 10 bytes"),
        ({"masking": "letters"}, "--masking is 'letters': one of token, whole-word, span"),
        ({"pairs": "odd"}, "--pairs is 'odd': one of balanced, original, sop, none"),
        ({"max_predictions": 0}, "max_predictions must be 1 or more"),
    ],
)
def test_options_are_checked(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        ExampleOptions(**wrong)  # type: ignore[arg-type]


def test_predictions_follow_the_length() -> None:
    assert [ExampleOptions().predictions(n) for n in (20, 128, 512)] == [3, 20, 77]
    assert ExampleOptions(max_predictions=20).predictions(512) == 20
