"""Spark: what it needs, how it is set to outlive lost processes, and what the lines of its driver mean."""

from __future__ import annotations

import importlib.util
import os
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bertdata.errors import BuildError, OptionError, require
from pipelines.java import LEAN, OPENS, check_jar, fetch_released_jar, find_java

_MAIN = "org.apache.beam.runners.spark.SparkJobServerDriver"
_SPARK = "org.apache.spark.SparkContext"
_SERIES = "3.5"
_SECONDS_TO_CONNECT = 10.0
# Spark starts a task a partition. More partitions than bundles cost milliseconds each; above some thousands it is the
# driver that is slow, and a partition of several tasks is as good: those that are finished aren't run again.
_FEWEST_PARTITIONS, _MOST_PARTITIONS = 8, 4096

# A killed Python worker fails every task that its executor is sent until that executor is gone, four times within a
# second: so one failure is enough to end an executor, and a task is tried more often than Spark's four times. The
# limits of a whole machine stay below the tries of a task, or Spark refuses them.
_SURVIVAL = {
    "spark.task.maxFailures": "10",
    "spark.excludeOnFailure.enabled": "true",
    "spark.excludeOnFailure.killExcludedExecutors": "true",
    "spark.excludeOnFailure.task.maxTaskAttemptsPerExecutor": "1",
    "spark.excludeOnFailure.stage.maxFailedTasksPerExecutor": "1",
    "spark.excludeOnFailure.application.maxFailedTasksPerExecutor": "1",
    "spark.excludeOnFailure.task.maxTaskAttemptsPerNode": "8",
    "spark.excludeOnFailure.stage.maxFailedExecutorsPerNode": "8",
    "spark.excludeOnFailure.application.maxFailedExecutorsPerNode": "8",
}
# Idle Python workers are ended after this long: within a step there is always a next task before.
_WORKER_IDLE_MILLIS = 30_000
# One Python process serves an executor, so an executor of several cores would leave all but one idle.
_SHAPE = {
    "spark.executor.cores": "1",
    "spark.executor.memory": "1g",
    "spark.executor.extraJavaOptions": " ".join(LEAN),
}


def num_partitions(num_bundles: int) -> int:
    """Return how many partitions Spark deals a pipeline's tasks to, by turns."""
    return min(max(num_bundles, _FEWEST_PARTITIONS), _MOST_PARTITIONS)


@dataclass(frozen=True)
class SparkEngine:
    """A Spark cluster at `where` and what this machine has to speak to it. Made by `spark_engine`."""

    where: str
    java: str
    jar: Path
    spark_jars: Path | None
    spark_version: str
    address: str
    cores: int | None = None
    jvm_properties: tuple[str, ...] = ()
    name: str = "Spark"
    outlives_driver: bool = False
    resubmissions: int = 0

    def command(self, num_bundles: int, folder: Path) -> list[str]:
        """Return the job server's command line; the user's JVM properties come last, and so win."""
        settings = {
            **_SURVIVAL,
            **_SHAPE,
            "spark.default.parallelism": str(num_partitions(num_bundles)),
            "spark.driver.host": self.address,
            "spark.driver.bindAddress": self.address,
            # One application serves all steps; else each would start executors of its own.
            "beam.spark.test.reuseSparkContext": "true",
            # Until Spark has set up its own, or the line that names the server's port is not written.
            "org.apache.logging.log4j.level": "INFO",
        }
        if self.cores:
            settings["spark.cores.max"] = str(self.cores)
        properties = [f"-D{name}={value}" for name, value in settings.items()]
        classes = [str(self.jar), *([f"{self.spark_jars}/*"] if self.spark_jars else [])]
        ports = ["--job-host=localhost", "--job-port=0", "--artifact-port=0", "--expansion-port=-1"]
        return [
            *(self.java, "-Xmx1g", *LEAN, *OPENS, *properties, *self.jvm_properties),
            *("-cp", ":".join(classes), _MAIN, f"--spark-master-url={self.where}", *ports),
        ]

    def environment(self) -> dict[str, str]:
        """Have Spark's own page listen where its driver does, not everywhere."""
        return {"SPARK_LOCAL_IP": self.address}

    def pipeline_options(self) -> list[str]:
        """Stage the job server's jar alone (else its whole class path), and keep results that memory can't hold."""
        idle = f"--environment_cache_millis={_WORKER_IDLE_MILLIS}"
        return [f"--files_to_stage={self.jar}", "--storage_level=MEMORY_AND_DISK", idle]

    def sends_tasks(self, line: str) -> bool:
        """Tell whether a line says that executors have been sent work."""
        return "TaskSetManager - Starting task" in line

    @property
    def when_silent(self) -> str:
        """Return why executors might start no Python worker: those of 3.4 take a task of 3.5 and are silent."""
        return (
            f"A cluster of another Spark version than {self.spark_version}, which is here, behaves like that: its own "
            "page shows its version; `pip install pyspark==VERSION` or SPARK_HOME changes this side's."
        )

    def page(self, line: str) -> str | None:
        """Find the address of the application's page."""
        match = re.search(r"started service 'SparkUI' on port (\d+)", line)
        return f"http://{self.address}:{match[1]}" if match else None

    def remark(self, line: str) -> str | None:
        """Say that the cluster has no room, and what happened to an executor."""
        if "Initial job has not accepted any resources" in line:
            cores, memory = self._setting("spark.executor.cores"), self._setting("spark.executor.memory")
            wanted = "a core" if cores == "1" else f"{cores} cores"
            return f"Waiting for {self.where}: it has no free worker with {wanted} and {memory} of memory."
        return None

    def _setting(self, name: str) -> str:
        """Return a setting of executors: the user's, the last of which wins, else ours."""
        given = [each.partition("=")[2] for each in self.jvm_properties if each.startswith(f"-D{name}=")]
        return given[-1] if given else _SHAPE[name]

    def problem(self, line: str) -> str | None:
        """Say what ends a run, where Spark's line says it in its own way."""
        if "All masters are unresponsive" in line:
            return (
                f"{self.where} does not answer as a Spark {self.spark_version} master: is it one, and of that version? "
                f"(Its own page shows its version; `pip install pyspark==VERSION` or SPARK_HOME changes this side's.)"
            )
        if re.search(r"InvalidClassException.*local class incompatible|incompatible.*serialVersionUID", line):
            return (
                f"{self.where} runs another version of Spark than {self.spark_version}, which is here: "
                "install the cluster's (`pip install pyspark==VERSION`), or set SPARK_HOME to it."
            )
        return None


