from __future__ import annotations

import bz2
import gzip
import lzma
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest

from bertdata.errors import DamagedInputError
from bertdata.extract.bz2blocks import Piece
from bertdata.extract.dump import plan_dump
from bertdata.extract.dump_pages import cut_pages, read_pages
from bertdata.extract.dump_streams import read_pieces
from bertdata.extract.page_xml import decode_text, parse_page, scan_page
from bertdata.records import Counts, Page

HEAD = """<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="en">
  <siteinfo><sitename>W</sitename><dbname>enwiki</dbname><base>https://en.wikipedia.org/wiki/Main_Page</base>
  <namespaces><namespace key="0" /><namespace key="1">Talk</namespace></namespaces></siteinfo>
"""


def page_xml(page_id: int, text: str, title: str = "", ns: str = "<ns>0</ns>", text_attributes: str = "") -> str:
    return f"""  <page>
    <title>{title or f"Title {page_id}"}</title>
    {ns}
    <id>{page_id}</id>
    <revision>
      <id>{page_id}3</id>
      <timestamp>2026-09-01T00:00:00Z</timestamp>
      <contributor><username>A &amp; B</username><id>5</id></contributor>
      <model>wikitext</model>
      <format>text/x-wiki</format>
      <text bytes="{len(text)}" xml:space="preserve"{text_attributes}>{text}</text>
      <sha1>abc</sha1>
    </revision>
  </page>
"""


def dump_xml(*pages: str) -> str:
    return HEAD + "".join(pages) + "</mediawiki>\n"


def many_pages(count: int) -> str:
    return dump_xml(
        *(page_xml(n, f"Text of page {n}: &lt;b&gt;é 漢&lt;/b&gt; &amp;nbsp; " * (n % 7 + 1)) for n in range(count))
    )


def read(path: Path, on_error: str = "fail") -> tuple[list[Page], Counts]:
    counts = Counts()
    pages: list[Page] = []
    for start, end, form, _ in plan_dump(str(path)):
        pages += read_pages(str(path), start, end, form, on_error=on_error, counts=counts)  # type: ignore[arg-type]
    return pages, counts


def write(path: Path, xml: str | bytes) -> Path:
    data = xml.encode() if isinstance(xml, str) else xml
    suffix = path.suffix
    if suffix == ".bz2":
        data = bz2.compress(data, 1)
    elif suffix == ".gz":
        data = gzip.compress(data, mtime=0)
    elif suffix == ".xz":
        data = lzma.compress(data)
    elif suffix == ".zst":
        data = pa.Codec("zstd").compress(data, asbytes=True)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("suffix", ["", ".bz2", ".gz", ".xz", ".zst"])
def test_every_compression_gives_the_same_pages(tmp_path: Path, suffix: str) -> None:
    pages, counts = read(write(tmp_path / f"enwiki.xml{suffix}", many_pages(30)))
    assert [page.id for page in pages] == list(range(30)) and counts.pages == 30 and not counts.lost
    assert pages[7] == Page(7, 0, "Title 7", "73", "Text of page 7: <b>é 漢</b> &nbsp; ", False, "wikitext")


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".zst"])
def test_files_of_several_members_are_read_to_the_last(tmp_path: Path, suffix: str) -> None:
    xml = many_pages(30).encode()
    halves = [write(tmp_path / f"{n}.xml{suffix}", half) for n, half in enumerate((xml[:999], xml[999:]))]
    path = tmp_path / f"enwiki.xml{suffix}"
    path.write_bytes(b"".join(half.read_bytes() for half in halves))
    assert len(read(path)[0]) == 30


