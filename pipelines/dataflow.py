"""Dataflow: jobs handed to Google's service by Beam's own runner; what a job would be can be shown without it."""

from __future__ import annotations

import hashlib
import importlib.util
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bertdata.errors import BuildError, OptionError, require
from bertdata.store import StorePath, as_path
from pipelines.attempts import RunFolders, describe_tries, find_error
from pipelines.notes import slice_files
from pipelines.problems import WorkerError, restore_error
from pipelines.progress import NAMESPACE

if TYPE_CHECKING:
    import apache_beam as beam

    from bertdata.records import Source

_POLL_SECONDS = 10.0
_IMAGE = "--sdk_container_image"
# What the service must know, and what is said where it doesn't.
_NEEDED = {
    "--project": "your Google Cloud project",
    "--region": "where its workers run, such as europe-west4",
    _IMAGE: "an image with bertdata in it, made by the Dockerfile of bertdata's repository",
}
# Each worker's libraries use one thread: one Python process a core does the rest. Main sessions would stage what the
# launching machine happens to have loaded; the image has all that a worker imports.
_OURS = ("--no_save_main_session", "--experiments=use_runner_v2")


_ONE_A_SLICE = ("extract", "vocab", "tokens")


@dataclass(frozen=True)
class DataflowOptions:
    """What the service is told of every job: Beam's own options as the user gave them, and what bertdata adds.

    Raises OptionError where something is missing that the service needs.
    """

    beam_args: tuple[str, ...]
    output: Path

    def __post_init__(self) -> None:
        for name, what in _NEEDED.items():
            require(self.given(name), f"--runner dataflow needs `-- {name}=…`: {what}.")

    def given(self, name: str) -> str | None:
        """Return the value of an option of Beam's, if it was given."""
        for at, word in enumerate(self.beam_args):
            if word.startswith(f"{name}="):
                return word.partition("=")[2]
            if word == name and at + 1 < len(self.beam_args):
                return self.beam_args[at + 1]
        return None

    def arguments(self, step: str, *, dry_run: bool = False) -> list[str]:
        """Return Beam's options for the job of a step.

        A job's name follows from its output and step: a second build into one folder meets it, and is refused.
        """
        defaults = {
            "--job_name": f"bertdata-{step}-{hashlib.sha256(str(self.output).encode()).hexdigest()[:8]}",
            "--temp_location": f"{self.output}/.work/dataflow/temp",
            "--staging_location": f"{self.output}/.work/dataflow/staging",
        }
        added = [f"{name}={value}" for name, value in defaults.items() if not self.given(name)]
        return ["--runner=DataflowRunner", *self.beam_args, *added, *_OURS, *(["--dry_run=True"] if dry_run else [])]


def dataflow_options(beam_args: Sequence[str], output: Path) -> DataflowOptions:
    """Check all that can be known before work starts, and return the options.

    Raises OptionError where this machine lacks Google's libraries, or the command line something; BuildError where the
    output is none that the service's workers can write.
    """
    options = DataflowOptions(tuple(beam_args), output)
    require(has_libraries(), "--runner dataflow needs Google's libraries: `pip install 'bertdata[gcp]'`.")
    if not str(output).startswith(("gs://", "gcs://")):
        raise BuildError(f"--output {output}: Dataflow's workers write to gs://BUCKET/FOLDER only.")
    return options


def has_libraries() -> bool:
    """Tell whether Beam's extra for Google Cloud is installed, by its parts that nothing else brings."""
    return all(importlib.util.find_spec(name) for name in ("apitools", "google_auth_httplib2"))


class DataflowSession(RunFolders):
    """One build on Dataflow: a job a step. Its workers read what they need of a run from the build's folder."""

    def __init__(self, options: DataflowOptions, say: Callable[[str], None]) -> None:
        super().__init__(options.output / ".work")
        self._options, self._say = options, say

    def close(self, *, at_once: bool) -> None:
        """Remove what the workers read; a job that still runs has been cancelled by `run`."""
        self.remove_folders()

    def run(
        self,
        build: Callable[[beam.Pipeline], None],
        beam_args: Sequence[str],
        folder: Path,
        tasks: Sequence[Any],
        on_progress: Callable[[dict[str, int]], None] | None,
        step: str = "tasks",
        seconds: float = math.inf,
    ) -> dict[str, int]:
        """Run a pipeline to its end and return its counters.

        Raises what a task raised, else WorkerError where the service gives up; OptionError where a source lies on this
        machine.
        """
        del seconds  # The service bundles tasks by itself.
        for task in tasks:
            for path in slice_files(task):
                if not isinstance(as_path(path), StorePath):
                    where = "on this machine, where Dataflow's workers can't read it"
                    raise OptionError(f"{path} lies {where}: copy it to gs://BUCKET/FOLDER.")
        pipeline = make_pipeline(build, self._options.arguments(step))
        try:
            result = pipeline.run()
        except Exception as error:
            raise WorkerError(f"Dataflow did not take the job: {' '.join(str(error).split())[:300]}") from error
        where = f"{self._options.given('--region')}/{result.job_id()}?project={self._options.given('--project')}"
        self._say(f"Dataflow's own page: https://console.cloud.google.com/dataflow/jobs/{where}")
        try:
            while not result.is_in_terminal_state():
                if problem := find_error(folder):
                    raise problem
                if on_progress:
                    on_progress(read_metrics(result))
                time.sleep(_POLL_SECONDS)
        except BaseException:
            result.cancel()
            raise
        if result.state != "DONE":
            raise find_error(folder) or _failure(result, describe_tries(folder, tasks))
        return read_metrics(result)


