"""`bertdata report`: write a page about a corpus."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="The page to write. Default: report.html in DIR.",
)
def command(folder: Path, output: Path | None) -> None:
    """Write a page about a corpus: lengths, masks, labels, coverage, examples.

    One HTML file that loads nothing from anywhere, so it can be sent or kept; build-corpus writes it too.

    \b
    Example:
      bertdata report corpus/
      bertdata report corpus/ --output about.html
    """
    from bertdata.manifest import read_manifest
    from bertdata.report import write_report

    click.echo(write_report(folder, read_manifest(folder), output))
