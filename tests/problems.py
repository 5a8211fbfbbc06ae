"""What a command has to say when something is wrong: one line, no traceback."""

from __future__ import annotations

import pytest


def named_problem(capsys: pytest.CaptureFixture[str]) -> str:
    """Return the last line that was said; it must name a problem, and no traceback may have been shown."""
    shown = capsys.readouterr()
    last = shown.err.strip().splitlines()[-1]
    assert last.startswith("bertdata: ")
    assert "A bug" not in last
    assert "Traceback" not in shown.err + shown.out
    return last
