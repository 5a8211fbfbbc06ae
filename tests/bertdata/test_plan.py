"""A plan against the build that it foretells; times are measured, so only what is counted is held."""

from __future__ import annotations

import gzip
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bertdata.errors import BuildError
from bertdata.example_options import ExampleOptions
from bertdata.extract.options import ExtractOptions
from bertdata.extract.slices import plan_slices
from bertdata.extract.sources import expand_sources
from bertdata.peaks import forget_peak, peak_memory
from bertdata.plan import Plan, SampleBuild, plan_build
from bertdata.plan_sample import shorten, take_sample
from bertdata.plan_words import Counted, counting_seconds, distinct_words, learning_seconds
from bertdata.records import Slice
from bertdata.tokens import TokensOptions
from bertdata.word_counts import MAX_WORDS_TO_LEARN
from tests.corpora import dump_xml, write_books


def slices_of(folder: Path) -> list[Slice]:
    dump = folder / "testwiki.xml"
    dump.write_text(dump_xml(300), encoding="utf-8")
    books = write_books(folder / "books", num=40, num_paragraphs=60)
    sources = [*expand_sources("wikipedia", [str(dump)], folder), *expand_sources("books", [str(books)], folder)]
    return plan_slices(sources)


def sample_build(folder: Path) -> SampleBuild:
    options = ExampleOptions(max_seq_lengths=(64, 128), shard_bytes=50_000)
    return SampleBuild(folder, ExtractOptions(), options, TokensOptions(), True, 150, None, 0.1)


def planned(slices: list[Slice], folder: Path, sample_bytes: int) -> Plan:
    return plan_build(slices, sample_build(folder), 2, sample_bytes)


def test_a_sample_meets_each_part_at_another_place_and_weighs_its_source(tmp_path: Path) -> None:
    whole = Slice(0, "enwiki", "wikipedia", ("a.bz2",), ("a.bz2",), 0, 1000, "bz2", 6_000_000)
    slices = [replace(whole, index=n, start=1000 * n, end=1000 * n + 1000) for n in range(60)]
    pieces = take_sample(slices, 30_000_000)
    assert [p.slice.start for p in pieces] == [5000, 11000, 27000, 33000, 49000, 55000]
    assert {p.slice.end - p.slice.start for p in pieces} == {833}
    assert {round(p.weight, 2) for p in pieces} == {12.0}
    assert [p.slice.index for p in pieces] == list(range(6))
    assert len(take_sample(slices, 4_500_000)) == 2  # Pieces of less than 2 MB would say little of a slice.


def test_a_little_of_a_pack_of_files_is_a_file(tmp_path: Path) -> None:
    (books,) = [each for each in slices_of(tmp_path) if each.kind == "books"]
    little = shorten(books, 0.01)
    assert len(little.files) == len(little.names) == 1 and little.num_bytes == Path(little.files[0]).stat().st_size


def test_every_source_is_sampled_and_small_input_is_taken_whole(tmp_path: Path) -> None:
    slices = slices_of(tmp_path)
    pieces = take_sample(slices, 100_000)
    assert {p.slice.source for p in pieces} == {"testwiki", "books"}
    whole = take_sample(slices, 1 << 40)
    assert [replace(p.slice, index=s.index) for p, s in zip(whole, slices, strict=True)] == slices
    assert {p.weight for p in whole} == {1.0}


def test_what_cannot_be_cut_is_taken_whole(tmp_path: Path) -> None:
    dump = tmp_path / "testwiki.xml.gz"
    dump.write_bytes(gzip.compress(dump_xml(30).encode()))
    slices = plan_slices(expand_sources("wikipedia", [str(dump)], tmp_path))
    (piece,) = take_sample(slices, 1000)
    assert piece.slice == slices[0] and piece.weight == 1.0


