"""What a person sees of a run: a live line on a terminal, plain lines elsewhere, all on standard error."""

from __future__ import annotations

import shutil
import sys
import time
from typing import Any

# Plain lines end up in log files: not more than one in so many seconds.
_PLAIN_SECONDS = 10
_CLEAR_LINE = "\r\x1b[2K"


class RunLines:
    """Shows the records of a run; quiet on all ranks but the first."""

    def __init__(self, total_steps: int, quiet: bool = False) -> None:
        self.total, self.quiet = total_steps, quiet
        self._told = float("-inf")
        self._live = False

    def say(self, line: str) -> None:
        """Print one line that stays."""
        if not self.quiet:
            self._clear()
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()

    def train(self, record: dict[str, Any]) -> None:
        """Show a train record: live on a terminal, else at most every ten seconds and at the end."""
        if self.quiet:
            return
        text = describe(record, self.total)
        if sys.stderr.isatty():
            self._show(text)
            return
        now = time.monotonic()
        if now - self._told >= _PLAIN_SECONDS or record["step"] == self.total:
            self._told = now
            self.say(text)

    def _show(self, text: str) -> None:
        self._live = True
        width = shutil.get_terminal_size().columns
        sys.stderr.write(f"{_CLEAR_LINE}{text[: width - 1]}")
        sys.stderr.flush()

    def _clear(self) -> None:
        if self._live:
            sys.stderr.write(_CLEAR_LINE)
            self._live = False

    def close(self) -> None:
        """Take the live line away."""
        self._clear()


def describe(record: dict[str, Any], total: int) -> str:
    """Return a train record as a line.

    >>> describe({"step": 10, "loss": 8.8, "mlm_loss": 8.8, "mlm_accuracy": 0.1, "lr": 1e-4,
    ...           "tokens_per_second": 12345.0, "data_wait": 0.001, "seconds_left": 61}, 100)
    'step 10/100 · loss 8.800 · mlm 8.800 (10.0 %) · lr 1.00e-04 · 12,345 tokens/s · data 0.1 % · 1:01 left'
    """
    words = [f"step {record['step']:,}/{total:,}", f"loss {record['loss']:.3f}"]
    for task in ("mlm", "nsp"):
        if record.get(f"{task}_loss") is not None:
            words.append(f"{task} {record[f'{task}_loss']:.3f} ({record[f'{task}_accuracy']:.1%})".replace("%", " %"))
    words += [f"lr {record['lr']:.2e}", f"{record['tokens_per_second']:,.0f} tokens/s"]
    words.append(f"data {record['data_wait']:.1%}".replace("%", " %"))
    if record.get("mfu") is not None:
        words.append(f"MFU {record['mfu']:.1%}".replace("%", " %"))
    return " · ".join([*words, f"{clock(record['seconds_left'])} left"])


def clock(seconds: float) -> str:
    """Return a duration as hours, minutes and seconds.

    >>> clock(61), clock(7322)
    ('1:01', '2:02:02')
    """
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
