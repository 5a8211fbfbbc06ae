"""What a build will cost, foretold by building a sample of its input with the functions that the build uses.

Each source is sampled by pieces that lie evenly over it. What a piece costs stands for its share of the source, so
that sources of unlike density keep their weights.
"""

from __future__ import annotations

import functools
import hashlib
import math
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from bertdata.coverage import coverage_of_file
from bertdata.errors import BuildError, OptionError
from bertdata.example_options import ExampleOptions
from bertdata.examples import build_group
from bertdata.extract.options import ExtractOptions
from bertdata.extract.step import extract_slice
from bertdata.peaks import forget_peak, peak_memory
from bertdata.pieces import HEADER_BYTES, cut_pieces
from bertdata.plan_sample import Piece, shorten, take_sample
from bertdata.plan_words import Counted, counting_seconds, distinct_words, first_half, learning_seconds
from bertdata.ranges import HashRange, plan_ranges
from bertdata.records import Slice
from bertdata.store import as_path
from bertdata.tokens import TokensOptions, tokenize_documents
from bertdata.tokens_file import bucket_bytes
from bertdata.vocab import Vocabulary, read_vocabulary, write_vocabulary
from bertdata.word_counts import MAX_WORDS_TO_LEARN, count_words, learn_from_counts, merge_counts

R = TypeVar("R")
# The part of a piece on which a call costs what it costs whatever its size.
_LITTLE = 0.01
# What the learner holds for each distinct word: 1,015 MiB at a million (benchmarks/vocab.py).
_LEARNER_BYTES_A_WORD = 1064


@dataclass
class StepPlan:
    """One step's cost: CPU seconds that workers share, those of one process alone, and bytes it leaves on disk."""

    cpu_seconds: float = 0.0
    serial_seconds: float = 0.0
    bytes_written: float = 0.0


@dataclass
class Plan:
    """What a build will take and leave; sizes in bytes, `cpu_seconds` over all workers.

    `peak_memory` is that of the largest process. `ranges_read` is how many times a group reads its range of a tokens
    file; `shuffled_bytes` is what goes through the engine in their stead with `--shuffle engine`.
    """

    workers: int
    sampled_bytes: int
    input_bytes: int
    text_bytes: float = 0.0
    tokens: float = 0.0
    distinct_words: float = 0.0
    examples: dict[str, float] = field(default_factory=dict)
    slices: int = 0
    shards: int = 0
    ranges_read: int = 0
    shuffled_bytes: float = 0.0
    steps: dict[str, StepPlan] = field(default_factory=dict)
    peak_memory: int = 0
    fixed_seconds: float = 0.0
    start_up_seconds: float = 0.0

    @property
    def cpu_seconds(self) -> float:
        """CPU seconds of the build, without starting processes."""
        return self.fixed_seconds + sum(step.cpu_seconds + step.serial_seconds for step in self.steps.values())

    @property
    def wall_seconds(self) -> float:
        """Seconds from start to end on cores that do nothing else."""
        alone = self.start_up_seconds + self.fixed_seconds
        return alone + sum(s.cpu_seconds / self.workers + s.serial_seconds for s in self.steps.values())

    @property
    def bytes_written(self) -> float:
        """Bytes of the finished folder."""
        return sum(step.bytes_written for step in self.steps.values())

    def as_dict(self) -> dict[str, Any]:
        """Return everything, sums included, rounded."""
        values = asdict(self) | {name: getattr(self, name) for name in ("cpu_seconds", "wall_seconds", "bytes_written")}
        return {name: _rounded(value, name) for name, value in values.items()}


def _rounded(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(each, key) for key, each in value.items()}
    return (round(value, 1) if name.endswith("seconds") else round(value)) if isinstance(value, float) else value


@dataclass(frozen=True)
class SampleBuild:
    """How the sample is built: the build's own options, in a folder that the caller removes."""

    folder: Path
    extract: ExtractOptions
    examples: ExampleOptions
    tokens: TokensOptions
    lowercase: bool
    vocab_size: int
    vocab_file: str | None
    validation_fraction: float

    @property
    def little(self) -> Path:
        """The file of a few documents that the sample's build leaves."""
        return self.folder / "little.parquet"


def plan_build(slices: Sequence[Slice], build: SampleBuild, workers: int, sample_bytes: int) -> Plan:
    """Build a sample of `slices` and return what the whole will take.

    Raises BuildError where the sample makes no examples, and what the build's functions raise on bad input.
    """
    pieces = take_sample(slices, sample_bytes)
    total = sum(each.num_bytes for each in slices)
    plan = Plan(workers, sum(piece.slice.num_bytes for piece in pieces), total, slices=len(slices))
    plan.steps["extract"] = StepPlan(cpu_seconds=_hashing_seconds(slices))
    made = list(_extracted(pieces, build, plan))
    _write_little(made, build)
    vocabulary = _vocabulary(made, build, plan)
    tokens = list(_tokenized(made, vocabulary, build, plan))
    try:
        _make_examples(tokens, vocabulary, build, plan)
    except BuildError as error:
        if plan.sampled_bytes >= plan.input_bytes:
            raise
        why = str(error).split(":")[0]
        raise BuildError(f"The sample of the input makes no examples ({why}). Try a larger --sample-size.") from error
    learner = round(plan.distinct_words and _learner_memory(plan.distinct_words))
    plan.peak_memory = max(plan.peak_memory, peak_memory(), learner)
    return plan