def test_counts_of_a_sixth_are_within_a_quarter_of_the_whole(tmp_path: Path) -> None:
    slices = slices_of(tmp_path)
    total = sum(each.num_bytes for each in slices)
    part, whole = (planned(slices, tmp_path / str(share), total // share) for share in (6, 1))
    assert part.sampled_bytes < total / 4 and whole.sampled_bytes == whole.input_bytes == total
    for name in ("text_bytes", "tokens"):
        assert getattr(part, name) == pytest.approx(getattr(whole, name), rel=0.1)
    for length in ("64", "128"):
        assert part.examples[length] == pytest.approx(whole.examples[length], rel=0.15)
    for step in ("tokens", "examples-64", "examples-128"):
        assert part.steps[step].bytes_written == pytest.approx(whole.steps[step].bytes_written, rel=0.25)
    assert part.shards == whole.shards
    assert part.shuffled_bytes == pytest.approx(whole.shuffled_bytes, rel=0.25)
    assert part.slices == len(slices)


def test_distinct_words_follow_the_power_law_of_the_sample() -> None:
    half, whole = ({"words": n, "distinct_words": round(n**0.6)} for n in (10_000, 20_000))
    # 0.6 in the middle between the two; it declines by 0.03 a doubling, of which there are 1 and 5.64.
    assert distinct_words(half, whole, 40_000) == pytest.approx(20_000**0.6 * 2**0.57, rel=0.01)
    assert distinct_words(half, whole, 1_000_000) == pytest.approx(20_000**0.6 * 2**2.824, rel=0.02)
    assert distinct_words(half, half, 40_000) == pytest.approx(half["distinct_words"] * 2**0.94)  # no slope: a half
    assert distinct_words(half, whole, 1e15) < distinct_words(half, whole, 1e12) * 1000**0.31
    empty = {"words": 0, "distinct_words": 0}
    assert distinct_words(empty, empty, 0) == 0


def test_a_sample_without_a_document_says_so(tmp_path: Path) -> None:
    page = dump_xml(1).replace("<ns>0</ns>", "<ns>1</ns>")
    (tmp_path / "testwiki.xml").write_text(page, encoding="utf-8")
    slices = plan_slices(expand_sources("wikipedia", [str(tmp_path / "testwiki.xml")], tmp_path))
    with pytest.raises(BuildError, match="holds no document"):
        planned(slices, tmp_path / "sample", 1 << 20)


def test_a_sample_of_one_document_blames_the_sample_and_a_whole_the_input(tmp_path: Path) -> None:
    (slice_,) = plan_slices(expand_sources("books", [str(write_books(tmp_path / "books", num=3))]))
    with pytest.raises(BuildError, match=r"makes no examples \(Only 1 document .*\)\. Try a larger --sample-size\."):
        planned([slice_], tmp_path / "sample", 1)
    whole = plan_slices(expand_sources("books", [str(tmp_path / "books" / "book-00.txt")]))
    with pytest.raises(BuildError, match=r"^Only 1 document makes sentence pairs: .*Add documents"):
        planned(whole, tmp_path / "whole", 1 << 20)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process forget its peak")
def test_a_peak_can_be_forgotten() -> None:
    forget_peak()
    held = bytearray(64 << 20)
    with_it = peak_memory()
    del held
    forget_peak()
    assert with_it - peak_memory() > 48 << 20


def test_learning_from_more_words_never_costs_less_nor_more_than_in_proportion() -> None:
    samples = [(1000, 0.2), (2000, 0.3)]
    assert learning_seconds(samples, 4000) == pytest.approx(0.5)
    assert learning_seconds(samples, 1500) == 0.3  # Fewer than were seen: they were seen.
    assert learning_seconds([(1000, 0.4), (2000, 0.3)], 4000) == 0.3  # Noise of a busy machine is no gain.
    assert learning_seconds([(1900, 0.0), (2000, 0.3)], 4000) == pytest.approx(0.6)
    assert learning_seconds(samples, 1e12) == learning_seconds(samples, MAX_WORDS_TO_LEARN)


def test_counting_longer_slices_costs_less_a_word() -> None:
    half, whole = ({"words": n, "distinct_words": d} for n, d in ((100_000, 10_000), (200_000, 15_000)))
    counted = [Counted(20.0, (n + 30 * d) * 1e-7, each) for each in (half, whole) for n, d in [tuple(each.values())]]
    same, longer = (counting_seconds(counted, words) for words in (200_000, 2_000_000))
    assert same == pytest.approx(20 * (0.02 + 0.045))
    assert longer == pytest.approx(20 * 0.02 + 2 * 3e-6 * distinct_words(half, whole, 2_000_000))
    assert longer < same
