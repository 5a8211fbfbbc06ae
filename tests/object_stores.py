"""Object stores on loopback that tests read and write: S3 (moto's server) with faults on demand, and a GCS emulator."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

BUCKET = "bertdata-test"
_BUSY = b"<Error><Code>ServiceUnavailable</Code><Message>Please try again</Message></Error>"
_DENIED = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"


class FaultyServer:
    """A WSGI application before moto's that counts requests, and spoils those that a test asks for."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.requests: list[str] = []
        self.faults: list[tuple[Callable[[dict[str, Any]], bool], str, int]] = []

    def spoil(self, times: int, how: str, method: str, key: str) -> None:
        """Spoil the next requests of a method whose key ends so: `busy` (503), `cut` (in the body) or `denied`."""
        left = [times]

        def matches(environ: dict[str, Any]) -> bool:
            hit = left[0] > 0 and environ["REQUEST_METHOD"] == method and environ["PATH_INFO"].endswith(key)
            left[0] -= hit
            return hit

        self.faults.append((matches, how, times))

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        self.requests.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}")
        how = next((how for matches, how, _ in self.faults if matches(environ)), "")
        if how in ("busy", "denied"):
            body = _BUSY if how == "busy" else _DENIED
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            status = "503 Service Unavailable" if how == "busy" else "403 Forbidden"
            start_response(status, [("Content-Length", str(len(body))), ("Content-Type", "application/xml")])
            return [body]
        answer = self._app(environ, start_response)
        return _cut(answer) if how == "cut" else answer


def _cut(answer: Any) -> Iterator[bytes]:
    content = b"".join(answer)
    yield content[: len(content) // 2]
    raise ConnectionAbortedError("cut off by a test")


@contextlib.contextmanager
def s3_server() -> Iterator[tuple[FaultyServer, dict[str, str]]]:
    """Serve S3 with one bucket; gives the server and the environment that leads to it."""
    import logging

    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    app = FaultyServer(DomainDispatcherApplication(create_backend_app))
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
        yield app, environment
    finally:
        forget_instances()
        server.shutdown()
        thread.join(10)


@contextlib.contextmanager
def gcs_server() -> Iterator[dict[str, str]]:
    """Serve GCS with one bucket; gives the environment that leads to it."""
    from gcp_storage_emulator.server import create_server

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = create_server("127.0.0.1", port, in_memory=True, default_bucket=BUCKET)
    server._api.daemon = True
    server.start()
    forget_instances()
    try:
        # Without the second, gcsfs asks for credentials at every call, to learn of which kind the bucket is.
        yield {"STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{port}", "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false"}
    finally:
        forget_instances()
        server.stop()


def forget_instances() -> None:
    """Have fsspec make new file systems, which look for servers and credentials again."""
    import fsspec

    for scheme in ("s3", "gs"):
        fsspec.get_filesystem_class(scheme).clear_instance_cache()


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

    store, key = fsspec.core.url_to_fs(url, use_listings_cache=False)
    for name in store.find(key):
        path = folder / name.removeprefix(key).lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(store.cat_file(name))
    return folder