def test_plain_xml_cut_anywhere_gives_every_page_once(tmp_path: Path) -> None:
    path = write(tmp_path / "enwiki.xml", many_pages(12))
    size, whole = path.stat().st_size, read(path)[0]
    for step in [*range(1, size // 3, 37), 997, 1500]:
        pages: list[Page] = []
        for start, end in pairwise([*range(0, size, step), size]):
            if step < 300 and start > 4000:  # Enough bytes of each small step.
                break
            pages += read_pages(str(path), start, end, "xml", on_error="fail", counts=Counts())
        assert pages == whole[: len(pages)] and (step < 300 or len(pages) == 12)


def test_each_page_of_a_bz2_comes_once_whatever_the_cut(shared_data: Path) -> None:
    for path in sorted((shared_data / "wikipedia").glob("*.bz2")):
        if "index" in path.name or "utf16" in path.name:
            continue
        size = path.stat().st_size
        pieces = list(read_pieces(str(path), 0, size, "bz2"))
        whole = [p.id for p in cut_pages(pieces, 0, size, "bz2", ()) if isinstance(p, Page)]
        assert len(whole) == b"".join(piece.data for piece in pieces).count(b"</page>") > 0
        for step in (1, 2, 3, 7):
            cuts = [0, *(piece.offset for piece in pieces[step::step]), size]
            ids = []
            for start, end in pairwise(cuts):
                begun = [piece for piece in pieces if piece.offset >= start]
                ids += [p.id for p in cut_pages(begun, start, end, "bz2", ()) if isinstance(p, Page)]
            assert ids == whole


@pytest.mark.parametrize("num_slices", [2, 5, 16])
def test_slices_of_a_single_stream_share_its_pages(tmp_path: Path, num_slices: int) -> None:
    path = write(tmp_path / "enwiki.xml.bz2", many_pages(1500))
    size, whole = path.stat().st_size, read(path)[0]
    cuts = [size * n // num_slices for n in range(num_slices + 1)]
    slices = [
        list(read_pages(str(path), start, end, "bz2", on_error="fail", counts=Counts()))
        for start, end in pairwise(cuts)
    ]
    assert [page for pages in slices for page in pages] == whole
    assert sum(1 for pages in slices if pages) > 1


def test_utf16_is_read(tmp_path: Path, shared_data: Path) -> None:
    xml = '<?xml version="1.0" encoding="utf-16"?>\n' + many_pages(20)
    assert (
        read(write(tmp_path / "a.xml.bz2", xml.encode("utf-16")))[0]
        == read(write(tmp_path / "b.xml", many_pages(20)))[0]
    )
    assert len(read(write(tmp_path / "c.xml", many_pages(5).encode("utf-16-be")))[0]) == 5
    titles = [page.title for page in read(shared_data / "wikipedia" / "bgwiki-utf16.xml.bz2")[0]]
    assert len(titles) == 3 and all(any("\u0400" <= c <= "\u04ff" for c in title) for title in titles)


def test_old_schema_takes_the_namespace_from_the_title(shared_data: Path) -> None:
    pages, _ = read(shared_data / "wikipedia" / "jawiki-schema0.3-truncated.xml.bz2", "skip")
    spaces = {page.title: page.namespace for page in pages}
    assert len(spaces) == 66 and sum(1 for ns in spaces.values() if ns == 0) > 50
    assert all(ns != 0 for title, ns in spaces.items() if title.startswith(("Wikipedia:", "Category:", "Template:")))


def test_scanner_and_parser_agree_on_real_pages(shared_data: Path) -> None:
    for name in ("ltgwiki-pages-articles-multistream.xml.bz2", "aawiki-20260101-schema0.11.xml.bz2"):
        data = bz2.decompress((shared_data / "wikipedia" / name).read_bytes())
        at, scanned = data.find(b"<page>"), 0
        while at >= 0:
            found = scan_page(data, at)
            assert found is not None and found[0] == parse_page(data[at : found[1]])
            scanned, at = scanned + 1, data.find(b"<page>", found[1])
        assert scanned > 500


@pytest.mark.parametrize(
    ("xml", "text"),
    [
        (page_xml(1, "<![CDATA[a </page> <page> &amp; b]]>"), "a </page> <page> &amp; b"),
        (page_xml(1, "a <!-- </page> --> b"), "a  b"),
        (page_xml(1, "a&#233;&#x1F600;&apos;&#38;lt;"), "aé😀'&lt;"),
        (page_xml(1, "a\r\nb\rc"), "a\nb\nc"),
        (page_xml(1, "").replace("></text>", " />"), ""),
        (page_xml(1, "", text_attributes=' deleted="deleted"').replace("></text>", " />"), ""),
        (page_xml(1, "x").replace("<page>", "<page >").replace("<title>", '<title lang="en">'), "x"),
        (page_xml(1, "x").replace("<revision>", "<upload><id>9</id><text>no</text></upload><revision>"), "x"),
        (page_xml(1, "x").replace("<sha1>", "<content><role>aux</role><text>no</text></content><sha1>"), "x"),
        (page_xml(1, "x").replace("</page>", "</page\n>"), "x"),
    ],
)
def test_unusual_pages_are_read_by_the_parser(tmp_path: Path, xml: str, text: str) -> None:
    pages, _ = read(write(tmp_path / "enwiki.xml", dump_xml(page_xml(8, "before"), xml, page_xml(9, "after"))))
    assert [(p.id, p.text) for p in pages] == [(8, "before"), (1, text), (9, "after")]


def test_newest_of_several_revisions_is_the_page(tmp_path: Path) -> None:
    old = "<revision><id>7</id><timestamp>2020-01-01T00:00:00Z</timestamp><text>old</text></revision>"
    xml = (
        page_xml(1, "new").replace("<revision>", f"{old}<revision>").replace("</revision>\n  ", f"</revision>{old}\n  ")
    )
    ((page,), _) = read(write(tmp_path / "enwiki.xml", dump_xml(xml)))
    assert (page.text, page.revision) == ("new", "13")


def test_redirect_and_model_are_seen(tmp_path: Path) -> None:
    redirect = page_xml(1, "#REDIRECT").replace("<revision>", '<redirect title="X &amp; Y" />\n<revision>')
    json = page_xml(2, "{}").replace("<model>wikitext</model>", "<model>json</model>")
    old = page_xml(3, "t").replace("<model>wikitext</model>", "").replace("</sha1>", "</sha1><model>css</model>")
    pages, _ = read(write(tmp_path / "enwiki.xml", dump_xml(redirect, json, old)))
    assert [(p.redirect, p.model) for p in pages] == [(True, "wikitext"), (False, "json"), (False, "css")]


def test_text_of_other_namespaces_is_not_decoded(tmp_path: Path) -> None:
    path = write(tmp_path / "enwiki.xml", dump_xml(page_xml(1, "a"), page_xml(2, "b", ns="<ns>1</ns>")))
    size = path.stat().st_size
    pages = read_pages(str(path), 0, size, "xml", on_error="fail", counts=Counts(), namespaces=(0,))
    assert [(page.namespace, page.text) for page in pages] == [(0, "a"), (1, "")]


def test_xml_cut_in_a_page_names_the_page_and_the_byte(tmp_path: Path) -> None:
    xml = many_pages(20)
    path = write(tmp_path / "enwiki.xml", xml[: xml.index("Text of page 15") + 5])
    with pytest.raises(DamagedInputError, match="in the middle of page 'Title 15'") as caught:
        read(path)
    assert caught.value.offset == path.stat().st_size
    pages, counts = read(path, "skip")
    assert len(pages) == 15 and len(counts.lost) == 1 and str(path) in counts.lost[0]


def test_xml_cut_between_pages_is_found(tmp_path: Path) -> None:
    path = write(tmp_path / "enwiki.xml", many_pages(20).replace("</mediawiki>", ""))
    with pytest.raises(DamagedInputError, match="ends without </mediawiki>"):
        read(path)
    assert len(read(path, "skip")[0]) == 20


@pytest.mark.parametrize("suffix", [".bz2", ".gz", ".xz", ".zst"])
def test_cut_off_file_is_an_error_and_its_begin_is_kept(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"enwiki.xml{suffix}", many_pages(3000))
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(DamagedInputError, match=f"enwiki.xml{suffix} is damaged at byte .* cut off"):
        read(path)
    pages, counts = read(path, "skip")
    assert len(counts.lost) == 1 and 0 < len(pages) <= 3000 and [p.id for p in pages] == list(range(len(pages)))


@pytest.mark.parametrize("suffix", [".bz2", ".gz", ".xz", ".zst"])
def test_other_bytes_behind_a_whole_file_cost_no_page(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"enwiki.xml{suffix}", many_pages(700))
    path.write_bytes(path.read_bytes() + b"<html>not found</html>")
    with pytest.raises(DamagedInputError, match=f"enwiki.xml{suffix} is damaged at byte"):
        read(path)
    pages, counts = read(path, "skip")
    assert len(counts.lost) == 1 and [p.id for p in pages] == list(range(700))


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".zst"])
def test_corrupt_file_is_an_error(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"enwiki.xml{suffix}", many_pages(3000))
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 8] = b"\xff" * 8
    path.write_bytes(data)
    with pytest.raises(DamagedInputError):
        read(path)
    assert read(path, "skip")[1].lost


