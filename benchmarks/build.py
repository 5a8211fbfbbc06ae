"""The main job, measured: `python benchmarks/build.py --wikipedia DUMP --books FOLDER`.

Builds a corpus with one worker and with two, and prints wall and CPU seconds, MB/s and peak RSS of each step; says
whether the bytes are the same; runs `verify`; trains `tiny` for 1,000 steps and compares its masked-LM loss with the
unigram entropy of the corpus' tokens. Fails (exit 1) where the bytes differ, verify fails or the loss isn't below.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import subprocess
import sys
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

BERTDATA = [sys.executable, "-m", "cli.main"]


@dataclass
class Watch:
    """CPU seconds and the largest RSS of any process of a tree, by step; `step` is set as lines arrive."""

    process: psutil.Process
    step: str = ""
    cpu: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    rss: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _seen: float = 0.0

    def sample(self) -> None:
        """Read the whole tree once; the CPU of processes that ended is in their parents' children times."""
        total = 0.0
        try:
            for process in [self.process, *self.process.children(recursive=True)]:
                total += sum(process.cpu_times()[:4])
                self.rss[self.step] = max(self.rss[self.step], process.memory_info().rss)
        except psutil.Error:
            return
        self.cpu[self.step] += max(0.0, total - self._seen)
        self._seen = max(self._seen, total)

    def run(self) -> None:
        """Sample five times a second until the process ends."""
        while self.process.is_running() and self.process.status() != psutil.STATUS_ZOMBIE:
            self.sample()
            time.sleep(0.2)


def build(sources: list[str], output: Path, workers: int) -> Watch:
    """Run a build, print its steps (MB are of clean text) and return what was seen of it."""
    arguments = ["build-corpus", *sources, "--output", str(output), "--workers", str(workers)]
    began = time.monotonic()
    with subprocess.Popen(
        [*BERTDATA, *arguments], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as child:
        watch = Watch(psutil.Process(child.pid))
        thread = threading.Thread(target=watch.run, daemon=True)
        thread.start()
        wall: dict[str, float] = {}
        last = began
        for line in child.stderr or ():
            if ended := re.match(r"(extract|vocab|tokens|examples-\d+): .* in [\d.]+ (s|min|h)", line):
                watch.sample()
                watch.cpu[ended[1]] += watch.cpu.pop("", 0.0)
                watch.rss[ended[1]] = max(watch.rss[ended[1]], watch.rss.pop("", 0))
                wall[ended[1]], last = time.monotonic() - last, time.monotonic()
        thread.join()
    if child.returncode:
        sys.exit(f"build-corpus ended with exit code {child.returncode}")
    num_bytes = json.loads((output / "manifest.json").read_text())["tokens"]["text_bytes"]
    for step, seconds in wall.items():
        rate = num_bytes / 1e6 / max(watch.cpu[step], 1e-9)
        print(f"  {step:14} {seconds:8.1f} {watch.cpu[step]:8.1f} {rate:10.1f} {watch.rss[step] >> 20:8,}")
    return watch


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file that must not depend on the workers."""
    files = [
        path for part in ("documents", "rejected", "vocab", "shards") for path in sorted((folder / part).rglob("*"))
    ]
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files if p.is_file()}


def main() -> int:
    """Build twice, compare, verify, train."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wikipedia", required=True)
    parser.add_argument("--books", required=True)
    parser.add_argument("--steps", type=int, default=1000, help="training steps of `tiny`; 0 trains nothing")
    parser.add_argument("--batch-size", type=int, default=32)
    given = parser.parse_args()
    with TemporaryDirectory(prefix="bertdata-build-") as folder:
        found, cpu = [], []
        for workers in (1, 2):
            output = Path(folder) / f"corpus-{workers}"
            print(f"{workers} worker{'s' * (workers > 1)}")
            print(f"  {'step':14} {'wall s':>8} {'CPU s':>8} {'MB/CPU s':>10} {'RSS MiB':>8}")
            sources = ["--wikipedia", given.wikipedia, "--books", given.books]
            watch = build(sources, output, workers)
            found.append(digests(output))
            cpu.append(sum(watch.cpu.values()))
        same = found[0] == found[1]
        print(
            f"the same bytes with 1 and 2 workers: {same} ({len(found[0])} files); CPU {cpu[0]:.1f} and {cpu[1]:.1f} s"
        )
        verified = subprocess.run([*BERTDATA, "verify", str(output)], stdout=subprocess.DEVNULL, check=False).returncode
        print(f"verify: exit code {verified}")
        below = train(output, Path(folder) / "run", given.steps, given.batch_size) if given.steps else True
    return 0 if same and not verified and below else 1


def train(corpus: Path, run: Path, steps: int, batch_size: int) -> bool:
    """Train `tiny` and tell whether its last masked-LM loss is below the unigram entropy, as the log has both."""
    options = ["--preset", "tiny", "--steps", str(steps), "--batch-size", str(batch_size), "--output", str(run)]
    subprocess.run([*BERTDATA, "pretrain", str(corpus), *options], check=True, stderr=subprocess.DEVNULL)
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    entropy = next(line["unigram_entropy"] for line in lines if "unigram_entropy" in line)
    loss = [line["mlm_loss"] for line in lines if "mlm_loss" in line][-1]
    print(f"tiny after {steps:,} steps of {batch_size}: masked-LM loss {loss:.3f}, unigram entropy {entropy:.3f} nats")
    return bool(loss < entropy)


if __name__ == "__main__":
    sys.exit(main())
