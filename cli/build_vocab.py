"""`bertdata build-vocab`: documents to a WordPiece vocabulary."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cli import options


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@options.case_option
@options.vocab_options
@options.vocab_file_option
@options.run_options
@options.json_option
def command(folder: Path, as_json: bool, **given: Any) -> None:
    """Learn a WordPiece vocabulary from a folder's documents.

    \b
    Example:
      bertdata build-vocab corpus/ --vocab-size 30522
    """
    from cli.building import corpus_options, run_build
    from cli.summary import print_vocab
    from pipelines.build_corpus import build_vocabulary

    result, _ = run_build(build_vocabulary, folder, corpus_options(given), given)
    print_vocab(folder, result, as_json)
