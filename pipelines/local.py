"""Beam's FnApi runner with its worker processes under supervision. All that touches Beam's private classes is here
and in `pipelines.local_workers`.

The stock runner hangs for ever when a worker is killed, leaves orphans, listens on every interface and trusts whoever
comes, and shows no progress. Here the first error or death of any worker ends the run at once, workers die with
their parent, and the only door is a Unix socket in a folder that no other user can open.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import NoReturn

from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions, _BeamArgumentParser
from apache_beam.pipeline import Pipeline
from apache_beam.portability.api import beam_provision_api_pb2, beam_runner_api_pb2
from apache_beam.runners.portability.fn_api_runner import fn_runner, worker_handlers
from apache_beam.runners.portability.portable_runner import JobServiceHandle

from bertdata.errors import OptionError, require
from pipelines.local_workers import ENVIRONMENT, Provision, Run, Server


class LocalRunner(fn_runner.FnApiRunner):  # type: ignore[misc]
    """Runs a pipeline in this process (`workers` 1) or in worker processes that it supervises."""

    def __init__(self, workers: int, folder: str, log_dir: str | None = None) -> None:
        """`folder` is private and short-lived (`scratch_folder`); logs go to `log_dir`, or there."""
        super().__init__()
        self._workers = workers
        self._run = Run(folder, log_dir)

    def run_pipeline(self, pipeline: Pipeline, options: PipelineOptions) -> fn_runner.RunnerResult:
        """Run to the end; raise what the first failing worker raised, in Beam's wrapping."""
        direct = options.view_as(DirectOptions)
        # Without a mode Beam neither exchanges the environment nor warns that in_memory has several workers.
        direct.direct_running_mode, direct.direct_num_workers = None, self._workers
        encoded = JobServiceHandle.encode_pipeline_options(options.get_all_options())
        provision = beam_provision_api_pb2.ProvisionInfo(pipeline_options=encoded)
        self._provision_info = Provision(provision)
        self._provision_info.run = self._run
        try:
            with _own_server():
                return super().run_pipeline(pipeline, options)
        except Exception:
            if self._run.failure:  # What Beam met first may be a consequence, such as a stream that broke off.
                raise RuntimeError(self._run.failure) from None
            raise
        finally:
            self._run.stop_workers()

    def run_via_runner_api(
        self, pipeline_proto: beam_runner_api_pb2.Pipeline, options: PipelineOptions
    ) -> fn_runner.RunnerResult:
        """Put every step into the one environment, whatever resources it hints at: hints would start more workers."""
        for environment in pipeline_proto.components.environments.values():
            environment.ClearField("resource_hints")
            if self._workers > 1:
                environment.urn, environment.payload = ENVIRONMENT, b""
        return super().run_via_runner_api(pipeline_proto, options)

    def counters(self) -> dict[str, int]:
        """Return the counters as the workers last told them, and ask for newer ones; from any thread."""
        return self._run.counters()


def parse_beam_args(arguments: Sequence[str]) -> PipelineOptions:
    """Return Beam's options; it ignores arguments that it doesn't know, so a mistyped one is refused here.

    Raises OptionError.
    """
    parser = _Parser(allow_abbrev=False)
    for group in PipelineOptions.__subclasses__():
        group._add_argparse_args(parser)
    _, unknown = parser.parse_known_args(list(arguments))
    require(not unknown, f"Beam has no option {' '.join(unknown)}; see its PipelineOptions for those it has.")
    return PipelineOptions(list(arguments))


class _Parser(_BeamArgumentParser):  # type: ignore[misc]
    def error(self, message: str) -> NoReturn:
        raise OptionError(f"Beam refuses the arguments after --: {message}.")


@contextlib.contextmanager
def _own_server() -> Iterator[None]:
    """Have Beam build our server: it names its class in a module, and takes no other."""
    before, worker_handlers.GrpcServer = worker_handlers.GrpcServer, Server
    try:
        yield
    finally:
        worker_handlers.GrpcServer = before
