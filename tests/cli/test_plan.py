from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.main import run
from tests.corpora import SMALL, write_books


@pytest.fixture
def books(tmp_path: Path) -> Path:
    return write_books(tmp_path / "books", num=12)


def test_a_plan_has_the_steps_of_a_build_and_writes_nothing(
    books: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "corpus"
    assert run(["plan", "--books", str(books), *SMALL, "--output", str(output), "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert list(plan["steps"]) == ["extract", "vocab", "tokens", "examples-64"]
    assert (
        run(["build-corpus", "--books", str(books), *SMALL, "--output", str(output), "--json", "--workers", "1"]) == 0
    )
    manifest = json.loads(capsys.readouterr().out)
    assert plan["text_bytes"] == manifest["tokens"]["text_bytes"]
    assert plan["tokens"] == pytest.approx(manifest["tokens"]["tokens"], rel=0.02)
    assert not list(tmp_path.glob("bertdata-plan-*"))


def test_a_plan_for_people_names_free_disk_and_sample(
    books: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["plan", "--books", str(books), *SMALL, "-o", str(tmp_path / "new" / "corpus"), "--workers", "1"]) == 0
    told = capsys.readouterr().out
    assert "examples-64" in told and "Largest process:" in told and "Free on the disk of" in told
    assert not (tmp_path / "new").exists()


def test_a_missing_source_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "--books", str(tmp_path / "nowhere")]) == 1
    assert capsys.readouterr().err.count("\n") == 1
