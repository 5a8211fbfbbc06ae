"""Nothing of a build needs pandas, so no process of it imports that."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.corpora import SMALL, dump_xml

BUILD = """
import sys
from cli.main import run
code = run(["build-corpus", "--wikipedia", sys.argv[1], "--output", sys.argv[2], "--workers", "1", *sys.argv[3:]])
print(code, "apache_beam" in sys.modules, "pandas" in sys.modules)
import pyarrow as pa
print(pa.table({"owls": ["barn", "snowy"]}).to_pandas().owls.tolist(), "pandas" in sys.modules)
"""


def test_a_build_works_without_pandas_and_leaves_it_to_others(tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    (tmp_path / "dump.xml").write_text(dump_xml(40), encoding="utf-8")
    command = [sys.executable, "-c", BUILD, str(tmp_path / "dump.xml"), str(tmp_path / "corpus"), *SMALL]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=ROOT)
    assert done.stdout.splitlines()[-2:] == ["0 True False", "['barn', 'snowy'] True"], done.stderr
