"""A real HDFS on this machine, in one process: a NameNode and a DataNode, on loopback.

    hdfs_cluster.py up FOLDER       start it, and print its URL
    hdfs_cluster.py down FOLDER     end what `up` started in that folder, and nothing else

It is Hadoop's own mini cluster, whose jars Maven fetches once; what they need beside comes with pyspark. FOLDER keeps
its files, log and process id.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

from processes import HOST, START_SECONDS, State, free_port, is_alive, read_state, start, wait_for, write_state
from processes import stop as down

_MAIN = "org.apache.hadoop.test.MiniDFSClusterManager"
_JARS = (
    *(f"org.apache.hadoop:hadoop-client-{name}:3.3.6" for name in ("minicluster", "api", "runtime")),
    *("junit:junit:4.13.2", "org.mockito:mockito-core:2.28.2"),
)


def hadoop_jars(folder: Path) -> str:
    """Return the class path, the jars fetched by Maven into `folder` unless they are there."""
    folder.mkdir(parents=True, exist_ok=True)
    for jar in _JARS:
        _, name, version = jar.split(":")
        if not (folder / f"{name}-{version}.jar").exists():
            if shutil.which("mvn") is None:
                sys.exit("Hadoop's jars are fetched by Maven: install it (Debian: maven).")
            fetch = ["mvn", "-q", "-B", "dependency:copy", f"-Dartifact={jar}", f"-DoutputDirectory={folder}"]
            subprocess.run(fetch, check=True, stdout=sys.stderr, timeout=900)
    spec = importlib.util.find_spec("pyspark")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("Hadoop's mini cluster needs jars that come with Spark: pip install pyspark==3.5.6.")
    return f"{folder}/*:{next(iter(spec.submodule_search_locations))}/jars/*"


def up(folder: Path, jars: Path) -> State:
    """Start it, wait until it answers, and return its state, the URL among it."""
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if (state := read_state(folder)) and any(is_alive(each) for each in state["processes"]):
        return state
    port, details = free_port(), folder / "details.json"
    settings = (f"hdfs.minidfs.basedir={folder}/dfs", "dfs.permissions.enabled=false")
    arguments = ["-format", "-datanodes", "1", "-nnport", str(port), "-writeDetails", str(details)]
    arguments += [word for setting in settings for word in ("-D", setting)]
    process = start(folder, "hdfs", ["java", "-Xmx512m", "-cp", hadoop_jars(jars), _MAIN, *arguments], {})
    state = {"url": f"hdfs://{HOST}:{port}", "processes": [process]}
    write_state(folder, state)
    if not wait_for(lambda: _is_written(details), [process]):
        down(folder)
        sys.exit(f"HDFS did not start within {START_SECONDS} s: see {folder}/hdfs.log.")
    return state


def _is_written(details: Path) -> bool:
    try:
        return "namenode_port" in json.loads(details.read_text())
    except (FileNotFoundError, ValueError):
        return False


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["up", "down"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--jars", type=Path, default=Path.home() / ".cache" / "bertdata" / "hadoop")
    given = parser.parse_args()
    if given.what == "up":
        sys.stdout.write(f"{up(given.folder, given.jars)['url']} is up.\n")
    else:
        sys.stdout.write(f"Ended {down(given.folder.resolve())} processes.\n")


if __name__ == "__main__":
    main()
