"""What `bertdata inspect` prints of documents and examples, whatever stands in them."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from bertdata.look import ShownExample, Word
from cli.console import print_table
from cli.inspect import _print_example
from cli.main import run
from tests.corpora import dump_xml, paragraphs

NAME = "Lists [/b] and [red]rows[/red]"


def printed(example: ShownExample, pairs: str) -> str:
    out = io.StringIO()
    _print_example(Console(file=out, width=200), example, pairs)
    return out.getvalue()


def test_brackets_in_titles_and_ids_are_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"id": "x[/b]", "title": NAME, "text": paragraphs(1, 3)}))
    assert run(["extract", "--text", str(tmp_path / "a.jsonl"), "--output", str(tmp_path / "c")]) == 0
    capsys.readouterr()
    assert run(["inspect", str(tmp_path / "c")]) == 0
    assert f"{NAME}  text/x[/b]" in capsys.readouterr().out


def test_brackets_in_a_table_are_text(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("Rules on [/x]", ["[b]"], [["[red]books"]])
    shown = capsys.readouterr().out
    assert all(text in shown for text in ("Rules on [/x]", "[b]", "[red]books"))


def test_label_is_said_in_the_words_of_its_mode() -> None:
    words = (Word("[CLS]", "[CLS]", "", 0), Word("boat", "harbour", "random", 1))
    example = ShownExample(7, words, True, "books/[a]", "books/b", 12)
    assert "B is random: A from books/[a], B from books/b" in printed(example, "balanced")
    assert "swapped: A from books/[a]" in printed(example, "sop")
    assert "\nfrom books/[a]\n" in printed(example, "none")
    assert "[CLS] boat harbour" in printed(example, "none")


@pytest.mark.parametrize("title", ["Café owl", "Café_owl", "Cafe\u0301 owl", " Café  owl "])
def test_a_page_is_found_by_its_title_however_it_is_written(
    title: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dump = dump_xml(3).replace("Article 2", "Café owl").replace("</text>", " {{convert|1|km|mi}} {{box|x}}</text>")
    (tmp_path / "a.xml").write_text(dump, encoding="utf-8")
    assert run(["inspect", str(tmp_path / "a.xml"), "--page", title]) == 0
    shown = capsys.readouterr().out
    assert "Café owl" in shown and "{{convert|1|km|mi}}" in shown and "0.62 mi" in shown and "template dropped" in shown


def test_a_page_that_is_not_there_is_named_with_the_closest_title(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.xml").write_text(dump_xml(3))
    assert run(["inspect", str(tmp_path / "a.xml"), "--page", "Artikle 2"]) == 1
    assert "has no page 'Artikle 2' among its 3; did you mean 'Article 2'?" in " ".join(capsys.readouterr().err.split())
