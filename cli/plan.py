"""`bertdata plan`: what a build will cost, before it starts."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from cli import options


@click.command(cls=options.StepCommand)
@options.source_options
@click.option("--output", "-o", type=click.Path(path_type=Path), help="Folder to be: its disk's free space is told.")
@options.extract_options
@options.case_option
@options.vocab_options
@options.vocab_file_option
@options.example_options
@options.shuffle_option
@options.run_options
@click.option(
    "--sample-size", type=options.Bytes("1MB"), default="64MB", show_default=True, help="Input to build as a sample."
)
@options.json_option
def command(output: Path | None, sample_size: int, as_json: bool, **given: Any) -> None:
    """Predict time, disk and memory of a build from a sample of its input.

    Takes the options of build-corpus, builds a part of every source in a temporary folder, and writes nothing else.

    \b
    Example:
      bertdata plan --wikipedia enwiki-20260901-pages-articles-multistream.xml.bz2 --books books/ --workers 16
    """
    from bertdata.extract.slices import plan_slices
    from bertdata.peaks import peak_memory
    from bertdata.plan import SampleBuild, plan_build
    from cli.building import corpus_options
    from pipelines.build_corpus import expand_all
    from pipelines.early import leave_out_pandas
    from pipelines.runner import RunOptions
    from pipelines.vocab import check_vocab_file

    # What a build would refuse, a plan refuses too.
    RunOptions(given["workers"], given["runner"], given["beam_args"], shuffle=given["shuffle"])
    leave_out_pandas()  # As a build does.
    built = corpus_options(given)
    check_vocab_file(built.vocab)
    # What a build holds besides its data: these, and what starting loads. Loading them counts as starting.
    import tokenizers  # noqa: F401

    start_up = seconds_to_start(given["workers"])
    with TemporaryDirectory(prefix="bertdata-plan-") as folder:
        slices = plan_slices(expand_all(built.sources, Path(folder), output))
        vocab = built.vocab
        sample = SampleBuild(
            Path(folder),
            built.extract,
            built.examples,
            built.tokens,
            vocab.lowercase,
            vocab.vocab_size,
            vocab.vocab_file,
            built.validation_fraction,
        )
        plan = plan_build(slices, sample, given["workers"], sample_size)
        plan.fixed_seconds = fixed_seconds(Path(folder), built)
    plan.peak_memory = max(plan.peak_memory, peak_memory())
    plan.start_up_seconds = start_up
    print_plan(plan, output, as_json)


def seconds_to_start(workers: int) -> float:
    """Return how long it takes until worker processes (as many as this machine has cores) have done nothing."""
    from pipelines.runner import RunOptions, run_tasks

    started = min(workers, os.cpu_count() or 1)
    began = time.monotonic()
    run_tasks(abs, range(started), RunOptions(started))
    return time.monotonic() - began


class Quiet:
    """A reporter that says nothing."""

    def begin(self, step: str, total_bytes: int, num_tasks: int, num_done: int) -> None: ...
    def update(self, counters: dict[str, int]) -> None: ...
    def end(self, summary: str) -> None: ...
    def close(self) -> None: ...
    def skip(self, step: str, why: str) -> None: ...
    def say(self, line: str) -> None: ...


def fixed_seconds(folder: Path, built: Any) -> float:
    """Return the CPU seconds of a build whatever its size (pipelines, records, report): those of next to nothing.

    That is what the sample's build left in `folder` of a hundredth of a piece; 0 where it makes no examples.
    """
    from bertdata.errors import BertdataError
    from pipelines.build_corpus import build_corpus
    from pipelines.runner import RunOptions
    from pipelines.step import Build

    options = replace(
        built,
        sources={"text": [str(folder / "little.parquet")]},
        extract=replace(built.extract, text_column="text"),
        vocab=replace(built.vocab, vocab_file=str(folder / "vocab" / "vocab.txt")),
        validation_fraction=0.0,
    )
    if built.vocab.vocab_file:
        options = replace(options, vocab=built.vocab)
    began = time.process_time()
    try:
        build_corpus(Build(folder / "next-to-nothing", RunOptions(1), Quiet()), options)
    except BertdataError:
        return 0.0
    return time.process_time() - began


def print_plan(plan: Any, output: Path | None, as_json: bool) -> None:
    """Print a plan: a row a step, then what the whole takes."""
    from bertdata.store import StorePath
    from cli.console import format_bytes, format_seconds, print_json, print_table

    if as_json:
        print_json(plan.as_dict())
        return
    rows = []
    for name, step in plan.steps.items():
        wall = step.cpu_seconds / plan.workers + step.serial_seconds
        cpu = step.cpu_seconds + step.serial_seconds
        rows.append((name, format_seconds(cpu), format_seconds(wall), format_bytes(step.bytes_written)))
    fixed = format_seconds(plan.fixed_seconds)
    rows.append(("whatever the size", fixed, fixed, ""))
    rows.append(
        ("all", format_seconds(plan.cpu_seconds), format_seconds(plan.wall_seconds), format_bytes(plan.bytes_written))
    )
    print_table("Build", ["step", "CPU time", f"with {plan.workers} workers", "on disk"], rows)
    examples = ", ".join(f"{number:,.0f} of {length}" for length, number in plan.examples.items())
    click.echo(
        f"About {format_bytes(plan.text_bytes)} of text, {plan.tokens:,.0f} tokens, {plan.distinct_words:,.0f} "
        f"distinct words; examples: {examples}; {plan.slices:,} slices, {plan.shards:,} shards."
    )
    click.echo(
        f"Largest process: {format_bytes(plan.peak_memory)}. Groups read {plan.ranges_read:,} ranges of tokens files; "
        f"with --shuffle engine, {format_bytes(plan.shuffled_bytes)} go through the engine instead."
    )
    click.echo(
        f"From a sample of {format_bytes(plan.sampled_bytes)} of {format_bytes(plan.input_bytes)} of input; "
        f"{format_seconds(plan.start_up_seconds)} are for starting processes."
    )
    if output is not None and not isinstance(output, StorePath):
        parent = next(p for p in (output.absolute(), *output.absolute().parents) if p.exists())
        free = shutil.disk_usage(parent).free
        click.echo(f"Free on the disk of {output}: {format_bytes(free)}.")
        if free < plan.bytes_written:
            click.echo(f"Warning: the build needs {format_bytes(plan.bytes_written - free)} more than that.")
