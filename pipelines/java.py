"""Java and jars: what an engine of that world needs on this machine, checked before anything starts."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

from bertdata.errors import OptionError, require

# Below 11 there is no --add-opens; from 24 on Hadoop's login, which both engines call, is gone.
_OLDEST, _TOO_NEW = 11, 24
_INSTALL = "install Java 17 (Debian: openjdk-17-jre-headless), or set JAVA_HOME to one"

# What Spark and Flink reach into, as their own start scripts allow it.
_JAVA = ["lang", "lang.invoke", "lang.reflect", "io", "net", "nio", "util", "util.concurrent", "util.concurrent.atomic"]
_SUN = ["nio.ch", "nio.cs", "security.action", "util.calendar"]
OPENS = [f"--add-opens=java.base/java.{name}=ALL-UNNAMED" for name in _JAVA]
OPENS += [f"--add-opens=java.base/sun.{name}=ALL-UNNAMED" for name in _SUN]
# Java only hands descriptors on: its optimising compiler and parallel collectors cost more than they save.
LEAN = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]


def find_java() -> str:
    """Return the path of a `java` that can run an engine.

    Raises OptionError where there is none, or one that is too old or too new.
    """
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    require(java and shutil.which(java), f"No Java{f' at JAVA_HOME ({home})' if home else ''}: {_INSTALL}.")
    said = subprocess.run([str(java), "-version"], capture_output=True, text=True, errors="replace", timeout=60)
    version = java_version(said.stderr + said.stdout)
    require(version, f"{java} is no Java that can say its version: {_INSTALL}.")
    require(_OLDEST <= version < _TOO_NEW, f"{java} is Java {version}, and 11 to {_TOO_NEW - 1} will do: {_INSTALL}.")
    return str(java)


def java_version(text: str) -> int:
    """Return the main version that `java -version` says, 0 where it says none.

    >>> java_version('openjdk version "17.0.15" 2025-04-15'), java_version('java version "1.8.0_202"')
    (17, 8)
    """
    match = re.search(r'version "(?:1\.)?(\d+)', text)
    return int(match[1]) if match else 0


def fetch_released_jar(engine: str, name: str, option: str) -> str:
    """Return the path of Beam's own job server jar for an engine, which Beam fetches on first use.

    Raises OptionError where that fails.
    """
    from apache_beam.utils.subprocess_server import JavaJarServer

    try:
        url = JavaJarServer.path_to_beam_jar(f":runners:{name}:job-server:shadowJar")
        return str(JavaJarServer.local_jar(url))
    except Exception as error:
        said = " ".join(str(error).split())[:200]
        raise OptionError(
            f"Beam's job server for {engine} could not be fetched ({said}): give its jar with {option}."
        ) from error


def check_jar(path: str, option: str, main_class: str, *classes: str) -> tuple[Path, set[str]]:
    """Return the absolute path of a job server's jar, and which of the other classes it holds.

    Raises OptionError where it doesn't exist, is no jar, or doesn't hold `main_class`.
    """
    jar = Path(path).absolute()
    require(jar.is_file(), f"{option} {path} does not exist.")
    try:
        with zipfile.ZipFile(jar) as archive:
            files = archive.NameToInfo
            held = {name for name in (main_class, *classes) if f"{name.replace('.', '/')}.class" in files}
    except (zipfile.BadZipFile, OSError) as error:
        raise OptionError(f"{option} {path} is no jar: {error}.") from error
    require(main_class in held, f"{option} {path} is not Beam's job server: it has no {main_class}.")
    return jar, held
