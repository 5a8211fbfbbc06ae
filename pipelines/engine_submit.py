"""A pipeline handed to a job server, and what becomes of it. What touches Beam's portable runner is here."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import apache_beam as beam
import grpc
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability.api import beam_job_api_pb2, beam_job_api_pb2_grpc
from apache_beam.runners.portability import portable_runner
from apache_beam.transforms import environments

_STATES = beam_job_api_pb2.JobState
_OVER = (_STATES.DONE, _STATES.FAILED, _STATES.CANCELLED)
_SECONDS_TO_ANSWER, _SECONDS_TO_CANCEL = 60.0, 10.0


@dataclass(frozen=True)
class State:
    """Whether a job is over, and how."""

    over: bool
    succeeded: bool


class Job:
    """A job that runs on an engine."""

    def __init__(self, service: beam_job_api_pb2_grpc.JobServiceStub, job_id: str) -> None:
        self._service, self._id = service, job_id
        self._errors: list[str] = []
        self._listener = threading.Thread(target=self._listen, name="bertdata-job-messages", daemon=True)
        self._listener.start()

    def state(self) -> State:
        """Ask the job server for the job's state; one that is gone has failed the job."""
        request = beam_job_api_pb2.GetJobStateRequest(job_id=self._id)
        try:
            state = self._service.GetState(request, timeout=_SECONDS_TO_ANSWER).state
        except grpc.RpcError:
            return State(over=True, succeeded=False)
        return State(state in _OVER, state == _STATES.DONE)

    def cancel(self) -> None:
        """Have the engine end the job, if it still can be asked to."""
        with contextlib.suppress(grpc.RpcError):
            self._service.Cancel(beam_job_api_pb2.CancelJobRequest(job_id=self._id), timeout=_SECONDS_TO_CANCEL)

    def error(self) -> str:
        """Return the first line of the last error that the engine told."""
        self._listener.join(5)
        lines = [line for line in self._errors if line.strip()] or ["no reason was given"]
        return lines[-1].splitlines()[0]

    def _listen(self) -> None:
        try:
            for message in self._service.GetMessageStream(beam_job_api_pb2.JobMessagesRequest(job_id=self._id)):
                said = message.message_response
                if said.importance >= beam_job_api_pb2.JobMessage.JOB_MESSAGE_ERROR:
                    self._errors.append(said.message_text)
        except grpc.RpcError:
            pass  # The server has ended; `state` tells.


def submit(
    build: Callable[[beam.Pipeline], None],
    endpoint: str,
    arguments: Sequence[str],
    boot: str,
    environment: dict[str, str],
) -> Job:
    """Build a pipeline and start it; `boot` is what the engine's machines start Python workers by."""
    options = PipelineOptions(list(arguments))
    runner = _Runner(boot, environment)
    pipeline = beam.Pipeline(runner=runner, options=options)
    Path(pipeline.local_tempdir).rmdir()  # Beam removes it where it runs the pipeline, which happens elsewhere.
    build(pipeline)
    graph = runner._optimize_pipeline(pipeline.to_runner_api(default_environment=runner.environment), options)
    channel = grpc.insecure_channel(
        endpoint, options=[("grpc.max_send_message_length", -1), ("grpc.enable_http_proxy", 0)]
    )
    service = beam_job_api_pb2_grpc.JobServiceStub(channel)
    job_id, _, _ = portable_runner.JobServiceHandle(service, options).submit(graph)
    return Job(service, job_id)


class _Runner(portable_runner.PortableRunner):  # type: ignore[misc]
    """Beam's portable runner, asked for its graph only."""

    def __init__(self, boot: str, environment: dict[str, str]) -> None:
        super().__init__()
        capabilities = environments.python_sdk_capabilities()
        # No artifacts: workers have bertdata installed, which `engine_boot` checks.
        self.environment = environments.ProcessEnvironment(boot, env=environment, capabilities=capabilities)
