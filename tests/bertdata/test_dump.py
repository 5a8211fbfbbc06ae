from __future__ import annotations

import bz2
import gzip
from pathlib import Path

import pytest

from bertdata.errors import InputError
from bertdata.extract.dump import check_parts, plan_dump, read_siteinfo
from bertdata.extract.siteinfo import parse_siteinfo
from bertdata.records import SiteInfo

HEAD = """<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="lt">
  <siteinfo><sitename>V</sitename><dbname>ltwiki</dbname><base>https://lt.wikipedia.org/wiki/A</base>
  <namespaces><namespace key="-2">Media</namespace><namespace key="0" />
  <namespace key="1">A &amp; B</namespace></namespaces>
  </siteinfo>
"""
PAGE = "<page><title>T</title><ns>0</ns><id>1</id><revision><id>2</id><text>x</text></revision></page>"


def test_siteinfo_is_decoded() -> None:
    info = parse_siteinfo(HEAD.encode())
    namespaces = ((-2, "Media"), (1, "A & B"))
    assert info == SiteInfo("ltwiki", "lt", "https://lt.wikipedia.org/wiki/A", "0.11", namespaces)


def test_siteinfo_that_is_missing_takes_the_name_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "ltgwiki-20260901-pages-articles.xml"
    path.write_text(f"<mediawiki>{PAGE}</mediawiki>")
    assert read_siteinfo(str(path)) == SiteInfo("ltgwiki")


def test_siteinfo_of_a_changed_file_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "x.xml"
    path.write_text(f"{HEAD}{PAGE}</mediawiki>")
    assert read_siteinfo(str(path)).dbname == "ltwiki"
    path.write_text(f"{HEAD.replace('ltwiki', 'lvwiki ')}{PAGE}</mediawiki>")
    assert read_siteinfo(str(path)).dbname == "lvwiki"


def test_siteinfo_of_real_dumps(shared_data: Path) -> None:
    info = read_siteinfo(str(shared_data / "wikipedia" / "elwiki-pages-articles-multistream.xml.bz2"))
    assert (info.dbname, info.language, info.version) == ("elwiki", "el", "0.10")
    assert (14, "Κατηγορία") in info.namespaces and info.base.startswith("https://el.wikipedia.org/wiki/")
    old = read_siteinfo(str(shared_data / "wikipedia" / "jawiki-schema0.3-truncated.xml.bz2"))
    assert (old.dbname, old.language, old.version) == ("jawiki", "ja", "0.3")


def test_slices_cover_the_file_evenly(shared_data: Path) -> None:
    path = shared_data / "wikipedia" / "elwiki-pages-articles-multistream.xml.bz2"
    plan = plan_dump(str(path))
    assert len(plan) > 1 and plan[0][0] == 0 and plan[-1][1] == path.stat().st_size
    assert [a[1] for a in plan[:-1]] == [b[0] for b in plan[1:]]
    sizes = [end - start for start, end, _, _ in plan]
    assert max(sizes) - min(sizes) <= 1 and {form for _, _, form, _ in plan} == {"bz2"}


@pytest.mark.parametrize(
    ("megabytes", "count"), [(1, 1), (8, 2), (100, 16), (1000, 16), (2048, 32)], ids=lambda value: str(value)
)
def test_number_of_slices_follows_from_the_size(tmp_path: Path, megabytes: int, count: int) -> None:
    path = tmp_path / "x.xml"
    path.write_text(f"{HEAD}{PAGE}</mediawiki>")
    with path.open("r+b") as file:
        file.truncate(megabytes << 20)  # A hole: no byte is written.
    assert len(plan_dump(str(path))) == count


