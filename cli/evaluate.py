"""`bertdata evaluate`: a fine-tuned model and a file to scores."""

from __future__ import annotations

from pathlib import Path

import click

from cli import options


@click.command()
@click.argument("model", type=click.Path(path_type=Path), metavar="RUN")
@click.argument("file", metavar="FILE")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder for predictions and results. Default: nothing is written.",
)
@click.option(
    "--header/--no-header", default=None, help="Whether the first line names the columns. Default: as in fine-tuning."
)
@click.option(
    "--unlabelled", is_flag=True, help="The file has no labels: write predictions only. Default: labels are due."
)
@options.json_option
def command(model: Path, file: str, output: Path | None, header: bool | None, unlabelled: bool, as_json: bool) -> None:
    """Score a fine-tuned model on a file.

    \b
    Example:
      bertdata evaluate runs/mrpc test.tsv --output runs/mrpc/test
    """
    from cli.scores import print_notes, print_results
    from trainer.evaluate import evaluate

    if unlabelled and output is None:
        raise click.UsageError("--unlabelled gives predictions only, so it needs --output.")
    results = evaluate(model, file, output=output, header=header, labelled=not unlabelled)
    print_notes(results["notes"])
    print_results(results, output, as_json)
