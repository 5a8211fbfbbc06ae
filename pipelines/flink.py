"""Flink: a cluster that is asked before work starts, or an embedded one in the job server's own process."""

from __future__ import annotations

import json
import os
import re
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bertdata.errors import BuildError, OptionError, require
from pipelines.java import LEAN, OPENS, check_jar, fetch_released_jar, find_java

EMBEDDED = "[local]"
_MAIN = "org.apache.beam.runners.flink.FlinkJobServerDriver"
_VERSION_FILE = ".flink-runtime.version.properties"
_EMBEDDED_SERIES = "1.19"
_SECONDS_TO_ANSWER = 10.0
# A batch job that lost a process ends at once, unless the cluster's own settings say otherwise (a job's own aren't
# heard): it is sent again, and finds done what is finished. One whose driver was lost is ended, by these settings.
_LEAVING = {
    "execution.attached": "true",
    "execution.shutdown-on-attached-exit": "true",
    "client.heartbeat.timeout": "60000",
}
# Flink deals Python workers to the slots of all stages of a job, of which there are so many, by turns, in the order in
# which they come: with one worker a slot, two slots of one stage would have the same one now and then.
_STAGES = 4
# An embedded Flink holds all workers' shuffles, a job server only descriptors.
_EMBEDDED_MEMORY, _MEMORY = "2g", "1g"


@dataclass(frozen=True)
class FlinkEngine:
    """A Flink cluster at `where` (its REST address, or embedded), and what speaks to it. Made by `flink_engine`."""

    where: str
    java: str
    jar: Path
    parallelism: int
    workers_per_process: int
    jvm_properties: tuple[str, ...] = ()
    name: str = "Flink"
    outlives_driver: bool = True
    resubmissions: int = 5
    when_silent: str = ""

    def command(self, num_bundles: int, folder: Path) -> list[str]:
        """Return the job server's command line; the user's JVM properties come last, and so win."""
        settings = "".join(f"{name}: {value}\n" for name, value in _LEAVING.items())
        (folder / "flink-conf.yaml").write_text(settings, encoding="utf-8")
        memory = _EMBEDDED_MEMORY if self.where == EMBEDDED else _MEMORY
        ports = ["--job-host=localhost", "--job-port=0", "--artifact-port=0", "--expansion-port=-1"]
        # Else the line that names the server's port is not written.
        level = "-Dorg.apache.logging.log4j.level=INFO"
        return [
            *(self.java, f"-Xmx{memory}", *LEAN, *OPENS, level, *self.jvm_properties),
            *("-cp", str(self.jar), _MAIN, f"--flink-master={self.where}", f"--flink-conf-dir={folder}", *ports),
        ]

    def environment(self) -> dict[str, str]:
        """Return nothing: what Flink needs is on its command line."""
        return {}

    def pipeline_options(self) -> list[str]:
        """Stage the job server's jar alone, have enough Python workers, and keep none that may be dead."""
        return [
            *(f"--files_to_stage={self.jar}", f"--parallelism={self.parallelism}"),
            *(f"--sdk_worker_parallelism={_STAGES * self.workers_per_process}", "--environment_cache_millis=0"),
        ]

    def sends_tasks(self, line: str) -> bool:
        """Return False: a cluster's version is known beforehand, so its silence has another reason."""
        return False

    def page(self, line: str) -> str | None:
        """Return the address of the cluster's page."""
        return None if self.where == EMBEDDED else f"http://{self.where}"

    def remark(self, line: str) -> str | None:
        """Say that the cluster has no room."""
        if "Could not acquire the minimum required resources" in line:
            return f"{self.where} has no {self.parallelism} free slots: waiting for them."
        return None

    def problem(self, line: str) -> str | None:
        """Say what ends a run, where Flink's line says it in its own way."""
        if re.search(r"InvalidClassException|NoSuchMethodError.*flink", line):
            return f"{self.where} runs another Flink than {self.jar} is made for: name one with --flink-job-server-jar."
        return None


def flink_engine(
    master: str | None, jar: str | None, workers: int = 0, jvm_properties: Iterable[str] = ()
) -> FlinkEngine:
    """Check all that can be known before work starts, and return the engine; `workers` is 0 for all that it has.

    Raises OptionError for what the command line or this machine lacks, BuildError where no Flink answers at `master`,
    or one that has no slots or another version than the job server's.
    """
    require(
        master,
        "--runner flink needs --flink-master HOST:PORT, the address of its own page, or --flink-master '[local]'.",
    )
    assert master is not None
    java = find_java()
    if master == EMBEDDED:
        checked = _check(jar or fetch_released_jar("Flink", f"flink:{_EMBEDDED_SERIES}", "--flink-job-server-jar"))[0]
        workers = workers or len(os.sched_getaffinity(0))
        return FlinkEngine(master, java, checked, workers, workers, tuple(jvm_properties))
    master = master.removeprefix("http://").rstrip("/")
    require(re.fullmatch(r"[^/:\s]+:\d+", master), f"--flink-master {master}: it must read HOST:PORT, or [local].")
    overview = ask(master)
    series = ".".join(str(overview["flink-version"]).split(".")[:2])
    checked, made_for = _check(jar or fetch_released_jar("Flink", f"flink:{series}", "--flink-job-server-jar"))
    if made_for.split(".")[:2] != series.split("."):
        raise BuildError(
            f"{master} is Flink {overview['flink-version']}, and {checked} is made for {made_for}: "
            "name the job server of the cluster's version with --flink-job-server-jar."
        )
    slots, machines = int(overview["slots-total"]), int(overview["taskmanagers"])
    if not slots:
        raise BuildError(f"Flink at {master} has no TaskManager: start one, then run the same command again.")
    used = min(workers or slots, slots)
    return FlinkEngine(master, java, checked, used, -(-slots // machines), tuple(jvm_properties))


def ask(master: str) -> dict[str, Any]:
    """Return what a Flink cluster says of itself.

    Raises BuildError where none answers, or something else does.
    """
    try:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://{master}/overview", timeout=_SECONDS_TO_ANSWER) as answer:
            overview = json.loads(answer.read())
        if not isinstance(overview, dict) or not {"flink-version", "slots-total", "taskmanagers"} <= overview.keys():
            raise ValueError("it doesn't tell its version")
        return overview
    except urllib.error.URLError as error:
        why: object = getattr(error.reason, "strerror", None) or error.reason
    except (OSError, ValueError) as error:
        why = error
    raise BuildError(f"No Flink answers at {master} ({why}): start one, or name another with --flink-master.")


def _check(path: str) -> tuple[Path, str]:
    """Return a job server's jar, and the version of the Flink that it holds."""
    jar, _ = check_jar(path, "--flink-job-server-jar", _MAIN)
    try:
        with zipfile.ZipFile(jar) as archive:
            said = archive.read(_VERSION_FILE).decode()
    except KeyError:
        raise OptionError(
            f"--flink-job-server-jar {path} holds no Flink: it needs the one that it speaks to."
        ) from None
    match = re.search(r"^project\.version=(\S+)", said, re.MULTILINE)
    return jar, match[1] if match else ""
