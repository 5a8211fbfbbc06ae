from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from bertdata.errors import InputError
from bertdata.extract.sources import expand_sources


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("austen/emma.txt", "austen/persuasion.txt", "poe/raven.txt", ".hidden/x.txt", "a.xml.bz2", "b.xml"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (tmp_path / "a-multistream-index.txt.bz2").write_text("index")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_folder_is_read_recursively_in_path_order_without_hidden_files(tree: Path) -> None:
    (source,) = expand_sources("books", [str(tree)])
    assert source.name == "books"
    texts = [name for name in source.names if name.endswith(".txt")]
    assert texts == ["austen/emma.txt", "austen/persuasion.txt", "poe/raven.txt"]


def test_values_of_any_order_give_the_same_source(tree: Path) -> None:
    forward = expand_sources("books", ["austen/emma.txt", "poe"])
    assert expand_sources("books", ["poe", "austen/emma.txt"]) == forward
    assert forward[0].names == ("emma.txt", "raven.txt")


def test_pattern_names_files_below_its_fixed_part(tree: Path) -> None:
    (source,) = expand_sources("books", ["austen/*.txt"])
    assert source.names == ("emma.txt", "persuasion.txt")
    (source,) = expand_sources("books", ["**/*.txt"])
    assert source.names == ("austen/emma.txt", "austen/persuasion.txt", "poe/raven.txt")


def test_pattern_without_a_folder_means_the_current_one(tree: Path) -> None:
    (source,) = expand_sources("wikipedia", ["*.xml*"])
    assert source.files == ("a.xml.bz2", "b.xml")


def test_dumps_folder_leaves_indexes_out(tree: Path) -> None:
    (source,) = expand_sources("wikipedia", ["."])
    assert [Path(f).name for f in source.files] == ["a.xml.bz2", "b.xml"]
    assert source.name is None


def test_name_before_an_equals_sign_names_the_source(tree: Path) -> None:
    sources = expand_sources("text", ["poems=poe", "austen"])
    assert [(s.name, s.names) for s in sources] == [
        ("poems", ("raven.txt",)),
        ("text", ("emma.txt", "persuasion.txt")),
    ]


def test_equals_sign_in_an_existing_path_is_part_of_it(tree: Path) -> None:
    (tree / "a=b.txt").write_text("x")
    (source,) = expand_sources("books", ["a=b.txt"])
    assert source.names == ("a=b.txt",)


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        ("books", "nothing/*.txt", "matches no file"),
        ("books", "austen/ema.txt", r"does not exist; did you mean austen/emma.txt\?"),
        ("books", "austn/emma.txt", "there is no folder austn"),
        ("wikipedia", "austen", "holds no dump"),
        ("wikipedia", "*.txt.bz2", "matches no dump"),
    ],
)
def test_value_that_names_nothing_is_an_error_that_repeats_it(tree: Path, kind: str, value: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        expand_sources(kind, [value])  # type: ignore[arg-type]
    assert value in str(caught.value)


def test_file_named_twice_is_refused(tree: Path) -> None:
    with pytest.raises(InputError, match=r"emma.txt is named twice"):
        expand_sources("books", ["austen", str(tree / "austen" / "emma.txt")])


def test_standard_input_is_copied_and_empty_input_is_named(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"words")))
    (source,) = expand_sources("text", ["-"], tree / "stdin")
    assert Path(source.files[0]).read_bytes() == b"words"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    with pytest.raises(InputError, match="standard input is empty"):
        expand_sources("text", ["-"], tree / "stdin2")
