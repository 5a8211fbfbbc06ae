from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bertdata.errors import InputError, OptionError
from bertdata.extract.sources import expand_sources
from bertdata.store import as_path


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


# What a store and a disk have to find alike: links, of which only a disk has some, aside.
ODD_NAMES = [
    *("a.txt", "b.txt", ".dot.txt", "ünï/x.txt", "ünï/.hid/q.txt", "sub=x/q.txt", "sub=x/deep/er/r.txt"),
    *(".hid/h.txt", ".hid/in/i.txt", "[odd]/o.txt", "c?.txt", "blank name/b l.txt"),
]
SHOWN = ("[odd]/o.txt", "a.txt", "b.txt", "blank name/b l.txt", "c?.txt", "sub=x/deep/er/r.txt", "sub=x/q.txt")
SHOWN += ("ünï/x.txt",)
PATTERNS = {
    **dict.fromkeys(("odd/*", "odd/**", "odd/**/*", "odd/**/*.txt"), SHOWN),
    "odd/*.txt": ("a.txt", "b.txt", "c?.txt"),
    "odd/**/q.txt": ("sub=x/q.txt",),
    "odd/**/.hid": (".hid/h.txt", ".hid/in/i.txt", "ünï/.hid/q.txt"),
    "odd/.*": (".dot.txt", ".hid/h.txt", ".hid/in/i.txt"),
    "odd/.hid/*": ("h.txt", "in/i.txt"),
    "odd/*/.hid/*.txt": ("ünï/.hid/q.txt",),
    "odd/[ab].txt": ("a.txt", "b.txt"),
    "odd/[!a]*.txt": ("b.txt", "c?.txt"),
    "odd/[[]odd]/*": ("[odd]/o.txt",),
    "odd/c[?].txt": ("c?.txt",),
    "odd/?.txt": ("a.txt", "b.txt"),
    "odd/sub*/*": ("sub=x/deep/er/r.txt", "sub=x/q.txt"),
    "odd/s**/q.txt": ("sub=x/q.txt",),
    "odd/*/deep": ("sub=x/deep/er/r.txt",),
    "odd/**/er": ("sub=x/deep/er/r.txt",),
    "odd/*/*/*": ("sub=x/deep/er/r.txt",),
    "*/a.txt": ("odd/a.txt",),
}


@pytest.fixture
def odd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """A folder of odd names, by where it is: on the disk, and in a store."""
    from fsspec.implementations.memory import MemoryFileSystem

    for name in ODD_NAMES:
        path = tmp_path / "odd" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
        MemoryFileSystem(use_listings_cache=False).pipe_file(f"/store/odd/{name}", name.encode())
    monkeypatch.chdir(tmp_path)
    yield {"disk": f"{tmp_path}/", "here": "", "store": "memory://store/"}
    MemoryFileSystem.store.clear()


@pytest.mark.parametrize("where", ["disk", "here", "store"])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_names_the_same_files_on_a_disk_and_in_a_store(pattern: str, where: str, odd: dict[str, str]) -> None:
    (source,) = expand_sources("books", [odd[where] + pattern])
    assert source.names == PATTERNS[pattern]
    assert {as_path(path).read_text() for path in source.files} <= set(ODD_NAMES)
    with pytest.raises(InputError, match="matches no file"):
        expand_sources("books", [odd[where] + "odd/[.]*"])


def test_a_pattern_of_buckets_is_refused() -> None:
    with pytest.raises(OptionError, match=r"memory://\*/a.txt: a pattern may stand for keys, not for buckets"):
        expand_sources("books", ["memory://*/a.txt"])


def test_folders_of_one_name_that_a_pattern_matches_keep_their_files_apart(tree: Path) -> None:
    for name in ("poe/more/raven.txt", "austen/more/raven.txt"):
        (tree / name).parent.mkdir()
        (tree / name).write_text(name)
    (source,) = expand_sources("books", ["*/more"])
    assert source.names == ("austen/more/raven.txt", "poe/more/raven.txt")


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


@pytest.mark.parametrize("where", ["disk", "here", "store"])
@pytest.mark.parametrize("pattern", ["odd", "odd/*", "odd/**/*.txt"])
def test_what_lies_in_the_output_folder_is_no_source(pattern: str, where: str, odd: dict[str, str]) -> None:
    output = as_path(f"{odd[where]}odd/sub=x/deep")
    (source,) = expand_sources("books", [odd[where] + pattern], None, output)
    assert source.names == tuple(name for name in SHOWN if not name.startswith("sub=x/deep"))
    (named,) = expand_sources("books", [f"{output}/er/r.txt"], None, output)  # Who names a file means it.
    assert named.names == ("r.txt",)
    with pytest.raises(InputError, match="holds no file"):
        expand_sources("books", [str(output)], None, output)


def test_the_output_folder_is_told_through_links(tree: Path) -> None:
    (tree / "link").symlink_to(tree / "austen")
    for output in (tree / "austen", tree / "link"):
        (source,) = expand_sources("books", ["*/*.txt"], None, output)
        assert source.names == ("poe/raven.txt",)


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
