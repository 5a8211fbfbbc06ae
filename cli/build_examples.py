"""`bertdata build-examples`: documents and a vocabulary to shards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cli import options


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@options.vocab_file_option
@options.case_option
@options.example_options
@options.shuffle_option
@options.run_options
@options.json_option
def command(folder: Path, as_json: bool, **given: Any) -> None:
    """Make masked, next-sentence-paired examples from a folder's documents.

    \b
    Example:
      bertdata build-examples corpus/ --max-seq-length 128 --max-seq-length 512
    """
    from cli.building import corpus_options, run_build
    from cli.summary import print_summary
    from pipelines.build_corpus import build_examples_only

    manifest, seconds = run_build(build_examples_only, folder, corpus_options(given), given)
    print_summary(folder, manifest, seconds, as_json)
