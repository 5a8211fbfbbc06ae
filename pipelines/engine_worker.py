"""A Python worker of an engine: Beam's harness, with its counters kept."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import sys
from collections.abc import Sequence

import grpc
from apache_beam.portability.api import beam_provision_api_pb2, beam_provision_api_pb2_grpc, endpoints_pb2
from apache_beam.runners.worker import sdk_worker_main
from google.protobuf import json_format, text_format

from bertdata.store import as_path
from pipelines.attempts import keeping_counters

_SECONDS_TO_CONNECT = 60.0


def work(arguments: Sequence[str], folder: str) -> None:
    """Serve the engine that gave these arguments until it lets go; `folder` is the run's, which the driver reads."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for name in ("id", "provision_endpoint", "control_endpoint", "logging_endpoint"):
        parser.add_argument(f"--{name}", default="")
    given, _ = parser.parse_known_args(arguments)
    os.environ.update(provisioned(given))
    with contextlib.suppress(OSError):  # Inputs named by relative paths are the driver's.
        os.chdir(os.environ["BERTDATA_CWD"])
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr, force=True)
    with keeping_counters(as_path(folder)):
        sdk_worker_main.main([])


def provisioned(given: argparse.Namespace) -> dict[str, str]:
    """Ask the engine for the pipeline's options and its addresses, as the environment that Beam's harness reads."""
    request = beam_provision_api_pb2.GetProvisionInfoRequest()
    with grpc.insecure_channel(given.provision_endpoint) as channel:
        service = beam_provision_api_pb2_grpc.ProvisionServiceStub(channel)
        answer = service.GetProvisionInfo(
            request, metadata=[("worker_id", given.id)], timeout=_SECONDS_TO_CONNECT, wait_for_ready=True
        )
    info = answer.info
    return {
        "WORKER_ID": given.id,
        "PIPELINE_OPTIONS": json_format.MessageToJson(info.pipeline_options),
        "CONTROL_API_SERVICE_DESCRIPTOR": _descriptor(given.control_endpoint, info.control_endpoint),
        "LOGGING_API_SERVICE_DESCRIPTOR": _descriptor(given.logging_endpoint, info.logging_endpoint),
        "RUNNER_CAPABILITIES": " ".join(info.runner_capabilities),
    }


def _descriptor(url: str, told: endpoints_pb2.ApiServiceDescriptor) -> str:
    descriptor = endpoints_pb2.ApiServiceDescriptor()
    descriptor.CopyFrom(told)
    descriptor.url = url or told.url
    return str(text_format.MessageToString(descriptor))
