"""`bertdata extract`: sources to clean documents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cli import options


@click.command(cls=options.StepCommand)
@options.source_options
@options.output_option
@options.extract_options
@options.run_options
@options.json_option
def command(output: Path, as_json: bool, **given: Any) -> None:
    """Extract clean documents from dumps, books and text.

    \b
    Example:
      bertdata extract --wikipedia simplewiki-latest-pages-articles.xml.bz2 --output corpus/
    """
    from cli.building import corpus_options, run_build
    from cli.summary import print_extract
    from pipelines.build_corpus import extract_documents

    result, _ = run_build(extract_documents, output, corpus_options(given), given)
    print_extract(output, result, as_json)