def spark_engine(
    master: str | None, jar: str | None, cores: int | None = None, jvm_properties: Iterable[str] = ()
) -> SparkEngine:
    """Check all that can be known before work starts, and return the engine.

    Raises OptionError for what the command line or this machine lacks, BuildError where nothing answers at `master`.
    """
    require(master, "--runner spark needs --spark-master spark://HOST:7077, its master's address.")
    assert master is not None
    hosts = master_addresses(master)
    java = find_java()
    address = reach(hosts, master)  # Before a jar of 100 MB is fetched.
    checked, held = check_jar(
        jar or fetch_released_jar("Spark", "spark:3", "--spark-job-server-jar"), "--spark-job-server-jar", _MAIN, _SPARK
    )
    jars, version = (None, _SERIES) if _SPARK in held else spark_jars()
    return SparkEngine(master, java, checked, jars, version, address, cores, tuple(jvm_properties))


def master_addresses(master: str) -> list[tuple[str, int]]:
    """Return the hosts and ports of a master's URL, which may name several for one that stands by.

    >>> master_addresses("spark://one:7077,two:7078")
    [('one', 7077), ('two', 7078)]

    Raises OptionError.
    """
    wrong = OptionError(f"--spark-master {master}: it must read spark://HOST:PORT, as Spark's own page has it.")
    if not master.startswith("spark://"):
        raise wrong
    found = []
    for part in master[len("spark://") :].split(","):
        try:
            url = urlsplit(f"spark://{part}")
            if url.hostname is None or url.port is None or url.path:
                raise wrong
            found.append((url.hostname, url.port))
        except ValueError as error:
            raise wrong from error
    return found


def reach(hosts: list[tuple[str, int]], master: str) -> str:
    """Connect to one of the hosts and return this machine's address as it is seen from there.

    Raises BuildError where none answers.
    """
    problem: OSError | None = None
    for host in hosts:
        try:
            with socket.create_connection(host, _SECONDS_TO_CONNECT) as connection:
                return str(connection.getsockname()[0])
        except OSError as error:
            problem = error
    raise BuildError(
        f"No Spark master answers at {master} ({(problem and problem.strerror) or problem}): start one, or "
        "name another with --spark-master."
    )


def spark_jars() -> tuple[Path, str]:
    """Return the folder of Spark's jars on this machine, SPARK_HOME's or pyspark's, and their version.

    Raises OptionError where there is none, or one of another series than Beam's runner was made for.
    """
    home = os.environ.get("SPARK_HOME")
    if home is None:
        spec = importlib.util.find_spec("pyspark")
        require(
            spec is not None and spec.submodule_search_locations,
            "--runner spark needs Spark on this machine too: `pip install 'bertdata[spark]'`, or set SPARK_HOME.",
        )
        assert spec is not None and spec.submodule_search_locations
        home = spec.submodule_search_locations[0]
    jars = Path(home) / "jars"
    cores = sorted(jars.glob("spark-core_*.jar"))
    require(cores, f"No Spark at {home}: it has no jars/spark-core_*.jar. Set SPARK_HOME to where Spark is.")
    version = cores[0].stem.split("-")[-1]
    require(
        version.startswith(f"{_SERIES}."),
        f"{home} is Spark {version}, and {_SERIES} is needed: `pip install 'pyspark=={_SERIES}.*'`, or set SPARK_HOME.",
    )
    return jars, version
