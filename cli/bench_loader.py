"""`bertdata bench-loader`: measure how fast this machine reads a corpus."""

from __future__ import annotations

from pathlib import Path

import click

from cli.console import print_table


@click.command("bench-loader", short_help="Measure how fast this machine reads a corpus.")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--max-seq-length", type=int, default=None, help="Length in tokens. Default: the one there is.")
@click.option("--split", default="train", show_default=True, help="Split to read: train or validation.")
@click.option("--batch-size", default=256, show_default=True, help="Examples a batch.")
@click.option("--seconds", default=3.0, show_default=True, help="Seconds that each way of reading is measured for.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON instead of a table. Off by default.")
def command(
    folder: Path, max_seq_length: int | None, split: str, batch_size: int, seconds: float, as_json: bool
) -> None:
    """Measure how fast this machine reads a corpus.

    Each way of reading (masks as stored or made anew, flat, padded or packed) runs for some seconds; a run that gets
    more than once through the split says so in `epochs`, and reads from memory then.

    Example: bertdata bench-loader corpus/ --batch-size 512
    """
    from bertdata.loader_speed import measure_reading
    from bertdata.reader import open_shards

    shards = open_shards(folder, max_seq_length=max_seq_length, split=split)
    figures = measure_reading(shards, batch_size, seconds)
    title = f"{shards.num_examples:,} examples of {split}, at most {shards.max_seq_length} tokens, one process"
    print_table(title, figures[0]._fields, figures, as_json)
