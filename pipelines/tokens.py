"""The tokens step: each documents file becomes one tokens file."""

from __future__ import annotations

import functools
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bertdata.extract.step import describe_file
from bertdata.steps import Step
from bertdata.store import as_path
from bertdata.store_cache import local_copy
from bertdata.tokens import TokensOptions, tokenize_documents
from bertdata.vocab import read_vocabulary
from pipelines.progress import count
from pipelines.step import Build, Result, Task, met_before, run_step
from pipelines.tables import documents_files, files_digest, require_record

_BYTES_PER_SECOND = 15e6
# Above this share of [UNK] a vocabulary doesn't fit its text, and a user should hear of it.
_UNKNOWN_SHARE_TO_WARN = 0.01


def build_tokens(build: Build, options: TokensOptions, are_read: bool = False) -> Result:
    """Write `tokens/` and return the step's record; files of it that are gone are missed only where they `are_read`."""
    documents = documents_files(build.folder)
    vocab = require_record(build.folder, "vocab")["result"]
    inputs = {"documents": files_digest(documents), "vocab": vocab["sha256"]}
    lowercase = require_record(build.folder, "vocab")["options"]["lowercase"]
    # Neither the library nor the batches change a byte.
    recorded = {k: v for k, v in asdict(options).items() if k not in ("library", "batch_bytes")}
    step = Step(build.folder, "tokens", recorded, inputs)
    if (record := met_before(build, step, lambda result: f"{result['tokens']:,} tokens", are_read)) is not None:
        return record
    step.begin(force=build.force)
    tasks = [Task(Path(d["path"]).stem, d, d["text_bytes"]) for d in documents]
    work = functools.partial(_tokenize, str(build.folder), lowercase, options)
    results = run_step(build, step, tasks, work, _BYTES_PER_SECOND)
    result = _summarise(results)
    build.reporter.end(f"{result['tokens']:,} tokens, {result['sentences']:,} sentences")
    share = result["unknown_tokens"] / max(1, result["tokens"])
    if share > _UNKNOWN_SHARE_TO_WARN:
        build.reporter.say(f"Warning: {share:.1%} of the tokens are [UNK]: the vocabulary doesn't fit this text.")
    return step.complete(result)


def _tokenize(folder: str, lowercase: bool, options: TokensOptions, documents: dict[str, Any]) -> Result:
    source = as_path(folder) / documents["path"]
    output = as_path(folder) / "tokens" / f"{source.stem}.arrow"
    vocabulary = _vocabulary(str(as_path(folder) / "vocab" / "vocab.txt"), lowercase)
    copy = local_copy(source, documents["sha256"])
    result = tokenize_documents(str(copy), str(output), vocabulary, options, functools.partial(count, "bytes"))
    count("documents", result["documents"])
    return {**result, "files": {"tokens": [describe_file(output, as_path(folder), result["rows"])]}}


@functools.lru_cache(maxsize=1)
def _vocabulary(path: str, lowercase: bool) -> Any:
    return read_vocabulary(path, lowercase)


def _summarise(results: list[Result]) -> Result:
    total: Result = {"files": {"tokens": [file for r in results for file in r["files"]["tokens"]]}}
    for result in results:
        for name, value in result.items():
            if isinstance(value, int):
                total[name] = total.get(name, 0) + value
    return total
