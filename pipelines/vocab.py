"""The vocab step: words of all documents counted in files, merged by hash range, and a WordPiece vocabulary learned."""

from __future__ import annotations

import functools
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bertdata.coverage import coverage_of_file
from bertdata.errors import OptionError, require
from bertdata.extract.step import describe_file
from bertdata.files import sha256_file
from bertdata.steps import Step
from bertdata.store import as_path
from bertdata.store_cache import local_copy
from bertdata.vocab import read_vocabulary, write_vocabulary
from bertdata.word_counts import MAX_FILES_TO_MERGE, count_words, learn_from_counts, merge_counts
from pipelines.progress import count
from pipelines.step import Build, Result, Task, met_before, run_step
from pipelines.tables import documents_files, files_digest

_BYTES_PER_SECOND, _MERGED_BYTES_PER_SECOND = 20e6, 10e6


@dataclass(frozen=True)
class VocabOptions:
    """How the vocabulary comes about: learned to exactly `vocab_size` entries, or copied from `vocab_file`."""

    vocab_size: int = 30522
    vocab_file: str | None = None
    lowercase: bool = True
    limit_alphabet: int | None = None

    def __post_init__(self) -> None:
        require(self.vocab_size > 5, f"--vocab-size {self.vocab_size}: more than the five special tokens")
        require(self.limit_alphabet is None or self.limit_alphabet > 0, "--limit-alphabet: 1 or more characters")

    def that_change_bytes(self) -> dict[str, Any]:
        """Return the options as the step's record keeps them: of a file its hash, not its path."""
        if self.vocab_file is None:
            fields = asdict(self)
            del fields["vocab_file"]
            return fields
        return {"vocab": sha256_file(self.vocab_file), "lowercase": self.lowercase}


def check_vocab_file(options: VocabOptions) -> None:
    """Raise FormatError or OptionError if a vocabulary was given that can't be used; called before any work."""
    if options.vocab_file is not None:
        if not as_path(options.vocab_file).is_file():
            raise OptionError(f"--vocab {options.vocab_file} does not exist")
        read_vocabulary(options.vocab_file, options.lowercase)


def build_vocab(build: Build, options: VocabOptions) -> Result:
    """Write `vocab/` and return the step's record."""
    documents = documents_files(build.folder)
    inputs = {} if options.vocab_file else {"documents": files_digest(documents)}
    step = Step(build.folder, "vocab", options.that_change_bytes(), inputs)
    if (record := met_before(build, step, lambda result: f"{result['size']:,} entries")) is not None:
        return record
    step.begin(force=build.force)
    folder = build.folder / "vocab"
    if options.vocab_file:
        tokens = list(read_vocabulary(options.vocab_file, options.lowercase).tokens)
        build.reporter.begin("vocab", 0, 0, 0)
        result: Result = {}
    else:
        tasks = [Task(Path(d["path"]).stem, d, d["text_bytes"]) for d in documents]
        work = functools.partial(_count, str(build.folder), str(step.work), options.lowercase)
        partial = run_step(build, step, tasks, work, _BYTES_PER_SECOND)
        counts = _merge_on_workers(build, step, [file for each in partial for file in each["files"]["counts"]])
        paths = [local_copy(build.folder / file["path"], file["sha256"]) for file in counts]
        result = merge_counts(paths, str(folder / "word_counts.parquet"))
        tokens = learn_from_counts(
            str(folder / "word_counts.parquet"), options.vocab_size, limit_alphabet=options.limit_alphabet
        )
    vocabulary = write_vocabulary(str(folder), tokens, options.lowercase)
    if not options.vocab_file:
        long_words = sum(each["long_words"] for each in partial)
        coverage = coverage_of_file(folder / "word_counts.parquet", vocabulary)
        result |= {"long_words": long_words, "coverage": coverage}
    files = [describe_file(path, build.folder, 0) for path in sorted(folder.iterdir())]
    build.reporter.end(f"{len(vocabulary):,} entries")
    return step.complete(result | {"size": len(vocabulary), "sha256": vocabulary.sha256, "files": {"vocab": files}})


def _count(folder: str, work: str, lowercase: bool, documents: dict[str, Any]) -> Result:
    output = as_path(work) / f"{Path(documents['path']).stem}.counts.parquet"
    progress = functools.partial(count, "bytes")
    source = local_copy(as_path(folder) / documents["path"], documents["sha256"])
    result = count_words(source, output, lowercase=lowercase, progress=progress)
    return {**result, "files": {"counts": [describe_file(output, as_path(folder), 0)]}}


def _merge_on_workers(build: Build, step: Step, counts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Merge counts files, some at a time, until this process can merge the rest: of 10 TB it would be 300 GB."""
    turn = 0
    while len(counts) > MAX_FILES_TO_MERGE:
        some = [counts[at : at + MAX_FILES_TO_MERGE] for at in range(0, len(counts), MAX_FILES_TO_MERGE)]
        tasks = [
            Task(f"merged-{turn}-{n:05d}", each, sum(file["bytes"] for file in each)) for n, each in enumerate(some)
        ]
        merge = functools.partial(_merge, str(build.folder), str(step.work), turn)
        results = run_step(build, step, tasks, merge, _MERGED_BYTES_PER_SECOND)
        counts = [file for result in results for file in result["files"]["counts"]]
        turn += 1
    return counts


def _merge(folder: str, work: str, turn: int, counts: list[dict[str, Any]]) -> Result:
    output = as_path(work) / f"{Path(counts[0]['path']).name.split('.')[0]}.merged-{turn}.parquet"
    paths = [local_copy(as_path(folder) / file["path"], file["sha256"]) for file in counts]
    merge_counts(paths, output)
    count("bytes", sum(file["bytes"] for file in counts))
    return {"files": {"counts": [describe_file(output, as_path(folder), 0)]}}