def test_corrupt_block_loses_the_pages_in_it_and_no_others(tmp_path: Path) -> None:
    path = write(tmp_path / "enwiki.xml.bz2", many_pages(1500))
    pieces = list(read_pieces(str(path), 0, 1 << 62, "bz2"))
    data = bytearray(path.read_bytes())
    data[pieces[2].offset + 1000] ^= 4
    path.write_bytes(data)
    with pytest.raises(DamagedInputError, match="a bz2 block is corrupt, in the middle of page 'Title") as caught:
        read(path)
    assert caught.value.offset == pieces[2].offset
    pages, counts = read(path, "skip")
    first, rest = b"".join(p.data for p in pieces[:2]), b"".join(p.data for p in pieces[3:])
    assert len(pages) == first.count(b"</page>") + rest.count(b"<page>")
    assert len(counts.lost) == 1 and f"byte {pieces[2].offset:,}" in counts.lost[0]
    assert counts.pages == len(pages)


@pytest.mark.parametrize("pages_a_stream", [100, 10_000])
def test_corrupt_block_is_lost_once_wherever_slices_are_cut(tmp_path: Path, pages_a_stream: int) -> None:
    """Its pages and its loss are one slice's, also where a slice begins or ends at it."""
    pages = [page_xml(n, f"Text {n} of its own {n * n}. " * 40) for n in range(900)]
    some = ["".join(pages[at : at + pages_a_stream]) for at in range(0, len(pages), pages_a_stream)]
    some[0], some[-1] = HEAD + some[0], some[-1] + "</mediawiki>\n"
    path = tmp_path / "enwiki.xml.bz2"
    path.write_bytes(b"".join(bz2.compress(each.encode(), 1) for each in some))
    starts = [piece.offset for piece in read_pieces(str(path), 0, 1 << 62, "bz2")]
    data, end = bytearray(path.read_bytes()), path.stat().st_size
    data[starts[3] + 1000] ^= 4
    path.write_bytes(data)
    whole, counts = read(path, "skip")
    assert len(whole) < 900 and len(counts.lost) == 1
    for cut in sorted({start + more for start in starts[1:] for more in (-1, 0, 1)}):
        both = Counts()
        sides = [
            list(read_pages(str(path), *side, "bz2", on_error="skip", counts=both)) for side in ((0, cut), (cut, end))
        ]
        assert [page.id for side in sides for page in side] == [page.id for page in whole], cut
        # A page that reaches from one slice into the other's block is named too.
        assert {line.split(", in the middle")[0] for line in both.lost} == {counts.lost[0].split(", in the middle")[0]}
        assert len(both.lost) == 1 + (starts[2] < cut <= starts[3]), cut


