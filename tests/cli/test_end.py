"""How a command's process ends: without another look at all of Beam, and without a word of torch's libraries."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import ROOT

SCRIPT = """
import atexit, gc, sys, types
for name in sys.argv[1:]:
    sys.modules[name] = types.ModuleType(name)
atexit.register(lambda: print("frozen" if gc.get_freeze_count() else "collected"))
from cli.main import main
sys.argv = ["bertdata", "--version"]
main()
"""


@pytest.mark.parametrize(("modules", "end"), [((), "frozen"), (("torch",), "collected")], ids=["beam", "torch"])
def test_the_end_collects_what_torch_left_and_nothing_else(modules: tuple[str, ...], end: str) -> None:
    command = [sys.executable, "-c", SCRIPT, *modules]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == end
