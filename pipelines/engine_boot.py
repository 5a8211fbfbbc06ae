"""What an engine starts where it wants a Python worker. It is copied beside the build, to be there on every machine
that sees the build's folder, and asks before all else whether bertdata is here too, in the version that started it.

Standard library only, until that is known.
"""

import importlib.metadata
import json
import os
import platform
import socket
import sys
from pathlib import Path


def main() -> None:
    """Become a worker, or write down why not."""
    run, name = os.environ["BERTDATA_RUN"], f"{socket.gethostname()}-{os.getpid()}"
    log = f"{_logs(run)}/{name}"
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    wrong = differences(json.loads(os.environ["BERTDATA_VERSIONS"]))
    if wrong:
        line = f"The worker on {socket.gethostname()} can't take part: {wrong} ({sys.executable})."
        _tell(f"{run}/refusals/{name}", line)
        sys.exit(line)
    if "://" in run:
        _tell(f"{run}/logs/{name}", log)  # That it was started, and where it says what.
    from pipelines.nursery import stand_for_worker

    environment = {**os.environ, "BERTDATA_ENGINE_PID": str(os.getppid()), "BERTDATA_WORKER_LOG": log}
    code = stand_for_worker(os.getppid(), {"arguments": sys.argv[1:], "environment": environment, "log": log})
    if code and "://" in run:
        from bertdata.store import as_path
        from pipelines.attempts import mark_death

        mark_death(as_path(run), log)
    os._exit(code)


# A run's folder in a store can't be reached from a file beside it: this is then the script that came with bertdata.
def _logs(run: str) -> str:
    if "://" not in run:
        return f"{run}/logs"
    from pipelines.nursery import nursery_folder

    return str(nursery_folder(os.getppid()))


def _tell(path: str, line: str) -> None:
    if "://" not in path:
        Path(path).write_text(line, encoding="utf-8")
        return
    from bertdata.store import as_path
    from pipelines.attempts import write_whole

    write_whole(as_path(path), line)


def differences(wanted: dict[str, str]) -> str:
    """Say which of the wanted packages are missing here, or have another version; nothing if all is well.

    >>> differences({"python": ".".join(platform.python_version_tuple()[:2])})
    ''
    """
    found = []
    for name, version in wanted.items():
        if name == "python":
            here = ".".join(platform.python_version_tuple()[:2])
        else:
            try:
                here = importlib.metadata.version(name)
            except importlib.metadata.PackageNotFoundError:
                here = "absent"
        if here != version and name == "bertdata" and here == "absent":
            return "bertdata is not installed there"
        if here != version:
            found.append(f"{name} is {here} there and {version} here")
    return ", ".join(found)


if __name__ == "__main__":
    main()
