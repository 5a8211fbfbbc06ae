"""What all tests share: where the real data and the cases lie."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples every time, so that a change is judged by itself; HYPOTHESIS_PROFILE=default looks for new ones.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
# Tests run side by side, and torch may be imported before `trainer` says this.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
# What a shell starts in the background ignores Ctrl-C, and so would all that tests start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
for _number in (signal.SIGHUP, signal.SIGQUIT):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, signal.SIG_DFL)
ROOT = Path(__file__).resolve().parent.parent


def _shared(name: str, variable: str) -> Path:
    folder = Path(os.environ.get(variable, ROOT.parent / "shared" / name))
    if not folder.is_dir():
        pytest.skip(f"no {name} at {folder}: set {variable}")
    return folder


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real dumps, books, vocabularies and tasks."""
    return _shared("data", "BERTDATA_TEST_DATA")


@pytest.fixture(scope="session")
def shared_cases() -> Path:
    """The folder of executable cases."""
    return _shared("cases", "BERTDATA_TEST_CASES")


@pytest.fixture(scope="session")
def sample() -> Path:
    """The bundled sample: a small wiki dump and two stories."""
    return ROOT / "sample"