def _failure(result: Any, tries: str) -> BaseException:
    kept = "What is finished is kept: run the same command again."
    try:
        result.wait_until_finish()
    except Exception as error:
        if (original := restore_error(error)) is not error:
            return original
        said = " ".join(str(error).split())[:300]
        return WorkerError(f"Dataflow gave up ({said}{tries}). {kept}")
    return WorkerError(
        f"Dataflow's job ended as {result.state}{tries}. What is finished is kept: run the same command again."
    )


def read_metrics(result: Any) -> dict[str, int]:
    """Return bertdata's counters of a job so far."""
    from apache_beam.metrics import MetricsFilter

    found = result.metrics().query(MetricsFilter().with_namespace(NAMESPACE))["counters"]
    return {each.key.metric.name: int(each.committed or each.attempted or 0) for each in found}


def make_pipeline(build: Callable[[beam.Pipeline], None], arguments: Sequence[str]) -> beam.Pipeline:
    """Return a pipeline that `build` has filled, with its options.

    Raises OptionError for an option that Beam doesn't have.
    """
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions

    pipeline = beam.Pipeline(options=PipelineOptions(list(arguments)))
    Path(pipeline.local_tempdir).rmdir()  # Of a pipeline that is only shown it would stay.
    build(pipeline)
    return pipeline


@dataclass(frozen=True)
class Job:
    """A job as the service would get it: the size of its graph, what it attempts, where its workers come from."""

    step: str
    name: str
    num_bytes: int
    num_tasks: int
    image: str
    staged: tuple[str, ...]
    transforms: tuple[str, ...]


def describe_job(step: str, num_tasks: int, options: DataflowOptions, folder: str, *, gathers: bool = False) -> Job:
    """Build the job of a step as it would be handed over, and describe it; nothing leaves this machine.

    `folder` is where its workers would read their tasks.
    """
    from apache_beam.options.pipeline_options import GoogleCloudOptions
    from apache_beam.portability.api import beam_runner_api_pb2

    from pipelines.engine_tasks import run_on_engine

    def build(pipeline: beam.Pipeline) -> None:
        run_on_engine(pipeline, folder, None, gathers=gathers)

    pipeline = make_pipeline(build, options.arguments(step, dry_run=True))
    graph = pipeline.run().job.proto_pipeline
    environments = graph.components.environments.values()
    images = {beam_runner_api_pb2.DockerPayload.FromString(each.payload).container_image for each in environments}
    role = beam_runner_api_pb2.ArtifactStagingToRolePayload
    artifacts = {
        role.FromString(artifact.role_payload).staged_name for each in environments for artifact in each.dependencies
    }
    top = top_names(graph)
    job_name = pipeline.options.view_as(GoogleCloudOptions).job_name
    return Job(step, job_name, graph.ByteSize(), num_tasks, ", ".join(sorted(images)), tuple(sorted(artifacts)), top)


def top_names(graph: Any) -> tuple[str, ...]:
    """Return the names of a graph's outermost transforms, in the order of the pipeline."""
    transforms = graph.components.transforms
    ids = list(graph.root_transform_ids)
    while len(ids) == 1 and transforms[ids[0]].subtransforms:
        ids = list(transforms[ids[0]].subtransforms)
    return tuple(transforms[each].unique_name for each in ids)


def plan_jobs(
    sources: Sequence[Source], beam_args: Sequence[str], output: Path, shuffle: str, lengths: Sequence[int]
) -> list[Job]:
    """Return the jobs of a build, none of which is started; the sources are read as far as planning needs.

    Each slice becomes one documents file, or none. How many shards there will be follows from text that isn't there
    yet, so the examples jobs are described for one.
    """
    from bertdata.extract.slices import plan_slices

    options = dataflow_options(beam_args, output)
    num_slices = len(plan_slices(sources))
    folder = f"{output}/.work/engine-00000000"
    jobs = [describe_job(step, num_slices, options, f"{folder}/{n}") for n, step in enumerate(_ONE_A_SLICE, 1)]
    gathers = shuffle == "engine"
    return jobs + [describe_job(f"examples-{n}", 1, options, f"{folder}/4", gathers=gathers) for n in lengths]