def _cpu_seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _learner_memory(distinct_words: float) -> float:
    return min(distinct_words, MAX_WORDS_TO_LEARN) * _LEARNER_BYTES_A_WORD


def _time(function: Callable[..., R], *given: Any) -> tuple[float, R]:
    began = _cpu_seconds()
    result = function(*given)
    return _cpu_seconds() - began, result


class _Calls(Generic[R]):
    """CPU seconds of a step's calls, one a slice: what a call costs whatever its size, and what its size costs.

    Without the difference a vocabulary that each call parses weighed 8 s where the tokens of a 42 MB dump take 3 s.
    """

    def __init__(self, unit: Callable[[R], float]) -> None:
        self.unit, self.little, self.made = unit, (0.0, 0.0), list[tuple[float, float, float]]()
        self.first = 0.0

    def call_little(self, function: Callable[[], R]) -> None:
        """Call on a little input, twice: the first call also loads what libraries put off, which a build does once."""
        first = self._time(function)[0]
        self.little = self._time(function)[:2]
        self.first = max(0.0, first - self.little[0])

    def call(self, weight: float, function: Callable[[], R]) -> R:
        """Return what the function returns; its size stands for `weight` times as much."""
        seconds, units, result = self._time(function)
        self.made.append((weight, seconds, units))
        return result

    def _time(self, function: Callable[[], R]) -> tuple[float, float, R]:
        seconds, result = _time(function)
        return seconds, self.unit(result), result

    def whole(self, num_calls: int) -> float:
        """Return the CPU seconds of all calls, by the line through the little call and the mean of the others.

        >>> calls = _Calls(len)
        >>> calls.little, calls.made = (1.1, 1), [(10.0, 2.0, 10), (10.0, 3.0, 20)]
        >>> round(calls.whole(20))  # a second a call, and 0.1 s for each of 300 units
        50
        """
        seconds, units = (sum(call[n] for call in self.made) / max(1, len(self.made)) for n in (1, 2))
        little, few = self.little
        slope = (seconds - little) / (units - few) if units > 2 * few and seconds > little else seconds / max(1, units)
        fixed = max(0.0, little - slope * few)
        return self.first + num_calls * fixed + sum(weight * max(0.0, each - fixed) for weight, each, _ in self.made)


def _hashing_seconds(slices: Sequence[Slice]) -> float:
    """Return the CPU seconds of the SHA-256 of all source files, by the rate of 16 MB of zeros."""
    num_bytes = sum(as_path(path).stat().st_size for path in {path for each in slices for path in each.files})
    zeros = bytes(1 << 24)
    began = _cpu_seconds()
    hashlib.sha256(zeros)
    return num_bytes / len(zeros) * (_cpu_seconds() - began)


def _extracted(pieces: Sequence[Piece], build: SampleBuild, plan: Plan) -> Iterator[tuple[Path, float]]:
    """Extract the pieces; yield each documents file and its weight."""
    step, calls = plan.steps["extract"], _Calls[dict[str, Any]](lambda result: float(result["counts"]["pages"]))
    little = shorten(pieces[0].slice, _LITTLE)
    calls.call_little(lambda: extract_slice(little, build.extract, build.folder / "little"))
    for piece, weight in pieces:
        result = calls.call(weight, functools.partial(extract_slice, piece, build.extract, build.folder))
        step.bytes_written += weight * sum(file["bytes"] for file in result["files"].values())
        plan.text_bytes += weight * result["text_bytes"]
        if "documents" in result["files"]:
            yield build.folder / result["files"]["documents"]["path"], weight
    step.cpu_seconds += calls.whole(plan.slices)
    if not plan.text_bytes:
        raise BuildError("The sample of the input holds no document: is it the right file? Try a larger --sample-size.")


