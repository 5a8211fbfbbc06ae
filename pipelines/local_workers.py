"""The far side of the local runner: one door for its workers, their streams under watch, each from start to end.

All of it stands in for private classes of Beam (`worker_handlers`, `data_plane`): see `pipelines.local`.
"""

from __future__ import annotations

import collections
import contextlib
import queue
import threading
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import grpc
from apache_beam.portability.api import beam_fn_api_pb2, beam_fn_api_pb2_grpc, endpoints_pb2
from apache_beam.runners.portability import portable_metrics
from apache_beam.runners.portability.fn_api_runner import fn_runner, worker_handlers
from apache_beam.runners.worker import data_plane
from apache_beam.utils import thread_pool_executor
from google.protobuf import json_format, text_format

from bertdata.errors import BuildError
from pipelines.notes import WORKER_LOG, take_note
from pipelines.problems import WorkerError, carry_error, describe_exit
from pipelines.progress import NAMESPACE
from pipelines.spawner import last_line, warm_spawner

ENVIRONMENT = "bertdata:env:supervised:v1"

# How long a worker may take to leave after its last bundle (measured: 0.2 s) before it is killed.
_SECONDS_TO_LEAVE = 5.0

# As Beam's own server: no limit on message size here, the data plane has its own; and pings are welcome.
_SERVER_OPTIONS = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.http2.min_ping_interval_without_data_ms", 20_000),
]


def user_counters(infos: Iterable[Any]) -> dict[str, int]:
    """Return our counters of a bundle, added up over its steps."""
    total: collections.Counter[str] = collections.Counter()
    for key, value in portable_metrics.from_monitoring_infos(infos, user_metrics_only=True)[0].items():
        if key.metric.namespace == NAMESPACE:
            total[key.metric.name] += value
    return dict(total)


class Provision(fn_runner.ExtendedProvisionInfo):  # type: ignore[misc]
    """Carries the run to the server, which Beam builds."""

    run: Run

    def for_environment(self, environment: Any) -> Provision:
        return self


class Run:
    """What the server, the connections and the workers of one run share."""

    def __init__(self, folder: str, log_dir: str | None) -> None:
        self.folder, self.log_dir = folder, log_dir
        self.failure = self.answer = ""
        self.workers: list[_Worker] = []
        self._bundles: dict[str, dict[str, int]] = {}

    def fail(self, message: str) -> None:
        """End every bundle of every worker with this error; the first one is the run's."""
        self.failure = self.failure or message
        self._answer_all(self.failure)

    def _answer_all(self, message: str) -> None:
        self.answer = self.answer or message
        for worker in list(self.workers):
            worker.control_conn.fail(self.answer)
            worker.data_conn.wake()

    def update(self, bundle: str, infos: Iterable[Any]) -> None:
        self._bundles[bundle] = user_counters(infos)

    def counters(self) -> dict[str, int]:
        for worker in list(self.workers):
            worker.control_conn.poll()
        total: collections.Counter[str] = collections.Counter()
        for counters in list(self._bundles.values()):
            total.update(counters)
        return dict(total)

    def stop_workers(self) -> None:
        """Let idle workers leave, all at once; kill those that are busy, and all after a failure."""
        for worker in self.workers:
            worker.ask_to_leave()
        # Beam's threads that wait for a bundle are let go. No failure: what stopped the run is raised where it came up.
        self._answer_all("The run was stopped.")
        for worker in self.workers:
            worker.see_off()
        self.workers = []


class _Connection(worker_handlers.ControlConnection):  # type: ignore[misc]
    """A worker's control stream: an error in any bundle ends the run, and progress is noted in passing."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self._read_thread.daemon = True
        self._run = run
        self._bundles: set[str] = set()
        self._asked: dict[str, str] = {}
        self._num_asked = 0

    @property
    def idle(self) -> bool:
        """Whether the worker has come, and has no bundle to run."""
        return self._input is not None and not self._bundles

    def push(self, request: Any) -> Any:
        future = super().push(request)
        if future is not None and request.HasField("process_bundle"):
            self._bundles.add(request.instruction_id)
        if self._run.answer:  # A worker that died before this request.
            self.fail(self._run.answer)
        return future

    def poll(self) -> None:
        """Ask for the running bundles' counters, unless a question is open: C code may hold the worker for long."""
        for bundle in self._bundles.difference(self._asked.values()) if self._input is not None else ():
            self._num_asked += 1
            question = f"progress_{self._num_asked}"
            self._asked[question] = bundle
            progress = beam_fn_api_pb2.ProcessBundleProgressRequest(instruction_id=bundle)
            super().push(beam_fn_api_pb2.InstructionRequest(instruction_id=question, process_bundle_progress=progress))

    def fail(self, message: str) -> None:
        """Answer all that is open with an error."""
        for key in list(self._futures_by_id):
            if (future := self._futures_by_id.pop(key, None)) is not None:
                # An error response, not `abort`: Beam's loop over a bundle's output never looks at that.
                future.set(beam_fn_api_pb2.InstructionResponse(instruction_id=key, error=message))

    def _read(self) -> None:
        for response in _until_gone(self._input):
            future = self._futures_by_id.pop(response.instruction_id, None)
            self._note(response)
            if future is not None:
                future.set(response)

    def _note(self, response: Any) -> None:
        bundle = self._asked.pop(response.instruction_id, None)
        if bundle in self._bundles and not response.error:
            self._run.update(bundle, response.process_bundle_progress.monitoring_infos)
        elif response.instruction_id in self._bundles:
            self._bundles.discard(response.instruction_id)
            if response.error:
                self._run.fail(response.error)
            else:
                self._run.update(response.instruction_id, response.process_bundle.monitoring_infos)


