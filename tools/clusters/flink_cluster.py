"""A real Flink standalone cluster on this machine: one JobManager, two TaskManagers of one slot.

    flink_cluster.py up FOLDER      start it, and print the options of a build on it
    flink_cluster.py down FOLDER    end what `up` started in that folder, and nothing else

FOLDER keeps their configuration, logs and process ids. Flink itself is FLINK_HOME's, or that of the package
apache-flink-libraries. All listen on loopback only.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import sys
import urllib.request
from pathlib import Path

from processes import HOST, START_SECONDS, Process, State, free_port, is_alive, read_state, wait_for, write_state
from processes import start as start_process
from processes import stop as down

_JOB_MANAGER = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
_TASK_MANAGER = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"
_PACKAGES = ("lang", "lang.invoke", "lang.reflect", "io", "net", "nio", "util", "util.concurrent")
_OPENS = [f"--add-opens=java.base/java.{name}=ALL-UNNAMED" for name in _PACKAGES]
# What Flink's own start script works out from a TaskManager's memory, which has to be given where it doesn't run.
_MEMORY = {
    "taskmanager.cpu.cores": "1.0",
    "taskmanager.memory.framework.heap.size": "128m",
    "taskmanager.memory.task.heap.size": "896m",
    "taskmanager.memory.framework.off-heap.size": "128m",
    "taskmanager.memory.task.off-heap.size": "256m",
    "taskmanager.memory.network.min": "128m",
    "taskmanager.memory.network.max": "128m",
    "taskmanager.memory.managed.size": "256m",
    "taskmanager.memory.jvm-metaspace.size": "256m",
    "taskmanager.memory.jvm-overhead.min": "192m",
    "taskmanager.memory.jvm-overhead.max": "192m",
}


def flink_jars() -> str:
    """Return the class path of the Flink that is installed."""
    if home := os.environ.get("FLINK_HOME"):
        return f"{home}/lib/*"
    spec = importlib.util.find_spec("pyflink")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("Flink is not installed here: pip install apache-flink-libraries==1.19.0, or set FLINK_HOME.")
    return f"{next(iter(spec.submodule_search_locations))}/lib/*"


def start(folder: Path, name: str, main_class: str, *arguments: str, heap: str) -> Process:
    """Start the JobManager or a TaskManager."""
    java = ["java", *_OPENS, f"-Xmx{heap}", "-Dorg.apache.logging.log4j.level=INFO", "-cp", flink_jars(), main_class]
    return start_process(folder, name, [*java, "--configDir", str(folder), *arguments], {})


def start_task_manager(folder: Path, number: int) -> Process:
    """Start TaskManager `number` (from 1)."""
    work = folder / f"task-manager-{number}"
    work.mkdir()
    settings = {"taskmanager.resource-id": work.name, "io.tmp.dirs": str(work), **_MEMORY}
    arguments = [word for name, value in settings.items() for word in ("-D", f"{name}={value}")]
    return start(folder, work.name, _TASK_MANAGER, *arguments, heap="1g")


def up(folder: Path, num_workers: int = 2) -> State:
    """Start the cluster, wait until its slots are there, and return its state."""
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if (state := read_state(folder)) and any(is_alive(each) for each in state["processes"]):
        return state
    port, address = free_port(), f"{HOST}:{free_port()}"
    hosts = ("jobmanager.rpc.address", "jobmanager.bind-host", "taskmanager.bind-host", "taskmanager.host")
    settings = {
        **dict.fromkeys((*hosts, "rest.address", "rest.bind-address"), HOST),
        "jobmanager.rpc.port": port,
        "rest.port": address.split(":")[1],
        "taskmanager.numberOfTaskSlots": 1,
        "jobmanager.memory.process.size": "1024m",
        "heartbeat.timeout": 15000,
        "heartbeat.interval": 3000,
    }
    (folder / "flink-conf.yaml").write_text("".join(f"{name}: {value}\n" for name, value in settings.items()))
    processes = [start(folder, "job-manager", _JOB_MANAGER, "--executionMode", "cluster", heap="512m")]
    processes += [start_task_manager(folder, n + 1) for n in range(num_workers)]
    state = {"address": address, "processes": processes}
    write_state(folder, state)
    if not wait_for(lambda: slots(address) >= num_workers, processes):
        down(folder)
        sys.exit(f"Flink did not start within {START_SECONDS} s: see {folder}/*.log.")
    return state


def replace(folder: Path, pid: int) -> None:
    """Start a TaskManager in the place of one that was killed."""
    folder = folder.resolve()
    state = read_state(folder) or {}
    state["processes"] = [each for each in state["processes"] if each["pid"] != pid]
    number = len(list(folder.glob("task-manager-*.log"))) + 1
    state["processes"].append(start_task_manager(folder, number))
    write_state(folder, state)


def slots(address: str) -> int:
    """Return how many slots a cluster has; none where it doesn't answer yet."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{address}/overview", timeout=5) as answer:
            return int(json.loads(answer.read())["slots-total"])
    except (OSError, ValueError, KeyError):
        return 0


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["up", "down"])
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    if given.what == "up":
        state = up(given.folder)
        options = f"--runner flink --flink-master {state['address']} --flink-job-server-jar JAR"
        sys.stdout.write(f"http://{state['address']} is up; build on it: bertdata build-corpus … {options}\n")
    else:
        sys.stdout.write(f"Ended {down(given.folder.resolve())} processes.\n")


if __name__ == "__main__":
    main()