@pytest.mark.parametrize(
    "broken",
    [
        page_xml(5, "a & b"),
        page_xml(5, "&nbsp;"),
        page_xml(5, "&lol9;"),
        page_xml(5, "a <b> c"),
        page_xml(5, "<!-- never closed"),
        page_xml(5, "<![CDATA[ never closed"),
        page_xml(5, "x").replace("</text>", ""),
        page_xml(5, "x").replace("<id>5</id>", ""),
        page_xml(5, "x").split("<revision>")[0],
    ],
)
def test_broken_page_is_named_and_its_neighbours_are_kept(tmp_path: Path, broken: str) -> None:
    path = write(tmp_path / "enwiki.xml", dump_xml(page_xml(8, "before"), broken, page_xml(9, "after")))
    with pytest.raises(DamagedInputError, match="page 'Title 5' is"):
        read(path)
    pages, counts = read(path, "skip")
    assert [page.id for page in pages] == [8, 9] and len(counts.lost) == 1 and "Title 5" in counts.lost[0]


def test_page_that_is_not_utf8_is_damage(tmp_path: Path) -> None:
    xml = dump_xml(page_xml(8, "before"), page_xml(5, "X\N{DEGREE SIGN}Y"), page_xml(9, "after")).encode()
    path = write(tmp_path / "enwiki.xml", xml.replace(b"X\xc2\xb0Y", b"X\xb0Y"))
    pages, counts = read(path, "skip")
    assert [page.id for page in pages] == [8, 9] and "not well-formed (invalid token)" in counts.lost[0]


def test_damage_offset_of_plain_xml_is_the_page(tmp_path: Path) -> None:
    xml = dump_xml(page_xml(8, "é"), page_xml(5, "a & b"))
    with pytest.raises(DamagedInputError) as caught:
        read(write(tmp_path / "enwiki.xml", xml))
    assert caught.value.offset == xml.encode().index(b"<page>", xml.encode().index(b"</page>"))


@pytest.mark.parametrize(
    "text",
    [
        "&amp;" * 100_000,
        "&" * 500_000,
        "<!--" * 100_000,
        "<!---->" * 60_000,
        "<!--" + "</page>" * 60_000,
        "</page" * 60_000,
        "<page>" * 60_000,
        "<sha1>" * 60_000,
        "</text>" + "<sha1></sha1> " * 30_000,
        "<![CDATA[" + "]" * 300_000,
    ],
)
def test_pages_built_to_choke_a_scanner_end_at_once(text: str) -> None:
    xml = dump_xml(page_xml(1, text), page_xml(2, "after")).encode()
    pieces = [Piece(n, xml[n : n + 65536]) for n in range(0, len(xml), 65536)]
    *_, last = (cut for cut in cut_pages(pieces, 0, len(xml), "xml") if isinstance(cut, Page))
    assert (last.id, last.text) == (2, "after")


@pytest.mark.parametrize(
    "bad", [b"&", b"a&b;", b"&#0;", b"&#xD800;", b"&#xFFFFFFF;", b"&lt", b"\xff", b"&amp", b"x &lt; y & z"]
)
def test_text_that_is_no_character_data_is_refused(bad: bytes) -> None:
    with pytest.raises(ValueError):
        decode_text(bad)


def test_characters_that_xml_forbids_are_dropped_from_a_text() -> None:
    assert decode_text(b"a\x00b\x02\x08c\td&#13;\n\xc3\xa9\x07") == "abc\td\r\né"
