"""The driver of a build of 10 TB: all descriptors, no bulk data. `python benchmarks/driver.py [--terabytes 0.1 1 10]`.

Builds a small corpus first; its tasks' results then stand for those of every slice and group of a corpus of so many TB
of text, which go the way of an engine's: tasks to the file that workers read, results through the files that workers
write, records, manifest and pages to a folder. What is replaced is the workers' work, and of the driver's own the merge
of the last counts files and the learner, whose input doesn't grow (`benchmarks/vocab.py` has their cost). Prints CPU
seconds and the largest memory of each step. Fails (exit 1) above 2 GB, or where a TB costs twice at the largest size
what it does at the one before.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from operator import add
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

import pipelines.build_corpus
import pipelines.examples
import pipelines.extract
import pipelines.step
import pipelines.vocab
from bertdata.extract import duplicates
from bertdata.peaks import forget_peak, peak_memory
from bertdata.records import Slice, Source
from bertdata.splits import Survey
from bertdata.vocab import SPECIAL_TOKENS
from pipelines.build_corpus import CorpusOptions, build_corpus
from pipelines.engine_tasks import RESULTS_A_PART, read_result, write_part, write_work
from pipelines.runner import RunOptions
from pipelines.step import Build
from pipelines.vocab import VocabOptions

LIMIT = 2_000_000_000
SLICE_BYTES = 64_000_000
SOURCE_BYTES = 1_000_000_000
SAMPLE = Path(__file__).resolve().parent.parent / "sample" / "wikipedia.xml"
VOCABULARY = (*SPECIAL_TOKENS, *"abcdefghijklmnopqrstuvwxyz")


class Steps:
    """A reporter that prints what each step cost this process."""

    def __init__(self) -> None:
        self.cost: dict[str, tuple[float, int]] = {}
        self._name, self._began = "before", time.process_time()
        forget_peak()

    def begin(self, step: str, total_bytes: int, num_tasks: int, num_done: int) -> None:
        self.finish()
        self._name = step

    def finish(self) -> None:
        """Note what the step took that ends here."""
        seconds, peak = self.cost.get(self._name, (0.0, 0))
        self.cost[self._name] = (seconds + time.process_time() - self._began, max(peak, peak_memory()))
        self._began = time.process_time()
        forget_peak()

    def end(self, summary: str) -> None:
        self.finish()
        self._name = f"after {self._name}"

    def update(self, counters: dict[str, int]) -> None: ...
    def close(self) -> None: ...
    def skip(self, step: str, why: str) -> None: ...
    def say(self, line: str) -> None: ...


def kind_of(key: str) -> str:
    """Return what all tasks of a kind are called: `slice-00012` is `slice`, and `00012` nothing."""
    return key.rstrip("0123456789").rstrip("-")


def record_results(folder: Path) -> dict[str, dict[str, Any]]:
    """Build the bundled sample and return one result of each kind of task, by step."""
    found: dict[str, dict[str, Any]] = {}
    run = pipelines.step.run_tasks

    def recording(function: Callable[..., Any], tasks: Sequence[Any], options: Any, *more: Any) -> list[Any]:
        results = run(function, tasks, options, *more)
        for task, result in zip(tasks, results, strict=True):
            found[f"{options.step} {kind_of(task.key)}"] = result
        return results

    options = CorpusOptions({"wikipedia": [str(SAMPLE)]}, vocab=VocabOptions(500))
    with mock.patch.object(pipelines.step, "run_tasks", recording):
        build_corpus(Build(folder / "recorded", RunOptions(1), Steps()), options)
    return found


class Cluster:
    """Stands for an engine's workers: takes tasks as they do, and gives results of the size of theirs."""

    def __init__(self, results: dict[str, dict[str, Any]], folder: Path) -> None:
        self._results, self._folder = results, folder
        self.sizes: dict[str, tuple[int, int]] = {}

    def run_tasks(
        self, function: Callable[..., Any], tasks: Sequence[Any], options: Any, _progress: Any, gather: Any = None
    ) -> list[Any]:
        """Write what workers read, have each thousand results written as workers do, and read them."""
        with TemporaryDirectory(dir=self._folder) as folder:
            write_work(folder, function, list(enumerate(tasks)), gather)
            read = sum(path.stat().st_size for path in Path(folder).iterdir())
            for first in range(0, len(tasks), RESULTS_A_PART):
                some = tasks[first : first + RESULTS_A_PART]
                made = [(n, self._result(task, options.step)) for n, task in enumerate(some, first)]
                write_part((first // RESULTS_A_PART, made), folder)
            self.sizes[options.step] = (read, sum(path.stat().st_size for path in Path(folder).glob("result-*")))
            results = read_result(folder)
        return [result for _, result in sorted(results, key=lambda each: each[0])]

    def _result(self, task: Any, step: str) -> Any:
        same_step = [value for name, value in self._results.items() if name.startswith(f"{step} ")]
        return self._renamed(self._results.get(f"{step} {kind_of(task.key)}", same_step[0]), task.key)

    def _renamed(self, value: Any, key: str) -> Any:
        if isinstance(value, dict):
            return {
                name: f"{each.rsplit('/', 1)[0]}/{key}.arrow" if name == "path" else self._renamed(each, key)
                for name, each in value.items()
            }
        return [self._renamed(each, key) for each in value] if isinstance(value, list) else value


@contextlib.contextmanager
def without_bulk(cluster: Cluster, num_slices: int, documents: int) -> Iterator[list[Any]]:
    """Replace what touches text while the block lasts, and yield the sources to name."""
    files = tuple(f"/corpus/part-{n:06d}.jsonl.zst" for n in range(-(-num_slices * SLICE_BYTES // SOURCE_BYTES)))
    source = Source("text", "text", files, tuple(path.rsplit("/", 1)[1] for path in files))
    slices = [
        Slice(n, "text", "text", (files[n * SLICE_BYTES // SOURCE_BYTES],), ("part",), n, n + 1, "lines", SLICE_BYTES)
        for n in range(num_slices)
    ]
    hashes = np.random.Generator(np.random.Philox(1))
    buckets = np.full((2, 1 << 16), num_slices * SLICE_BYTES >> 16, np.int64)
    buckets[1] //= 200
    survey = Survey(num_slices * 1000, num_slices * 1000, [1, 2])
    with contextlib.ExitStack() as stack:
        for module, replaced, value in (
            (pipelines.step, "run_tasks", cluster.run_tasks),
            (pipelines.build_corpus, "expand_all", lambda *_: [source]),
            (pipelines.extract, "plan_slices", lambda _: slices),
            (pipelines.extract, "_inputs", lambda _: {f"text:text/{name}": "0" * 32 for name in source.names}),
            (duplicates, "_hashes", lambda *_: hashes.integers(-(1 << 63), 1 << 63, documents)),
            (pipelines.vocab, "local_copy", lambda path, _: path),
            (pipelines.vocab, "merge_counts", lambda *_: {"words": 1, "distinct_words": 1}),
            (pipelines.vocab, "learn_from_counts", lambda *_, **__: list(VOCABULARY)),
            (pipelines.vocab, "coverage_of_file", lambda *_: {}),
            (pipelines.examples, "combine_tasks", lambda _f, _t, combine, _r: survey if combine is add else buckets),
        ):
            stack.enter_context(mock.patch.object(module, replaced, value))
        yield [source]


def simulate(terabytes: float, documents: int, results: dict[str, dict[str, Any]], folder: Path) -> tuple[float, int]:
    """Drive a build of that many TB of text, print what it cost, and return CPU seconds and the largest memory."""
    num_slices = round(terabytes * 1e12 / SLICE_BYTES)
    results = {name: with_documents(value, documents) for name, value in results.items()}
    cluster, steps = Cluster(results, folder), Steps()
    output = folder / "corpus"
    (output / "shards" / "128").mkdir(parents=True)
    (output / "steps").mkdir()
    with without_bulk(cluster, num_slices, documents):
        options = CorpusOptions({"text": ["x"]}, vocab=VocabOptions(500))
        run = RunOptions(0, "spark", master="spark://nowhere:1", work_dir=str(output / ".work"))
        build_corpus(Build(output, run, steps), options)
    steps.finish()
    print(
        f"{terabytes:g} TB of text: {num_slices:,} slices of {documents:,} documents and as many groups, "
        f"{num_slices**2:,} ranges to read"
    )
    print(f"  {'step':24}{'CPU s':>8}{'largest MB':>12}{'workers read MB':>17}{'results MB':>12}")
    for step, (seconds, peak) in steps.cost.items():
        read, written = cluster.sizes.get(step, (0, 0))
        print(f"  {step:24}{seconds:8.1f}{peak / 1e6:12.0f}{read / 1e6:17.1f}{written / 1e6:12.1f}")
    kept = {path.name: path.stat().st_size for path in [*output.glob("steps/*"), output / "manifest.json"]}
    print(f"  files: {', '.join(f'{name} {size / 1e6:.1f} MB' for name, size in kept.items())}", flush=True)
    shutil.rmtree(output)
    return sum(seconds for seconds, _ in steps.cost.values()), max(peak for _, peak in steps.cost.values())


def with_documents(result: dict[str, Any], documents: int) -> dict[str, Any]:
    """Return a slice's result as one of full size has it: with so many documents."""
    if "counts" not in result:
        return result
    return {**result, "counts": {**result["counts"], "documents": documents}}


def main() -> int:
    """Drive builds of growing size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--terabytes", type=float, nargs="+", default=[0.1, 1, 10])
    parser.add_argument("--document-bytes", type=int, default=3000, help="the mean; Wikipedia's articles have 3,000")
    given = parser.parse_args()
    costs = []
    with TemporaryDirectory(prefix="bertdata-driver-") as name:
        results = record_results(Path(name))
        for terabytes in given.terabytes:
            costs.append((terabytes, *simulate(terabytes, SLICE_BYTES // given.document_bytes, results, Path(name))))
    most = max(peak for _, _, peak in costs)
    a_terabyte = [seconds / terabytes for terabytes, seconds, _ in costs]
    print(f"Largest memory {most / 1e6:,.0f} MB; CPU seconds a TB: {', '.join(f'{each:.1f}' for each in a_terabyte)}")
    return int(most > LIMIT or a_terabyte[-1] > 2 * a_terabyte[-2 if len(costs) > 1 else -1])


if __name__ == "__main__":
    sys.exit(main())
