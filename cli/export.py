"""`bertdata export`: a run or a corpus in the form of other people's tools."""

from __future__ import annotations

from pathlib import Path

import click

from cli import options


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="RUN_OR_CORPUS")
@click.option(
    "--format",
    "form",
    type=click.Choice(["hf", "tfrecord", "mds"]),
    required=True,
    help="hf: a model for transformers, or a dataset for `datasets`. A corpus also as tfrecord (google-research/bert's "
    "run_pretraining) or mds (MosaicML Streaming).",
)
@options.output_option
@options.json_option
def command(folder: Path, form: str, output: Path, as_json: bool) -> None:
    """Export a run or a corpus for other people's tools.

    \b
    Example:
      bertdata export runs/base --format hf --output bert-base/
      bertdata export corpus/ --format tfrecord --output tfrecords/
    """
    from cli.console import print_json

    if (folder / "shards").is_dir() or (folder / "manifest.json").is_file():
        from bertdata.export import export_corpus

        result = export_corpus(folder, output, form)
        said = f"{sum(result['examples'].values()):,} examples in {result['files']:,} files"
    else:
        from trainer.hf import export_run

        result = export_run(folder, output, form)
        said = ", ".join(result["files"])
    if as_json:
        print_json(result)
    else:
        click.echo(f"Written to {output}: {said}")
