"""Peak memory of `bertdata build-corpus`, and that it doesn't grow with the input: `python benchmarks/memory.py DUMP`.

Repeats the pages of a dump (bz2) with new ids and titles until the XML has the wanted sizes, builds a corpus of each,
and watches every process of the build. Fails (exit 1) where any process passes 1 GiB, or where the larger input's
peak is more than a tenth above the smaller one's.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.dumps import write_dump

LIMIT = 1 << 30
GROWTH = 1.1


@dataclass
class Peaks:
    """The largest values seen, in bytes: of any one process and of all together."""

    rss: int = 0
    of: str = ""
    own: int = 0
    total: int = 0

    def see(self, rss: int, own: int, of: str) -> None:
        """Take one process's resident and own (unshared) bytes into account."""
        self.own = max(self.own, own)
        if rss > self.rss:
            self.rss, self.of = rss, of

    def row(self) -> str:
        """Return the values as columns of MiB."""
        return f"{self.rss >> 20:8,} ({self.of:9}) {self.own >> 20:8,} {self.total >> 20:10,}"


@dataclass
class Watch:
    """Samples a process and its descendants until it ends."""

    process: psutil.Process
    step: Peaks = field(default_factory=Peaks)
    whole: Peaks = field(default_factory=Peaks)

    def run(self) -> None:
        """Sample four times a second: reading a process's page tables costs milliseconds."""
        while self.process.is_running() and self.process.status() != psutil.STATUS_ZOMBIE:
            self.sample()
            time.sleep(0.25)

    def sample(self) -> None:
        """Look at every process once; PSS counts a shared page once over all processes."""
        total = 0
        for depth, process in self._family():
            try:
                rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
                status = Path(f"/proc/{process.pid}/status").read_text()
            except OSError:  # It has just ended.
                continue
            if "Pss:" not in rollup:
                continue
            role = ("main", "forker", "worker", "child")[min(depth, 3)]
            own = kilobytes("Private_Clean", rollup) + kilobytes("Private_Dirty", rollup)
            self.step.see(kilobytes("Rss", rollup), own, role)
            self.whole.see(kilobytes("VmHWM", status), own, role)  # What fell between two samples is in here.
            total += kilobytes("Pss", rollup)
        self.step.total, self.whole.total = max(self.step.total, total), max(self.whole.total, total)

    def _family(self) -> Iterator[tuple[int, psutil.Process]]:
        waiting = [(0, self.process)]
        while waiting:
            depth, process = waiting.pop()
            yield depth, process
            try:
                waiting += [(depth + 1, child) for child in process.children()]
            except psutil.Error:
                continue


def kilobytes(name: str, text: str) -> int:
    """Return the bytes of a `Name:  123 kB` line of /proc."""
    found = re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def build(sources: list[str], output: Path, options: list[str]) -> Peaks:
    """Build a corpus, print the peaks of each step as it ends, and return those of the whole build."""
    command = [sys.executable, "-m", "cli.main", "build-corpus", *sources, "--output", str(output)]
    with subprocess.Popen(command + options, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as child:
        watch = Watch(psutil.Process(child.pid))
        thread = threading.Thread(target=watch.run, daemon=True)
        thread.start()
        lines: list[str] = []
        for line in child.stdout or ():
            lines.append(line)
            if ended := re.match(r"([\w-]+): .* in ([\d.]+ (?:s|min|h).*)$", line.strip()):
                print(f"  {ended[1]:14} {ended[2]:>12} {watch.step.row()}", flush=True)
                watch.step = Peaks()
    thread.join()
    if child.returncode:
        sys.exit(f"build-corpus ended with exit code {child.returncode}:\n{''.join(lines[-20:])}")
    return watch.whole


def main() -> int:
    """Build corpora of growing size and compare their peaks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dump", type=Path, help="a bz2 dump whose pages are repeated")
    parser.add_argument("--megabytes", type=int, nargs="+", default=[100, 400], help="sizes of XML to build")
    parser.add_argument("--workers", type=int, default=2)
    arguments, more = parser.parse_known_args()  # All other options are build-corpus's.
    peaks: list[Peaks] = []
    print(f"  {'step':14} {'wall':>12} {'RSS MiB':>8} {'(of)':11} {'own MiB':>8} {'all, PSS':>10}")
    with TemporaryDirectory(prefix="bertdata-memory-") as folder:
        for megabytes in arguments.megabytes:
            dump, output = Path(folder) / "enwiki-pages.xml.bz2", Path(folder) / "corpus"
            written = write_dump(arguments.dump, dump, megabytes * 1_000_000)
            print(f"{written / 1e6:,.0f} MB of XML, {dump.stat().st_size / 1e6:,.0f} MB of bz2")
            peaks.append(build(["--wikipedia", str(dump)], output, [f"--workers={arguments.workers}", *more]))
            print(f"  {'whole build':14} {'':12} {peaks[-1].row()}", flush=True)
            shutil.rmtree(output)
    worst, growth = max(peak.rss for peak in peaks), peaks[-1].rss / peaks[0].rss
    print(f"peak of any process {worst / LIMIT:.2f} GiB (limit 1); last input's peak {growth:.2f} times the first's")
    return int(worst >= LIMIT or growth > GROWTH)


if __name__ == "__main__":
    sys.exit(main())
