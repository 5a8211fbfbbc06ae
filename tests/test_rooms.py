"""Imports go one way: cli -> pipelines, trainer -> bertdata, never back."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("bertdata", "pipelines", "trainer", "cli")
MAY_IMPORT = {
    "bertdata": {"bertdata"},
    "pipelines": {"bertdata", "pipelines"},
    "trainer": {"bertdata", "trainer"},
    "cli": {"bertdata", "pipelines", "trainer", "cli"},
}
FORBIDDEN = {
    "bertdata": {"apache_beam", "torch", "click", "rich"},
    "pipelines": {"torch", "click", "rich"},
    "trainer": {"apache_beam", "click", "rich"},
    "cli": set(),
}


def modules(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Return the top-level packages that a module imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: a relative import hides its room"
            names.add(node.module)
    return {name.split(".")[0] for name in names}


@pytest.mark.parametrize("room", ROOMS)
def test_room_imports_only_what_lies_below_it(room: str) -> None:
    paths = modules(room)
    assert len(paths) >= 5
    for path in paths:
        found = imported(path)
        assert not (found & set(ROOMS)) - MAY_IMPORT[room], path
        assert not found & FORBIDDEN[room], path


@pytest.mark.parametrize("room", ["bertdata", "pipelines", "trainer"])
def test_only_the_command_line_prints(room: str) -> None:
    for path in modules(room):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id != "print", f"{path}:{node.lineno} prints"


BEAM_INSIDE = {"early.py", "local.py", "local_workers.py", "worker.py", "engine_submit.py", "engine_worker.py"}


def test_beam_internals_are_touched_where_a_pipeline_meets_its_workers_only() -> None:
    for path in modules("pipelines"):
        text = path.read_text(encoding="utf-8")
        if path.name not in BEAM_INSIDE:
            assert "apache_beam.runners" not in text, path


def test_no_room_uses_the_global_random_state() -> None:
    for room in ROOMS:
        for path in modules(room):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                assert not (isinstance(node, ast.Import) and any(a.name == "random" for a in node.names)), path


def test_help_imports_neither_beam_nor_torch_nor_numpy() -> None:
    code = (
        "import sys; from cli.main import run; code = run(['--help']);"
        "heavy = {'apache_beam', 'torch', 'numpy', 'pyarrow', 'tokenizers', 'rich'} & set(sys.modules);"
        "sys.exit(f'imported {heavy}' if heavy else code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "build-corpus" in done.stdout


def test_packages_are_listed_and_tests_are_never_shipped() -> None:
    import tomllib

    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    found = sorted(
        str(path.parent.relative_to(ROOT)).replace("/", ".")
        for room in ROOMS
        for path in (ROOT / room).rglob("__init__.py")
    )
    assert sorted(listed) == found
