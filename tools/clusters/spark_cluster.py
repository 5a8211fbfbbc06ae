"""A real Spark standalone cluster on this machine: one master, two workers of one core, each a process of its own.

    spark_cluster.py up FOLDER [--port 7077] [--jar JAR]    start it, and print the options of a build on it
    spark_cluster.py down FOLDER                            end what `up` started in that folder, and nothing else

FOLDER keeps their logs and process ids. Spark itself is pyspark's, or SPARK_HOME's. All listen on loopback only.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
_START_SECONDS = 120
_CLASSES = {"master": "org.apache.spark.deploy.master.Master", "worker": "org.apache.spark.deploy.worker.Worker"}


def spark_home() -> Path:
    """Return where Spark is installed."""
    if home := os.environ.get("SPARK_HOME"):
        return Path(home)
    spec = importlib.util.find_spec("pyspark")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("Spark is not installed here: pip install 'bertdata[spark]', or set SPARK_HOME.")
    return Path(spec.submodule_search_locations[0])


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        return int(sock.getsockname()[1])


def is_taken(port: int) -> bool:
    """Tell whether somebody listens on a port of this machine."""
    with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=5):
        return True
    return False


def start(folder: Path, role: str, name: str, *arguments: str) -> dict[str, Any]:
    """Start one process of the cluster and return what `stop` needs to know it again."""
    conf = folder / "conf"  # An empty one, so that nothing of the machine's own Spark is read.
    conf.mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        "SPARK_HOME": str(spark_home()),
        "SPARK_CONF_DIR": str(conf),
        "SPARK_LOCAL_IP": HOST,
        "SPARK_LOCAL_DIRS": str(folder / name),
        "SPARK_DAEMON_MEMORY": "256m",
    }
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            [str(spark_home() / "bin" / "spark-class"), _CLASSES[role], "--host", HOST, *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    return {"name": name, "pid": process.pid, "began": began(process.pid)}


def began(pid: int) -> str:
    """Return when a process started: with its id, what no other process shares."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
    except (OSError, IndexError):
        return ""


def start_worker(folder: Path, number: int, master: str) -> dict[str, Any]:
    """Start worker `number` (from 1)."""
    work = folder / f"worker-{number}"
    return start(
        folder,
        "worker",
        work.name,
        *("--cores", "1", "--memory", "3g", "--webui-port", "0", "--work-dir", str(work), master),
    )


def up(folder: Path, port: int, num_workers: int = 2) -> dict[str, Any]:
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
    (folder / "cluster.json").write_text(json.dumps(state))
    if not wait_for_workers(folder, processes, num_workers):
        down(folder)
        sys.exit(f"Spark did not start within {_START_SECONDS} s: see {folder}/*.log.")
    return state


def wait_for_workers(folder: Path, processes: list[dict[str, Any]], num_workers: int) -> bool:
    """Wait until the master's log has `num_workers` registrations; false where a process ends or time runs out."""
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and all(is_alive(each) for each in processes):
        if (folder / "master.log").read_text(errors="replace").count("Registering worker") >= num_workers:
            return True
        time.sleep(0.2)
    return False


def down(folder: Path) -> int:
    """End the processes that `up` started, and return how many there were."""
    state = read_state(folder.resolve())
    alive = [each for each in (state or {"processes": []})["processes"] if is_alive(each)]
    for number in (signal.SIGTERM, signal.SIGKILL):
        for each in alive:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(each["pid"], number)
        end = time.monotonic() + 10
        while any(is_alive(each) for each in alive) and time.monotonic() < end:
            time.sleep(0.1)
    with contextlib.suppress(FileNotFoundError):
        (folder.resolve() / "cluster.json").unlink()
    return len(alive)


def read_state(folder: Path) -> dict[str, Any] | None:
    """Return what `up` wrote, or None."""
    try:
        return dict(json.loads((folder / "cluster.json").read_text()))
    except (FileNotFoundError, ValueError):
        return None


def is_alive(process: dict[str, Any]) -> bool:
    """Tell whether a process of ours runs still: a zombie doesn't, nor does another one that got its id."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(process["pid"], os.WNOHANG)
    return bool(process["began"]) and began(process["pid"]) == process["began"]


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
        sys.stdout.write(f"Ended {down(given.folder)} processes.\n")


if __name__ == "__main__":
    main()
