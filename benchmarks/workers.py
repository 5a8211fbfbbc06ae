"""Two workers against one: `python benchmarks/workers.py --wikipedia DUMP [--times 16] [--runners direct spark flink]`.

Builds the dump's pages, repeated with new ids and titles, once with one worker and once with two on each runner, and
prints for the steps that workers share: wall seconds (on Spark also from a step's first task to the end of its last:
without the start of the job), and CPU seconds at the pace of a machine at rest (`benchmarks/watch.py`): of all workers,
and of the busiest with the driver's own, which is how long the step would take on cores of its own. On a machine that
others use too the walls tell little; the ratio of one worker's CPU seconds to the busier of two's tells how even the
shares are, and what two lose by disturbing each other.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.dumps import repeat_dump
from benchmarks.scale import Run, digest, job_server_jar, run_build

SHARED = ("extract", "tokens", "examples")


def seconds_of(corpus: Path) -> dict[str, float]:
    """Return the wall seconds of each step, as the manifest has them."""
    seconds = json.loads((corpus / "manifest.json").read_text(encoding="utf-8"))["seconds"]
    return {name.split("-")[0]: value for name, value in seconds.items()}


def show(runner: str, walls: dict[int, dict[str, float]], runs: dict[int, Run]) -> None:
    """Print the two builds beside each other."""
    print(
        f"{runner:12}{'one, s':>10}{'two':>8}{'speed-up':>10}{'CPU of one':>12}{'busiest of two':>16}{'speed-up':>10}"
    )
    for step in SHARED:
        one, two = runs[1].watch.busiest(step), runs[2].watch.busiest(step)
        walls_of = {step: [walls[n][step] for n in runs]}
        if runs[1].span(step):
            walls_of[" its tasks"] = [run.span(step) for run in runs.values()]
        for name, (alone, shared) in walls_of.items():
            cpu = f"{one:12.1f}{two:16.1f}{one / two:10.2f}" if name == step else ""
            print(f"{name:12}{alone:10.1f}{shared:8.1f}{alone / shared:10.2f}{cpu}", flush=True)


def main() -> int:
    """Build with each runner, with one worker and with two."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wikipedia", type=Path, required=True)
    parser.add_argument("--times", type=int, default=16)
    parser.add_argument("--runners", nargs="+", default=["direct", "spark"], choices=["direct", "spark", "flink"])
    parser.add_argument("--folder", help="where dumps and corpora are made, and removed")
    given, more = parser.parse_known_args()  # All other options are build-corpus's.
    digests = set()
    with TemporaryDirectory(prefix="bertdata-workers-", dir=given.folder) as name:
        dump = Path(name) / "enwiki-pages-articles.xml.bz2"
        size = repeat_dump(given.wikipedia, dump, given.times)
        print(f"{size / 1e6:.1f} MB of XML", flush=True)
        for runner in given.runners:
            walls: dict[int, dict[str, float]] = {}
            runs: dict[int, Run] = {}
            for workers in (1, 2):
                output = Path(name) / f"{runner}-{workers}"
                options = ["--workers", str(workers), *more]
                if runner == "flink":
                    options += ["--runner", "flink", "--flink-master", "[local]"]
                    options += ["--flink-job-server-jar", job_server_jar("flink")]
                jar = job_server_jar("spark") if runner == "spark" else ""
                runs[workers] = run_build(runner, (dump, size), output, options, jar)
                walls[workers] = seconds_of(output)
                digests.add(digest(output))
                shutil.rmtree(output)
            show(runner, walls, runs)
    print("The bytes are the same." if len(digests) == 1 else "The bytes differ.")
    return len(digests) - 1


if __name__ == "__main__":
    sys.exit(main())
