"""The examples step: ranges of the hash space to shards, one shard a range, length and duplicate."""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bertdata.errors import BuildError
from bertdata.example_options import ExampleOptions
from bertdata.examples import build_group
from bertdata.pieces import cut_pieces, join_pieces
from bertdata.ranges import HashRange, plan_ranges
from bertdata.shards import write_card
from bertdata.splits import SPLITS, choose_threshold, survey_tokens
from bertdata.steps import Step, complete_record, missing_files
from bertdata.tokens_file import bucket_bytes
from bertdata.vocab import read_vocabulary
from pipelines.progress import count
from pipelines.runner import Gather, combine_tasks
from pipelines.step import Build, Result, Task, met_before, run_step, warm_workers, worth_a_survey
from pipelines.tables import files_digest, require_record

_BYTES_PER_SECOND = 40e6
_SURVEY_BYTES_PER_SECOND = 2e9


@dataclass(frozen=True)
class _Group:
    """What one task makes: the shards of one hash range, split and length."""

    range: HashRange
    split: str
    index: int
    num_groups: int
    max_seq_length: int


def are_made(build: Build, options: ExampleOptions, validation_fraction: float) -> bool:
    """Tell whether the shards of all lengths are there: then nothing reads `tokens/` any more."""
    if complete_record(build.folder, "tokens") is None:
        return False
    records = (step.done(force=build.force) for step in _steps(build, options, validation_fraction).values())
    return all(record is not None and not missing_files(build.folder, record["result"]) for record in records)


def _steps(build: Build, options: ExampleOptions, validation_fraction: float) -> dict[int, Step]:
    """Return the step of each length."""
    inputs = {"tokens": files_digest(_tokens_files(build))}
    shared = {k: v for k, v in asdict(options).items() if k != "max_seq_lengths"}
    recorded = {**shared, "validation_fraction": validation_fraction}
    return {length: Step(build.folder, f"examples-{length}", recorded, inputs) for length in options.max_seq_lengths}


def _tokens_files(build: Build) -> list[dict[str, Any]]:
    return list(require_record(build.folder, "tokens")["result"]["files"]["tokens"])


def build_examples(build: Build, options: ExampleOptions, validation_fraction: float) -> list[Result]:
    """Write `shards/<length>/` for every length of the options, and return their records."""
    tokens = _tokens_files(build)
    records: dict[int, Result] = {}
    todo: list[tuple[int, Step]] = []
    for length, step in _steps(build, options, validation_fraction).items():
        done = met_before(build, step, _tell)
        if done is not None:
            records[length] = done
        else:
            todo.append((length, step))
    if todo:
        paths = [str(build.folder / d["path"]) for d in tokens]
        num_bytes = sum(d["bytes"] for d in tokens)
        warm_workers(build.run, num_bytes, _BYTES_PER_SECOND)
        plan = plan_splits(build, paths, num_bytes, options, validation_fraction)
        # Begun only now: a plan that can't be made leaves no step behind that other options would differ from.
        for length, step in todo:
            step.begin(force=build.force)
            records[length] = _build_length(build, step, length, plan, paths, options)
        write_card(build.folder / "shards")
    return [records[length] for length in options.max_seq_lengths]


def _tell(result: Result) -> str:
    return f"{sum(split['examples'] for split in result['splits'].values()):,} examples"


@dataclass(frozen=True)
class SplitPlan:
    """Which documents are held out (split key below `threshold`), and the hash ranges of each split."""

    threshold: int
    ranges: dict[str, list[HashRange]]
    text_bytes: dict[str, int]


def plan_splits(
    build: Build, paths: list[str], num_bytes: int, options: ExampleOptions, validation_fraction: float
) -> SplitPlan:
    """Survey the tokens files and cut each split's share of the hash space into ranges of equal bytes.

    At least two documents that can make pairs are held out, unless the fraction is 0.
    Raises BuildError where too few documents are left to make pairs.
    """
    run = worth_a_survey(build.run, num_bytes, _SURVEY_BYTES_PER_SECOND, len(paths))
    found = combine_tasks(survey_tokens, paths, operator.add, run)
    threshold = choose_threshold(found, validation_fraction, options.pairs)
    buckets = combine_tasks(functools.partial(_buckets, threshold), paths, np.add, run)
    ranges = {}
    for n, split in enumerate(SPLITS):
        if buckets[n].any():
            ranges[split] = plan_ranges(buckets[n], options.shard_bytes)
    return SplitPlan(threshold, ranges, {split: int(buckets[n].sum()) for n, split in enumerate(SPLITS)})


