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
    folder = Path(os.environ["BERTDATA_RUN"])
    name = f"{socket.gethostname()}-{os.getpid()}"
    log = os.open(folder / "logs" / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    wrong = differences(json.loads(os.environ["BERTDATA_VERSIONS"]))
    if wrong:
        line = f"The worker on {socket.gethostname()} can't take part: {wrong} ({sys.executable})."
        (folder / "refusals" / name).write_text(line, encoding="utf-8")
        sys.exit(line)
    from pipelines.nursery import stand_for_worker

    environment = {**os.environ, "BERTDATA_ENGINE_PID": str(os.getppid())}
    log_name = str(folder / "logs" / name)
    stand_for_worker(os.getppid(), {"arguments": sys.argv[1:], "environment": environment, "log": log_name})


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
