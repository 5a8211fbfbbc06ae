from __future__ import annotations

import signal
import subprocess
import sys

# A pattern that backtracks for ever, in C code that holds the interpreter's lock, as a hanging cleaner would.
_HANG = """
import re, sys
from bertdata.extract.watch import PageWatch
watch = PageWatch(seconds=float(sys.argv[1]))
for page in range(3000):
    watch.begin(f"enwiki.xml: page {page} 'Owl'")
if sys.argv[2] == "hang":
    re.fullmatch("(a+)+b", "a" * 64)
watch.end()
print("done")
"""


def run(seconds: float, what: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", _HANG, str(seconds), what]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_page_that_hangs_ends_the_process_with_a_line_that_names_it() -> None:
    result = run(1, "hang")
    assert result.returncode == -signal.SIGKILL and result.stdout == ""
    assert result.stderr.count("\n") == 1 and result.stderr.startswith("enwiki.xml: page 2999 'Owl' is not cleaned")


def test_work_that_ends_in_time_is_left_alone() -> None:
    result = run(60, "end")
    assert (result.returncode, result.stdout, result.stderr) == (0, "done\n", "")