def _buckets(threshold: int, path: str) -> Any:
    return bucket_bytes(path, threshold)


def _build_length(
    build: Build, step: Step, length: int, plan: SplitPlan, paths: list[str], options: ExampleOptions
) -> Result:
    tasks = [
        Task(
            f"{split}-{n:05d}",
            _Group(each, split, n, len(ranges), length),
            plan.text_bytes[split] // len(ranges) * options.dupe_factor,
        )
        for split, ranges in plan.ranges.items()
        for n, each in enumerate(ranges)
    ]
    work = functools.partial(
        _build, str(build.folder), paths, replace(options, max_seq_lengths=(length,)), plan.threshold
    )
    gather = functools.partial(_gather, paths, plan.threshold) if build.run.shuffle == "engine" else None
    results = run_step(build, step, tasks, work, _BYTES_PER_SECOND, gather)
    splits = summarise(length, [task.payload.split for task in tasks], results)
    num_examples = sum(split["examples"] for split in splits.values())
    if not num_examples:
        raise BuildError("The corpus makes no examples: no document has two sentences that make a pair.")
    build.reporter.end(f"{num_examples:,} examples of at most {length} tokens")
    return step.complete({"splits": splits, "threshold": plan.threshold})


def _gather(paths: list[str], threshold: int, groups: list[_Group]) -> Gather:
    return Gather(paths, functools.partial(_cut, [(group.split, group.range) for group in groups], threshold))


def _cut(groups: list[tuple[str, HashRange]], threshold: int, path: str) -> Iterator[tuple[int, bytes]]:
    return cut_pieces(path, groups, threshold)


def _build(
    folder: str,
    paths: list[str],
    options: ExampleOptions,
    threshold: int,
    group: _Group,
    pieces: list[bytes] | None = None,
) -> Result:
    vocabulary = _vocabulary(str(Path(folder) / "vocab" / "vocab.txt"), _is_lowercase(folder))
    result: Result = build_group(
        group.range,
        paths,
        vocabulary,
        options,
        group.split,
        threshold,
        group.index,
        group.num_groups,
        str(Path(folder) / "shards"),
        None if pieces is None else join_pieces(pieces, group.split, threshold),
    )
    count("bytes", result["text_bytes"] * options.dupe_factor)
    return result


def _is_lowercase(folder: str) -> bool:
    return bool(require_record(Path(folder), "vocab")["options"]["lowercase"])


@functools.lru_cache(maxsize=1)
def _vocabulary(path: str, lowercase: bool) -> Any:
    return read_vocabulary(path, lowercase)


def summarise(length: int, splits: list[str], results: list[Result]) -> dict[str, Any]:
    """Add the groups' statistics up by split; keys as the manifest has them (`128/train`)."""
    total: dict[str, Any] = {}
    for split, result in zip(splits, results, strict=True):
        into = total.setdefault(f"{length}/{split}", {"examples": 0, "tokens": 0, "files": [], "statistics": {}})
        into["examples"] += result["examples"]
        into["tokens"] += result["tokens"]
        into["files"] += result["files"]["shards"]
        for name, value in result["statistics"].items():
            into["statistics"][name] = _add(into["statistics"].get(name), value)
    return total


def _add(a: Any, b: Any) -> Any:
    if a is None:
        return b
    if isinstance(a, dict):
        return {k: _add(a.get(k), b.get(k)) if k in a and k in b else a.get(k, b.get(k)) for k in sorted({*a, *b})}
    if isinstance(a, list):
        n = max(len(a), len(b))
        return [x + y for x, y in zip(a + [0] * (n - len(a)), b + [0] * (n - len(b)), strict=True)]
    return a + b
