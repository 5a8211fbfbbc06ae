"""`bertdata build-corpus`: everything, in one command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cli import options


@click.command(cls=options.StepCommand)
@options.source_options
@options.output_option
@options.extract_options
@options.case_option
@options.vocab_options
@options.vocab_file_option
@options.example_options
@options.shuffle_option
@options.dry_run_option
@options.run_options
@options.json_option
def command(output: Path, as_json: bool, **given: Any) -> None:
    """Build a corpus: dumps and books in, shards of BERT examples out.

    The same command again goes on where an interrupted build stopped, and skips what is finished.

    \b
    Example:
      bertdata build-corpus --wikipedia enwiki-20260901-pages-articles-multistream.xml.bz2 \\
                            --books books/ --output corpus/
    """
    from cli.building import corpus_options, print_jobs, run_build
    from cli.summary import print_summary
    from pipelines.build_corpus import build_corpus

    if given.pop("dry_run"):
        print_jobs(output, corpus_options(given), given, as_json)
        return
    manifest, seconds = run_build(build_corpus, output, corpus_options(given), given)
    print_summary(output, manifest, seconds, as_json)
