"""The image of Dataflow's workers, without Docker: what its file copies and installs is all of bertdata, and works."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.corpora import SMALL, dump_xml

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("bertdata", "pipelines", "trainer", "cli")
# Loads what workers load, and says where each module of ours came from.
_LOAD = """
import importlib, json, sys
for name in ("bertdata.extract.wikipedia", "pipelines.engine_worker", "pipelines.engine_tasks", "trainer", "cli.main"):
    importlib.import_module(name)
rooms = sys.argv[1:]
print(json.dumps({name: module.__file__ for name, module in sys.modules.items() if name.split(".")[0] in rooms}))
"""


def instructions() -> list[list[str]]:
    """Return the Dockerfile's instructions as words, continued lines joined."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    return [shlex.split(line) for line in text.splitlines() if line and not line.startswith("#")]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the image gets of ours: the files that are copied, installed as they are there."""
    if (found := re.match(r"\d+", pytest.importorskip("setuptools").__version__)) is None or int(found[0]) < 77:
        pytest.skip("building a wheel needs setuptools 77")
    folder = tmp_path_factory.mktemp("image")
    for word, *paths in instructions():
        if word == "COPY":
            *sources, target = paths
            for source in sources:
                place = folder / target.lstrip("/")
                if (ROOT / source).is_dir():
                    shutil.copytree(ROOT / source, place, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    place.mkdir(exist_ok=True)
                    shutil.copy(ROOT / source, place)
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    installed = folder / "site"
    command = [*install, "--disable-pip-version-check", "--target", str(installed), str(folder / "src")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    shutil.rmtree(folder / "src")
    return installed


def test_the_image_begins_with_the_beam_that_is_asked_for_and_installs_what_it_copied():
    words = {each[0]: each[1:] for each in instructions()}
    pinned = re.search(r"^apache-beam==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert pinned is not None and words["FROM"] == [f"apache/beam_python3.11_sdk:{pinned[1]}"]
    assert (
        words["RUN"][:2] == ["pip", "install"]
        and "/src[gcp]" in words["RUN"]
        and "/src/constraints.txt" in words["RUN"]
    )
    assert words["ENTRYPOINT"] == ["[/opt/apache/beam/boot]"]


def run_there(site: Path, folder: Path, *arguments: str) -> str:
    """Run Python with what the image has of ours, in a folder of its own, and return what it printed."""
    environment = {"PYTHONPATH": str(site), "PATH": "/usr/bin:/bin", "HOME": str(folder)}
    command = [sys.executable, "-P", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_all_of_bertdata_is_in_it_and_nothing_of_this_checkout_is_needed(site, tmp_path):
    theirs, ours = (
        {path.relative_to(root).as_posix() for room in ROOMS for path in (root / room).rglob("*.py")}
        for root in (site, ROOT)
    )
    assert theirs == ours
    loaded = json.loads(run_there(site, tmp_path, "-c", _LOAD, *ROOMS))
    assert {name.split(".")[0] for name in loaded} == set(ROOMS)
    assert all(path.startswith(f"{site}/") for path in loaded.values())
    (tmp_path / "testwiki.xml").write_text(dump_xml(40), encoding="utf-8")
    given = ("--wikipedia", "testwiki.xml", "--output", "corpus", "--workers", "1")
    run_there(site, tmp_path, "-m", "cli.main", "build-corpus", *given, *SMALL)
    assert (tmp_path / "corpus" / "manifest.json").is_file()