class _DataChannel(data_plane._GrpcDataChannel):  # type: ignore[misc]
    """A worker's data stream, which ends without a word when the worker does."""

    def _read_inputs(self, elements: Iterable[Any]) -> None:
        super()._read_inputs(_until_gone(elements))

    def wake(self) -> None:
        """End the wait for a bundle's output, which looks for an error only once a second otherwise."""
        for received in list(self._received.values()):
            with contextlib.suppress(queue.Full):
                received.put(None, 0, block=False)  # Not an element: the waiting thread raises.


def _until_gone(messages: Iterable[Any]) -> Iterator[Any]:
    with contextlib.suppress(grpc.RpcError):
        yield from messages


class Server(worker_handlers.GrpcServer):  # type: ignore[misc]
    """Control, data and state for the workers on one Unix socket. (Beam's opens four ports on every interface.)"""

    def __init__(self, state: Any, provision_info: Provision, worker_manager: Any) -> None:
        self.run = provision_info.run
        self.address = f"unix:{self.run.folder}/runner"
        self.control_port = self.data_port = self.state_port = self.logging_port = 0
        self.control_handler = worker_handlers.BeamFnControlServicer(worker_manager)
        self.control_handler._connections_by_worker_id = collections.defaultdict(lambda: _Connection(self.run))
        self.data_plane_handler = data_plane.BeamFnDataServicer()
        self.data_plane_handler._connections_by_worker_id = collections.defaultdict(
            lambda: _DataChannel(worker_handlers.DATA_BUFFER_TIME_LIMIT_MS)
        )
        self._server = grpc.server(thread_pool_executor.shared_unbounded_instance(), options=_SERVER_OPTIONS)
        beam_fn_api_pb2_grpc.add_BeamFnControlServicer_to_server(self.control_handler, self._server)
        beam_fn_api_pb2_grpc.add_BeamFnDataServicer_to_server(self.data_plane_handler, self._server)
        beam_fn_api_pb2_grpc.add_BeamFnStateServicer_to_server(worker_handlers.GrpcStateServicer(state), self._server)
        try:
            self._server.add_insecure_port(self.address)
        except RuntimeError as error:
            raise BuildError(
                f"{self.run.folder} can't hold a socket: set TMPDIR to a folder on a local disk."
            ) from error
        self._server.start()

    def close(self) -> None:
        self.control_handler.done()
        self._server.stop(0.5).wait()


@worker_handlers.WorkerHandler.register_environment(ENVIRONMENT, bytes)  # type: ignore[untyped-decorator]
class _Worker(worker_handlers.GrpcWorkerHandler):  # type: ignore[misc]
    """One worker process, from its start to its end."""

    def __init__(self, payload: bytes, state: Any, provision_info: Provision, grpc_server: Server) -> None:
        super().__init__(state, provision_info, grpc_server)
        self._run = grpc_server.run
        self._run.workers.append(self)
        self._name = f"{self.worker_id}-{uuid.uuid4().hex}"
        self._log = str(Path(self._run.log_dir or self._run.folder) / f"worker_{len(self._run.workers) - 1}.log")
        self._leaving = False
        self._gone = threading.Event()

    def port_from_worker(self, port: int) -> str:
        return str(self._grpc_server.address)

    def start_worker(self) -> None:
        control = endpoints_pb2.ApiServiceDescriptor(url=self._grpc_server.address)
        environment = {
            "WORKER_ID": self.worker_id,
            "CONTROL_API_SERVICE_DESCRIPTOR": text_format.MessageToString(control),
            "PIPELINE_OPTIONS": json_format.MessageToJson(self.provision_info.provision_info.pipeline_options),
            "no_grpc_proxy": "*",
            WORKER_LOG: self._log,
        }
        self._spawner = warm_spawner()
        self._spawner.start(self._name, environment, self._log, self._on_exit)

    def _on_exit(self, pid: int, returncode: int) -> None:
        if not self._leaving:
            self._run.fail(carry_error(self._error(pid, returncode)))
        self._gone.set()

    def _error(self, pid: int, returncode: int) -> WorkerError:
        what = f"Worker process {pid or ''} {describe_exit(returncode)}".replace("  ", " ")
        if task := take_note(self._log):
            what += f", at work on {task}"
        words = self._spawner.last_words
        with contextlib.suppress(OSError), Path(self._log).open("rb") as log:
            said = last_line(log)
            # Of a killed worker the log's end is chance, but for the watch on pages, which says whom it kills and why.
            words = words or (said if returncode > 0 or "this is a bug" in said else "")
        where = f" (its log: {self._log})" if self._run.log_dir else ""
        advice = "Run the same command again" + (", with fewer --workers if memory is short" if returncode < 0 else "")
        return WorkerError(f"{what}{f', saying: {words}' if words else ''}{where}. {advice}.")

    def close(self) -> None:
        self._run.stop_workers()

    def ask_to_leave(self) -> None:
        """Close the worker's streams, which ends it; kill it where that would wait for its work."""
        self._leaving = True
        if self._run.failure or not self.control_conn.idle:
            self._spawner.kill(self._name)
            return
        self.control_conn.push(worker_handlers.BeamFnControlServicer._DONE_MARKER)
        with contextlib.suppress(Exception):  # It has just died: there is nothing left to close.
            self.data_conn.close()

    def see_off(self) -> None:
        """Wait for the worker's end."""
        if not self._gone.wait(_SECONDS_TO_LEAVE):
            self._spawner.kill(self._name)
            self._gone.wait(_SECONDS_TO_LEAVE)
        take_note(self._log)
