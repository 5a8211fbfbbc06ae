"""What the user sees: tables, JSON, and a progress line per step."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from typing import Any

import click
import rich.box
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

# Plain lines (no terminal) are far apart: they end up in log files.
_PLAIN_LINE_SECONDS = 15


def stdout() -> Console:
    """Return a console on standard output, wide enough for paths where it isn't a terminal."""
    return Console(highlight=False, soft_wrap=not sys.stdout.isatty(), width=None if sys.stdout.isatty() else 200)


def print_json(value: Any) -> None:
    """Print a value as JSON on standard output."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=1))


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], as_json: bool = False) -> None:
    """Print rows as a table, or with `as_json` as a list of objects; numbers are grouped and set to the right."""
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
        return
    table = Table(
        title=Text(title) if title else None, title_justify="left", box=rich.box.SIMPLE_HEAD, title_style="bold"
    )
    for n, column in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[n], int | float) for row in rows if row[n] is not None)
        table.add_column(Text(column), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        # As Text: a name in brackets is no markup.
        table.add_row(*(cell if isinstance(cell, Text) else Text(format_cell(cell)) for cell in row))
    stdout().print(table)


def format_cell(value: Any) -> str:
    """Return a cell's text: grouped integers, floats of three decimals.

    >>> format_cell(1234567), format_cell(0.5), format_cell(None)
    ('1,234,567', '0.500', '')
    """
    if value is None:
        return ""
    if isinstance(value, bool | str):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def format_seconds(seconds: float) -> str:
    """Return a duration as people say it.

    >>> format_seconds(3.2), format_seconds(75), format_seconds(7500)
    ('3.2 s', '1 min 15 s', '2 h 05 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def format_bytes(num_bytes: float) -> str:
    """Return a size in decimal units.

    >>> format_bytes(999), format_bytes(64_000_000)
    ('999 B', '64.0 MB')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if num_bytes < 1000:
            return f"{num_bytes:.0f} B" if unit == "B" else f"{num_bytes:.1f} {unit}"
        num_bytes /= 1000
    return f"{num_bytes:.1f} TB"


class StepLines:
    """The reporter of a build: one live line a step on a terminal, plain lines elsewhere; all on standard error."""

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self.live = sys.stderr.isatty() and not quiet
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._step, self._total, self._unit = "", 0, ""
        self._began = self._told = 0.0

    def begin(self, step: str, total_bytes: int, num_tasks: int, num_done: int) -> None:
        """Begin a step of `num_tasks` tasks, `num_done` of them finished by an earlier run."""
        self._step, self._total = step, total_bytes
        self._began = self._told = time.monotonic()
        if num_done:
            self.say(f"{step}: {num_done:,} of {num_tasks:,} tasks were finished before and are skipped")
        if self.live:
            self._progress = Progress(
                SpinnerColumn(),
                TextColumn("{task.description:<9}"),
                BarColumn(bar_width=28),
                TextColumn("{task.fields[text]}"),
                transient=True,
                console=Console(stderr=True),
            )
            self._progress.start()
            self._task = self._progress.add_task(step, total=total_bytes or None, text="")

    def update(self, counters: dict[str, int]) -> None:
        """Show the counters of a running step: `bytes` against the total, and whatever else is counted."""
        now = time.monotonic()
        text = self._describe(counters, now - self._began)
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, completed=min(counters.get("bytes", 0), self._total or 0), text=text)
        elif not self.quiet and now - self._told >= _PLAIN_LINE_SECONDS:
            self._told = now
            self.say(f"{self._step}: {text}")

    def _describe(self, counters: dict[str, int], seconds: float) -> str:
        done = counters.get("bytes", 0)
        words = [f"{format_bytes(done)} of {format_bytes(self._total)}" if self._total else format_bytes(done)]
        if seconds > 0.5 and done:
            words.append(f"{format_bytes(done / seconds)}/s")
        for name, count in sorted(counters.items()):
            if name not in ("bytes", "tasks"):
                rate = f" ({count / seconds:,.0f}/s)" if seconds > 0.5 else ""
                words.append(f"{count:,} {name}{rate}")
        if seconds > 2 and 0 < done < self._total:
            words.append(f"{format_seconds(seconds * (self._total - done) / done)} left")
        return ", ".join(words)

    def end(self, summary: str) -> None:
        """End the step with one line that stays."""
        self.close()
        self.say(f"{self._step}: {summary} in {format_seconds(time.monotonic() - self._began)}")

    def skip(self, step: str, why: str) -> None:
        """Say that a step needs no work."""
        self.say(f"{step}: {why}")

    def close(self) -> None:
        """Take the live line away, whatever happened."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = self._task = None

    def say(self, line: str) -> None:
        """Print one line on standard error."""
        if not self.quiet:
            click.echo(line, err=True)
