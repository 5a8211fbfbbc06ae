"""What fine-tuning and evaluating print: progress, notes, and the table of scores."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from cli.console import print_json, print_table

_LINE_SECONDS = 15


class ScoreLines:
    """Prints notes and the scores of each epoch on standard error, and a line every 15 seconds in between."""

    def __init__(self) -> None:
        self.began = self.told = time.monotonic()

    def __call__(self, record: dict[str, Any]) -> None:
        now = time.monotonic()
        if record["event"] == "note":
            print_notes([record["note"]])
        elif record["event"] == "epoch":
            scores = ", ".join(
                f"{name} {value:.4g}" for name, value in record["metrics"].items() if isinstance(value, float)
            )
            self._say(f"seed {record['seed']}, epoch {record['epoch']}: {scores}")
        elif now - self.told >= _LINE_SECONDS:
            self._say(f"step {record['step']:,} of {record['steps']:,}: loss {record['loss']:.4f}")

    def _say(self, line: str) -> None:
        self.told = time.monotonic()
        click.echo(f"{line} ({self.told - self.began:.0f} s)", err=True)


def print_notes(notes: list[str]) -> None:
    """Print what a user should know about the data, on standard error."""
    for note in notes:
        click.echo(f"note: {note}", err=True)


def print_results(results: dict[str, Any], output: Path | None, as_json: bool) -> None:
    """Print the scores as a table, mean and sd where there are several seeds; or the whole result as JSON."""
    if as_json:
        print_json(results)
        return
    metrics = results["metrics"]
    rows = [[name, value] for name, value in metrics.items() if isinstance(value, float)]
    columns = [results["task"], "score"]
    if "mean" in results:
        columns = [results["task"], "best seed", "mean", "sd"]
        rows = [[*row, results["mean"][row[0]], results["sd"][row[0]]] for row in rows]
    rows += [
        [f"f1 {kind}", scores["f1"]] + [None] * (len(columns) - 2) for kind, scores in metrics.get("types", {}).items()
    ]
    if rows:
        print_table("", columns, rows)
    if output is not None:
        click.echo(f"Written to {output}: {', '.join(sorted(path.name for path in output.iterdir()))}")
