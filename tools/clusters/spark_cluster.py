"""A real Spark standalone cluster on this machine: one master, two workers of one core, each a process of its own.

    spark_cluster.py up FOLDER [--port 7077] [--jar JAR]    start it, and print the options of a build on it
    spark_cluster.py down FOLDER                            end what `up` started in that folder, and nothing else

FOLDER keeps their logs and process ids. Spark itself is pyspark's, or SPARK_HOME's. All listen on loopback only.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from pathlib import Path

from processes import (
    HOST,
    START_SECONDS,
    Process,
    State,
    free_port,
    is_alive,
    is_taken,
    read_state,
    wait_for,
    write_state,
)
from processes import start as start_process
from processes import stop as down

_CLASSES = {"master": "org.apache.spark.deploy.master.Master", "worker": "org.apache.spark.deploy.worker.Worker"}


def spark_home() -> Path:
    """Return where Spark is installed."""
    if home := os.environ.get("SPARK_HOME"):
        return Path(home)
    spec = importlib.util.find_spec("pyspark")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("Spark is not installed here: pip install 'bertdata[spark]', or set SPARK_HOME.")
    return Path(spec.submodule_search_locations[0])


def start(folder: Path, role: str, name: str, *arguments: str) -> Process:
    """Start the master or a worker."""
    conf = folder / "conf"  # An empty one, so that nothing of the machine's own Spark is read.
    conf.mkdir(parents=True, exist_ok=True)
    environment = {
        "SPARK_HOME": str(spark_home()),
        "SPARK_CONF_DIR": str(conf),
        "SPARK_LOCAL_IP": HOST,
        "SPARK_LOCAL_DIRS": str(folder / name),
        "SPARK_DAEMON_MEMORY": "256m",
    }
    command = [str(spark_home() / "bin" / "spark-class"), _CLASSES[role], "--host", HOST, *arguments]
    return start_process(folder, name, command, environment)


def start_worker(folder: Path, number: int, master: str) -> Process:
    """Start worker `number` (from 1)."""
    work = folder / f"worker-{number}"
    return start(
        folder,
        "worker",
        work.name,
        *("--cores", "1", "--memory", "3g", "--webui-port", "0", "--work-dir", str(work), master),
    )


def up(folder: Path, port: int, num_workers: int = 2) -> State:
    """Start the cluster, wait until all workers are registered, and return its state."""
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if (state := read_state(folder)) and any(is_alive(each) for each in state["processes"]):
        return state
    port = port or free_port()
    if is_taken(port):  # Spark would take the next port, and its workers join whoever has this one.
        sys.exit(f"Port {port} of {HOST} is taken: end what listens there, or choose another (SPARK_PORT=7078).")
    master = f"spark://{HOST}:{port}"
    ui = f"http://{HOST}:{free_port()}"
    processes = [start(folder, "master", "master", "--port", str(port), "--webui-port", ui.rsplit(":", 1)[1])]
    processes += [start_worker(folder, n + 1, master) for n in range(num_workers)]
    state = {"master": master, "ui": ui, "processes": processes}
    write_state(folder, state)
    log = folder / "master.log"
    if not wait_for(lambda: log.read_text(errors="replace").count("Registering worker") >= num_workers, processes):
        down(folder)
        sys.exit(f"Spark did not start within {START_SECONDS} s: see {folder}/*.log.")
    return state


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["up", "down"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=7077, help="the master's port; 0: any that is free")
    parser.add_argument("--jar", default="JAR", help="Beam's job server for Spark, for the options that are printed")
    given = parser.parse_args()
    if given.what == "up":
        state = up(given.folder, given.port)
        sys.stdout.write(f"{state['master']} is up, with two workers; its page: {state['ui']}\n")
        options = f"--runner spark --spark-master {state['master']} --spark-job-server-jar {given.jar}"
        sys.stdout.write(f"Build on it: bertdata build-corpus … {options}\n")
    else:
        sys.stdout.write(f"Ended {down(given.folder.resolve())} processes.\n")


if __name__ == "__main__":
    main()