@pytest.mark.parametrize("name", ["x.xml.gz", "x.xml.xz"])
def test_what_cannot_be_cut_is_one_slice(tmp_path: Path, name: str, shared_data: Path) -> None:
    source = {"x.xml.gz": "itwiki-categories-only.xml.gz", "x.xml.xz": "ukwiki-2023-truncated.xml.xz"}[name]
    ((start, end, form, num_bytes),) = plan_dump(str(shared_data / "wikipedia" / source))
    assert (start, form) == (0, name[-2:]) and num_bytes > end


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.xml", b"", "is empty"),
        ("a.xml.bz2", b"", "is empty"),
        ("a.xml.bz2", b"<!DOCTYPE html><html>", "holds no bz2 data: it begins with '<!DOCTYPE html"),
        ("a.xml.bz2", gzip.compress(HEAD.encode()), "is named .bz2 but holds gz data"),
        ("a.xml", bz2.compress(HEAD.encode()), "is named .xml but holds bz2 data"),
        ("a.xml.gz", HEAD.encode(), "is named .gz but holds no gz data"),
        ("a.7z", b"7z\xbc\xaf\x27\x1c....", "is a 7z archive"),
        ("a.xml", b"PK\x03\x04....", "is a zip archive"),
        ("a.xml", b"# Readme\nno XML", "holds no XML"),
        ("a.xml", b"<html><body>Not found</body></html>", "no MediaWiki export .its root is <html>"),
        ("a.xml", b"<feed><doc><title>T</title></doc></feed>", "its root is <feed>"),
        ("a.xml", b'<?xml version="1.0"?><!DOCTYPE m [<!ENTITY a "b">]><mediawiki>', "DOCTYPE, which no export does"),
        ("a.xml", b'<?xml version="1.0" encoding="KOI8-R"?>\n<mediawiki>', "is in KOI8-R: recode it"),
        (
            "a.xml",
            HEAD.encode() + b"<logitem><id>1</id></logitem></mediawiki>",
            r"log entries \(<logitem>\) and no page",
        ),
        ("a.xml", HEAD.encode() + b"</mediawiki>", "holds no page: name a dump of pages"),
    ],
)
def test_file_that_is_no_dump_is_refused_by_name(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(InputError, match=message) as caught:
        plan_dump(str(path))
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.xml\.bz2 can.t be read: No such file"):
        plan_dump(str(tmp_path / "gone.xml.bz2"))


def test_head_that_is_damaged_is_left_to_the_reader(tmp_path: Path) -> None:
    path = tmp_path / "enwiki.xml.bz2"
    path.write_bytes(bz2.compress(HEAD.encode() * 50)[:200])
    assert plan_dump(str(path)) == [(0, 200, "bz2", 800)]
    assert read_siteinfo(str(path)) == SiteInfo("enwiki")


def test_standard_input_needs_no_suffix(tmp_path: Path) -> None:
    path = tmp_path / "stdin"
    path.write_bytes(bz2.compress(f"{HEAD}{PAGE}</mediawiki>".encode()))
    assert plan_dump(str(path))[0][2] == "bz2"


LEGACY = "enwiki-20260901-pages-articles-multistream{}.xml-p{}p{}.bz2"
CONTENT = "enwiki-2026-09-01-p{}p{}.xml.bz2"


@pytest.mark.parametrize(
    "names",
    [
        ["enwiki-20260901-pages-articles.xml.bz2", "simplewiki-20260901-pages-articles.xml.bz2"],
        [LEGACY.format(1, 1, 41242), LEGACY.format(2, 41243, 151573), LEGACY.format(10, 151574, 311329)],
        [CONTENT.format(41243, 151573), CONTENT.format(1, 41242)],
        [CONTENT.format(41243, 151573)],
        [CONTENT.format(1, 10), CONTENT.format(500, 600).replace("enwiki", "dewiki")],
        ["e-2026-09-01-p1p6.xml.bz2", "e-2026-09-01-p7r1r99.xml.bz2", "e-2026-09-01-p7r100r250.xml.bz2"],
    ],
)
def test_parts_that_fit_pass(names: list[str]) -> None:
    check_parts(names)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            [LEGACY.format(1, 1, 10), LEGACY.format(3, 21, 30)],
            "pages 11 to 20 are missing between .*p1p10.* and .*p21p30",
        ),
        ([CONTENT.format(1, 10), CONTENT.format(10, 30)], "pages 10 to 10 are in both"),
        ([CONTENT.format(1, 100), CONTENT.format(20, 30)], "pages 20 to 30 are in both"),
        (["e-2026-09-01-p7r1r99.xml.bz2", "e-2026-09-01-p7r120r250.xml.bz2"], "revisions 100 to 119 are missing"),
    ],
)
def test_missing_and_overlapping_parts_are_named(names: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_parts(reversed(names))
