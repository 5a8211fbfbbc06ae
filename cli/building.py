"""From the options of a command to a build: what all four building commands do alike."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from bertdata.errors import require
from bertdata.files import WORK
from bertdata.store import StorePath
from cli.console import StepLines, format_bytes, print_table
from cli.main import is_verbose


def corpus_options(given: dict[str, Any]) -> Any:
    """Make a CorpusOptions of the options that a command has; those it lacks keep their defaults."""
    from bertdata.example_options import ExampleOptions
    from bertdata.extract.options import ExtractOptions
    from pipelines.build_corpus import CorpusOptions
    from pipelines.vocab import VocabOptions

    runner = given.get("runner")
    for engine in ("spark", "flink"):
        for option in ("master", "job_server_jar"):
            flag = f"--{engine}-{option.replace('_', '-')}"
            require(runner == engine or not given.get(f"{engine}_{option}"), f"{flag} is for --runner {engine}")
    renamed = {
        "license_": "license",
        "vocab": "vocab_file",
        "max_seq_length": "max_seq_lengths",
        "shard_size": "shard_bytes",
        "keep_template": "keep_templates",
        "drop_template": "drop_templates",
    }
    named = {renamed.get(name, name): value for name, value in given.items()}
    named["keep_verse"] = not named.pop("drop_verse", False)
    if "max_seq_lengths" in named:
        named["max_seq_lengths"] = tuple(sorted(set(named["max_seq_lengths"])))
    return CorpusOptions(
        sources={kind: given.get(kind, ()) for kind in ("wikipedia", "books", "text")},
        extract=_pick(ExtractOptions, named),
        vocab=_pick(VocabOptions, named),
        examples=_pick(ExampleOptions, named),
        **({"validation_fraction": named["validation_fraction"]} if "validation_fraction" in named else {}),
    )


def _pick(options: Any, named: dict[str, Any]) -> Any:
    fields = options.__dataclass_fields__
    return options(**{name: value for name, value in named.items() if name in fields})


def run_build(
    function: Callable[[Any, Any], dict[str, Any]], folder: Path, options: Any, given: dict[str, Any]
) -> tuple[dict[str, Any], float]:
    """Run one of the builds and return its result and the seconds it took."""
    from pipelines.early import leave_out_pandas
    from pipelines.runner import RunOptions
    from pipelines.sessions import engine_session
    from pipelines.step import Build

    leave_out_pandas()
    lines = StepLines()
    run = RunOptions(
        workers=num_workers(given),
        runner=given["runner"],
        beam_args=given["beam_args"],
        work_dir=str(folder.absolute() / WORK),
        log_dir=None if isinstance(folder, StorePath) else str(folder.absolute() / WORK / "logs"),
        master=given.get(f"{given['runner']}_master"),
        job_server_jar=given.get(f"{given['runner']}_job_server_jar"),
        say=lines.say,
        verbose=is_verbose(),
        shuffle=given.get("shuffle", "files"),
    )
    began = time.monotonic()
    try:
        with engine_session(run):
            result = function(Build(folder.absolute(), run, lines, given["force"]), options)
    finally:
        lines.close()
    return result, time.monotonic() - began


def print_jobs(folder: Path, options: Any, given: dict[str, Any], as_json: bool) -> None:
    """Print the jobs that Dataflow would get for a build; nothing is started, and nothing written."""
    from pipelines.build_corpus import expand_all
    from pipelines.dataflow import plan_jobs

    require(given["runner"] == "dataflow", "--dry-run shows what --runner dataflow would start: name that runner")
    sources, lengths = expand_all(options.sources, folder), options.examples.max_seq_lengths
    jobs = plan_jobs(sources, given["beam_args"], folder.absolute(), given["shuffle"], lengths)
    columns = ("step", "job", "tasks", "graph", "stages", "staged", "image")
    rows = [
        (
            *(job.step, job.name, job.num_tasks, format_bytes(job.num_bytes), " > ".join(job.transforms)),
            *(", ".join(job.staged) or "nothing", job.image),
        )
        for job in jobs
    ]
    print_table("Jobs", columns, rows, as_json)


def num_workers(given: dict[str, Any]) -> int:
    """Return --workers; on an engine 0, all that it gives, unless the user gave a number."""
    source = click.get_current_context().get_parameter_source("workers")
    named = source not in (ParameterSource.DEFAULT, None)
    return int(given["workers"]) if given["runner"] == "direct" or named else 0


__all__ = ["corpus_options", "is_verbose", "run_build"]