def _vocabulary(made: Sequence[tuple[Path, float]], build: SampleBuild, plan: Plan) -> Vocabulary:
    """Return the vocabulary that was given, or one learned from the sample, its cost brought to the whole."""
    step = plan.steps.setdefault("vocab", StepPlan())
    if build.vocab_file:
        return read_vocabulary(build.vocab_file, build.lowercase)
    count = functools.partial(count_words, lowercase=build.lowercase)
    loading, little = (_time(count, build.little, build.little.with_suffix(".counts"))[0] for _ in range(2))
    counts, halves, counted = list[Path](), list[Path](), list[Counted]()
    for path, weight in made:
        half = first_half(path)
        for documents, found in ((half, halves), (path, counts)):
            found.append(documents.with_suffix(".counts.parquet"))
            counted.append(Counted(weight, *_time(count, documents, found[-1])))
        half.unlink()
    words = sum(each.weight * each.words["words"] for each in counted[1::2])
    step.cpu_seconds += max(0.0, loading - little) + counting_seconds(counted, words / max(1, plan.slices))
    half_words = merge_counts(halves, build.folder / "half.parquet")
    merging, whole = _time(merge_counts, counts, build.folder / "word_counts.parquet")
    plan.distinct_words = distinct_words(half_words, whole, words)
    growth = plan.distinct_words / max(1, whole["distinct_words"])
    _learn(build, "little.counts")  # What the first call loads is no part of what words cost.
    of_half, _ = _time(_learn, build, "half.parquet")
    of_whole, vocabulary = _time(
        lambda: write_vocabulary(build.folder / "vocab", _learn(build, "word_counts.parquet"), build.lowercase)
    )
    covering, _ = _time(coverage_of_file, build.folder / "word_counts.parquet", vocabulary)
    seconds = [(half_words["distinct_words"], of_half), (whole["distinct_words"], of_whole)]
    step.serial_seconds += (merging + covering) * growth + learning_seconds(seconds, plan.distinct_words)
    step.bytes_written += (build.folder / "word_counts.parquet").stat().st_size * growth
    step.bytes_written += sum(file.stat().st_size for file in (build.folder / "vocab").iterdir())
    return vocabulary


def _learn(build: SampleBuild, counts: str) -> list[str]:
    """Learn from a file of words as many entries as it can give, at most those asked for."""
    size = build.vocab_size
    while True:
        try:
            return learn_from_counts(str(build.folder / counts), size)
        except OptionError:
            if size < 200:
                raise
            size = size * 3 // 4


def _tokenized(
    made: Sequence[tuple[Path, float]], vocabulary: Vocabulary, build: SampleBuild, plan: Plan
) -> Iterator[tuple[Path, float]]:
    """Tokenize the documents files; yield each tokens file and its weight."""
    step = plan.steps["tokens"] = StepPlan()
    tokenize = functools.partial(tokenize_documents, vocabulary=vocabulary, options=build.tokens)
    calls = _Calls[dict[str, Any]](lambda result: float(result["tokens"]))
    calls.call_little(functools.partial(tokenize, build.little, build.little.with_suffix(".arrow")))
    for path, weight in made:
        output = build.folder / "tokens" / f"{path.stem}.arrow"
        result = calls.call(weight, functools.partial(tokenize, path, output))
        step.bytes_written += weight * output.stat().st_size
        plan.tokens += weight * result["tokens"]
        yield output, weight
    step.cpu_seconds += calls.whole(plan.slices)


def _write_little(made: Sequence[tuple[Path, float]], build: SampleBuild) -> None:
    """Write a hundredth of the first piece's documents, for calls on next to nothing; enough of them for an example."""
    with pq.ParquetFile(made[0][0]) as file:
        num_rows = max(20, round(file.metadata.num_rows * _LITTLE))
        batch = next(file.iter_batches(num_rows))
    pq.write_table(pa.Table.from_batches([batch]), build.little)


def _make_examples(
    tokens: Sequence[tuple[Path, float]], vocabulary: Vocabulary, build: SampleBuild, plan: Plan
) -> None:
    """Make the sample's examples as one split; examples mix all sources, so they grow as the text does."""
    paths = [str(path) for path, _ in tokens]
    buckets = sum(bucket_bytes(path, 0)[0] for path in paths)
    sampled = int(sum(buckets))
    growth = plan.text_bytes / max(1, sampled)
    ranges = plan_ranges(buckets, build.examples.shard_bytes)
    shares = (1 - build.validation_fraction, build.validation_fraction)
    groups = sum(math.ceil(plan.text_bytes * share / build.examples.shard_bytes) for share in shares)
    rows = _piece_bytes(paths, ranges)
    # A group of the build against one of the sample, which may be smaller than a shard.
    fullness = min(plan.text_bytes, build.examples.shard_bytes) * len(ranges) / max(1, sampled)
    plan.peak_memory = peak_memory()
    before = forget_peak()
    for length in build.examples.max_seq_lengths:
        step = plan.steps.setdefault(f"examples-{length}", StepPlan())
        options = replace(build.examples, max_seq_lengths=(length,))
        began = _cpu_seconds()
        for n, each in enumerate(ranges):
            result = build_group(each, paths, vocabulary, options, "train", 0, n, len(ranges), build.folder / "shards")
            plan.examples[str(length)] = plan.examples.get(str(length), 0.0) + growth * result["examples"]
            step.bytes_written += growth * sum(file["bytes"] for file in result["files"]["shards"])
        step.cpu_seconds += growth * (_cpu_seconds() - began)
        plan.peak_memory = max(plan.peak_memory, before + round((peak_memory() - before) * fullness))
        plan.shards += groups * build.examples.dupe_factor
        plan.ranges_read += groups * plan.slices
        plan.shuffled_bytes += growth * rows + groups * plan.slices * HEADER_BYTES


def _piece_bytes(paths: Sequence[str], ranges: Sequence[HashRange]) -> int:
    """Return the bytes of the rows of all pieces that an engine would shuffle."""
    groups = [("train", each) for each in ranges]
    return sum(len(piece) - HEADER_BYTES for path in paths for _, piece in cut_pieces(path, groups, 0))
