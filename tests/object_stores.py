"""Object stores on loopback for tests, S3 (moto's server) and GCS (an emulator), with faults on demand."""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

BUCKET = "bertdata-test"
# Else gcsfs looks for Google's credentials at every call, to learn of which kind the bucket is; read at its import.
_NO_LAYOUT = "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT"
os.environ[_NO_LAYOUT] = "false"
_ANSWERS = {
    "busy": ("503 Service Unavailable", "ServiceUnavailable", "Please try again"),
    "denied": ("403 Forbidden", "AccessDenied", "Access Denied"),
    "skewed": (
        "403 Forbidden",
        "RequestTimeTooSkewed",
        "The difference between the request time and the current time is too large.",
    ),
}


@dataclass
class Faults:
    """What a server is to do with some of its requests, and which it got."""

    requests: list[str] = field(default_factory=list)
    num_spoilt: int = 0
    _rules: list[Callable[[str, str], str]] = field(default_factory=list)

    def spoil(self, times: int, how: str | Callable[[], None], method: str, key: str, skip: int = 0) -> None:
        """Spoil requests of a method whose path ends so: the next `times`, after `skip` of them.

        `busy` (503), `cut` (in the body), `denied`, `skewed` (the client's clock is wrong), or a function that is
        called before the request is done.
        """
        number = itertools.count()

        def rule(met_method: str, path: str) -> str:
            if met_method != method or not path.endswith(key) or not skip <= next(number) < skip + times:
                return ""
            if callable(how):
                how()
                return ""
            return how

        self._rules.append(rule)

    def spoil_every(self, nth: int, how: str, method: str = "") -> None:
        """Spoil every nth request (of a method)."""
        number = itertools.count(1)
        self._rules.append(
            lambda met, path: (
                how if method in ("", met) and not path.endswith("lock") and not next(number) % nth else ""
            )
        )

    def meet(self, method: str, path: str) -> str:
        """Note a request, and return how it is to be spoilt."""
        self.requests.append(f"{method} {path}")
        how = next((how for rule in list(self._rules) if (how := rule(method, path))), "")
        self.num_spoilt += bool(how)
        return how

    def clear(self) -> None:
        """Forget all faults and requests."""
        self.requests.clear()
        self._rules.clear()
        self.num_spoilt = 0

    def puts(self, part: str = "") -> list[str]:
        """Return the paths that were written, if they hold `part`."""
        return [request[4:] for request in self.requests if request.startswith("PUT ") and part in request]


@dataclass(frozen=True)
class Store:
    """A running store: its URL, the environment that leads to it, and its faults."""

    url: str
    environment: dict[str, str]
    faults: Faults


class _FaultyApplication:
    """A WSGI application before moto's."""

    def __init__(self, app: Any, faults: Faults) -> None:
        self._app, self._faults = app, faults

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        how = self._faults.meet(environ["REQUEST_METHOD"], environ["PATH_INFO"])
        if how in _ANSWERS:
            status, code, message = _ANSWERS[how]
            body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            start_response(status, [("Content-Length", str(len(body))), ("Content-Type", "application/xml")])
            return [body]
        answer = self._app(environ, start_response)
        return _cut(answer) if how == "cut" else answer


def _cut(answer: Any) -> Iterator[bytes]:
    content = b"".join(answer)
    yield content[: len(content) // 2]
    raise ConnectionAbortedError("cut off by a test")


@contextlib.contextmanager
def s3_server() -> Iterator[Store]:
    """Serve S3 without a bucket."""
    import logging

    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    forget_objects()  # It has one state a process.
    faults = Faults()
    app = _FaultyApplication(DomainDispatcherApplication(create_backend_app), faults)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    environment = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",  # Of botocore itself: the tests are about ours, and waits cost time.
    }
    forget_instances()
    try:
        yield Store(f"s3://{BUCKET}", environment, faults)
    finally:
        forget_instances()
        server.shutdown()
        thread.join(10)


@contextlib.contextmanager
def gcs_server() -> Iterator[Store]:
    """Serve GCS with one bucket; of faults it knows functions on PUT, and `busy` and `denied` on all."""
    from http import HTTPStatus

    from gcp_storage_emulator import server as emulator

    faults = Faults()

    class FaultyRouter(emulator.Router):  # type: ignore[misc, name-defined, unused-ignore]
        def handle(self, method: str) -> None:
            how = faults.meet(method, unquote(self._request_handler.path.split("?")[0]))
            if how:
                self._request_handler.rfile.read(int(self._request_handler.headers.get("Content-Length") or 0))
                response = emulator.Response(self._request_handler)
                response.status = HTTPStatus(int(_ANSWERS[how][0][:3]))
                response.json({"error": {"code": response.status.value, "message": _ANSWERS[how][2]}})
                response.close()
            else:
                super().handle(method)

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = emulator.create_server("127.0.0.1", port, in_memory=True, default_bucket=BUCKET)
    create_file = server._storage.create_file

    def noted(bucket: str, name: str, *args: Any, **kwargs: Any) -> Any:
        # The name of an upload stands in its body: as S3 has it, it is noted where it takes effect.
        faults.meet("PUT", f"/{bucket}/{name}")
        return create_file(bucket, name, *args, **kwargs)

    server._storage.create_file = noted
    server._api.daemon = True
    usual, emulator.Router = emulator.Router, FaultyRouter
    server.start()
    server._api._httpd.handle_error = lambda *_: None  # A client that was killed is no error.
    forget_instances()
    try:
        # Without the second, gcsfs looks for a machine of Google's that would have credentials.
        environment = {"STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{port}", "NO_GCE_CHECK": "true"}
        yield Store(f"gs://{BUCKET}", {**environment, _NO_LAYOUT: "false"}, faults)
    finally:
        forget_instances()
        server.stop()
        emulator.Router = usual


def forget_instances() -> None:
    """Have fsspec make new file systems, which look for servers and credentials again."""
    import fsspec

    for scheme in ("s3", "gs"):
        fsspec.get_filesystem_class(scheme).clear_instance_cache()


def make_bucket() -> Any:
    """Make the S3 bucket, and return the file system that it is in."""
    import s3fs

    store = s3fs.S3FileSystem(use_listings_cache=False)
    store.mkdir(BUCKET)
    return store


def add_objects(names: list[str], content: bytes) -> None:
    """Add objects to the S3 server of this process, fast, without a request."""
    for name in names:
        _moto().put_object(BUCKET, name, content)


def forget_objects() -> None:
    """Have the S3 server of this process forget its buckets and all that is in them."""
    _moto().reset()


def _moto() -> Any:
    from moto.core import DEFAULT_ACCOUNT_ID
    from moto.s3.models import s3_backends

    return s3_backends[DEFAULT_ACCOUNT_ID]["aws"]


def upload(folder: Path, url: str) -> None:
    """Put all files of a folder below a URL."""
    import fsspec

    store, key = fsspec.core.url_to_fs(url)
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            store.pipe_file(f"{key}/{path.relative_to(folder).as_posix()}", path.read_bytes())


def download(url: str, folder: Path) -> Path:
    """Write all files below a URL to a folder."""
    import fsspec

    store, key = fsspec.core.url_to_fs(url)
    store.invalidate_cache()
    for name in store.find(key):
        path = folder / name.removeprefix(key).lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(store.cat_file(name))
    return folder
