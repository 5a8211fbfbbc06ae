import subprocess
import sys
from pathlib import Path

import pytest

_GROW = """
import resource, sys, trainer
from trainer.memory import keep_freed_memory
kept = keep_freed_memory()
before = int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize() >> 10
import torch
block = torch.ones(1 << 26)  # 256 MB
huge = [line.split()[1] for line in open("/proc/self/smaps_rollup") if line.startswith("AnonHugePages")]
print(int(kept), before, huge[0])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="mallopt is of glibc")
def test_the_heap_has_huge_pages_and_takes_no_memory_before_it_is_used() -> None:
    offered = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    if not offered.is_file() or "[never]" in offered.read_text():
        pytest.skip("this kernel offers no huge pages")
    done = subprocess.run([sys.executable, "-c", _GROW], capture_output=True, text=True, timeout=120, check=True)
    kept, before, huge = map(int, done.stdout.split())
    assert kept == 1
    assert before < 1 << 20  # KiB: the half of the machine's memory that was asked for isn't held.
    assert huge > 0  # How many depends on what else the machine holds.
