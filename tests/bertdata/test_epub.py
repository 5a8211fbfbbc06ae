"""EPUB: the spine's order, text passages only; encrypted, damaged and exploding archives are refused with a reason."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bertdata.extract.epub import EpubError, read_epub
from bertdata.records import Document, Rejection
from tests.bertdata.book_folders import epub, read_books, write_folder

ONE = "The kettle had been singing since dawn."
TWO = "The second guest came by the garden, which nobody did."
CHAPTER = f"<p>{ONE}</p>" * 9


def _paragraphs(body: str, **options: bool) -> list[str]:
    return read_epub(epub({"c1.xhtml": body}), **options).prose.paragraphs


def test_the_spine_decides_the_order_and_each_file_is_read_once() -> None:
    pages = {"a.xhtml": f"<p>{TWO}</p>", "z.xhtml": f"<p>{ONE}</p>"}
    book = read_epub(epub(pages, spine=("z.xhtml", "a.xhtml", "z.xhtml"), title="The Kettle"))
    assert (book.title, book.language, book.prose.paragraphs) == ("The Kettle", "en", [ONE, TWO])


@pytest.mark.parametrize(
    ("body", "paragraphs"),
    [
        ("<p><span class='dropcap'>O</span>nce un<i>believ</i>able.</p>", ["Once unbelievable."]),
        ("<div>Nobody<br/>noticed.</div><div>It went.</div>", ["Nobody noticed.", "It went."]),
        ("<p>It&#8217;s there&#160;today.</p>", ["It’s there today."]),
        ("<p>A caf&eacute;&nbsp;is here.</p>", ["A café is here."]),
        ("<p>One.<p>Two.", ["One.", "Two."]),
        ("<p>10<sup>16</sup> owls on the 5<sup>th</sup>.</p>", ["10¹⁶ owls on the 5th."]),
        ("text in the body.<p>A paragraph.</p>more of it.", ["text in the body.", "A paragraph.", "more of it."]),
        ("<p>He read<a href='#n1'><sup>1</sup></a> it.</p>", ["He read it."]),
        ("<p>He read<sup><a href='#n1'>*</a></sup> it.</p>", ["He read it."]),
        (
            "<p>He read<a epub:type='noteref' href='#n'>1</a> it.</p><aside epub:type='footnote'>A note.</aside>",
            ["He read it."],
        ),
        ("<p>H<sub>2</sub>O and E = mc<sup>2</sup> are known.</p>", ["H2O and E = mc² are known."]),
        ("<p>See <a href='x'>the letter</a> he wrote.</p>", ["See the letter he wrote."]),
        ("<p>漢<ruby>字<rt>じ</rt></ruby>である。</p>", ["漢字である。"]),
        ("<!-- a comment --><p>A <!-- b -->word.<?pi x?></p>", ["A word."]),
        ("<p>A soft\u00adhyphen and a zero\u200bwidth.</p>", ["A softhyphen and a zerowidth."]),
    ],
)
def test_inline_elements_join_and_blocks_part(body: str, paragraphs: list[str]) -> None:
    assert _paragraphs(body) == paragraphs


@pytest.mark.parametrize(
    "aside",
    [
        "<h1>The Kettle</h1>",
        "<h4>A part</h4>",
        "<ul><li>Apples are sold by the pound.</li></ul>",
        "<ol><li><p>Pears are sold by the piece.</p></li></ol>",
        "<dl><dt>Tea</dt><dd>It is a drink.</dd></dl>",
        "<table><tr><td><p>It has cells.</p></td></tr></table>",
        "<figure><img src='a.png' alt='A boat.'/><figcaption>The boat is seen.</figcaption></figure>",
        "<nav><p>Go on.</p></nav>",
        "<pre>int main(void);</pre>",
        "<math><mi>x</mi></math>",
        "<svg><text>Words in a picture.</text></svg>",
        "<script>var x = 'It is.';</script>",
        "<p class='chapter-title'>The Second Guest.</p>",
        "<p>CHAPTER TWO</p>",
        "<p>* * *</p>",
        "<div class='footnote'><p>1. It was so.</p></div>",
        "<span class='pagenum'>12</span>",
    ],
)
def test_what_is_no_text_passage_goes(aside: str) -> None:
    assert _paragraphs(f"<p>{ONE}</p>{aside}<p>{TWO}</p>") == [ONE, TWO]


def test_dashes_make_a_synopsis_below_a_heading_only() -> None:
    dashes = "The owl flew out.—Nobody saw it.—The tower was dark."
    assert _paragraphs(f"<h2>II</h2><p>{dashes}</p><p>{ONE}</p>") == [ONE]
    assert _paragraphs(f"<h2>II</h2><p>{ONE}</p><p>{dashes}</p><p>“{dashes}”</p>") == [ONE, dashes, f"“{dashes}”"]


def test_verse_is_kept_or_left_out() -> None:
    body = f"<p>{ONE}</p><div class='poem'><p>The winter came in,<br/>and sat down.</p></div>"
    assert _paragraphs(body) == [ONE, "The winter came in, and sat down."]
    assert _paragraphs(body, keep_verse=False) == [ONE]


LINES = ("The winter came in,", "and sat down", "by the owl.")


@pytest.mark.parametrize(
    "stanza",
    [
        "<div class='stanza'><div class='verse indent0'>{}</div>\n<div class='verse indent2'>{}</div>"
        "<div class='verse indent0'>{}</div></div>",
        "<div class='stanza'><p>{}</p><p class='i2'>{}<span class='linenum'>10</span></p><p>{}</p></div>",
        "<div class='stanza'><span class='i0'>{}<br/></span><span class='i2'>{}<br/></span>{}</div>",
        "<p class='stanza'>{}<br/>{}<br/>{}</p>",
        "<div class='poem'><p class='line'>{}</p><p class='line'><i>{}</i></p><p class='line'>{}</p></div>",
        "<div class='poetry'><div class='verse'>{}</div><div class='verse'>{}</div><div class='verse'>{}</div></div>",
        "<p class='verse'>{}<br/>{}<br/>{}</p>",
    ],
)
def test_lines_of_verse_are_joined_and_stanzas_parted(stanza: str) -> None:
    body = f"<p>{ONE}</p><div class='poetry-container'><div class='poetry'>{stanza}<!-- a page -->{stanza}</div></div>"
    body = body.format(*LINES, *LINES) + f"<p>{TWO}</p>"
    assert _paragraphs(body) == [ONE, " ".join(LINES), " ".join(LINES), TWO]
    assert _paragraphs(body, keep_verse=False) == [ONE, TWO]


@pytest.mark.parametrize("kind", ["verse", "line"])
def test_paragraphs_outside_a_poem_are_parted_whatever_they_are_called(kind: str) -> None:
    assert _paragraphs(f"<p class='{kind}'>{ONE}</p><p class='{kind}'>{TWO}</p>") == [ONE, TWO]


@pytest.mark.parametrize("name", ["toc.xhtml", "cover.html", "titlepage.xhtml", "Text/copyright.xhtml", "nav.xhtml"])
def test_front_matter_is_known_by_its_file_name(name: str) -> None:
    assert read_epub(epub({name: f"<p>{TWO}</p>", "c1.xhtml": f"<p>{ONE}</p>"})).prose.paragraphs == [ONE]


@pytest.mark.parametrize("kind", ["cover", "toc", "titlepage", "copyright-page", "loi", "endnotes"])
def test_front_matter_is_known_by_its_type(kind: str) -> None:
    page = '<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops">'
    page += f'<body epub:type="{kind}">'
    pages = {"x.xhtml": f"{page}<p>{TWO}</p></body></html>", "c1.xhtml": f"<p>{ONE}</p>"}
    assert read_epub(epub(pages)).prose.paragraphs == [ONE]


def _guided(pages: dict[str, str], reference: str) -> dict[str, int]:
    """Return the rules of an EPUB 2 of `pages` with one reference in its guide, checking that the rest is kept."""
    items = "".join(f'<item id="i{n}" href="{quote(name)}"/>' for n, name in enumerate(pages))
    references = "".join(f'<itemref idref="i{n}"/>' for n in range(len(pages)))
    package = (
        f'<package xmlns="http://www.idpf.org/2007/opf" version="2.0"><metadata/><manifest>{items}</manifest>'
        f'<spine toc="ncx">{references}</spine>'
        f"<guide>{reference}</guide></package>"
    )
    prose = read_epub(epub(pages, package=package)).prose
    assert prose.paragraphs == [p for page in pages.values() for p in re.findall("<p>(.*?)</p>", page) if p != TWO]
    return {rule: count for rule, count in prose.rules.items() if rule not in ("h1", "h2")}


def test_an_epub_2_guide_names_front_matter() -> None:
    pages = {"a.xhtml": f"<p>{TWO}</p>", "b c.xhtml": f"<p>{ONE}</p>"}
    assert _guided(pages, '<reference type="toc" href="a.xhtml"/>') == {"toc": 1}


@pytest.mark.parametrize("kind", ["toc", "cover", "title-page", "copyright-page", "notes"])
@pytest.mark.parametrize("place", ["#id1", ""])
def test_a_guide_that_points_into_the_text_drops_none_of_it(kind: str, place: str) -> None:
    if kind in ("copyright-page", "notes") and not place:
        return  # Such a page as a whole is one of prose.
    pages = {"a.xhtml": f"<h1 id='id1'>I</h1>{CHAPTER}", "b.xhtml": f"<h2>II</h2>{CHAPTER}"}
    assert _guided(pages, f'<reference type="{kind}" href="a.xhtml{place}"/>') == {}


@pytest.mark.parametrize("name", ["index.html", "text/the-index.html", "table-of-contents.html", "title-page.html"])
def test_a_chapter_is_kept_whatever_its_file_is_called(name: str) -> None:
    prose = read_epub(epub({name: CHAPTER, "c1.xhtml": f"<p>{TWO}</p>"})).prose
    assert (prose.paragraphs, prose.rules) == ([ONE] * 9 + [TWO], {})
    # A sentence is text where there is no more of it.
    assert read_epub(epub({name: f"<p>{ONE}</p>"})).prose.paragraphs == [ONE]


def test_contents_index_and_publishers_page_go_by_their_names_and_are_counted() -> None:
    notice = f"<p>{'No owl may be copied without a written word of its publisher. ' * 9}</p>"
    pages = {
        "cover.xhtml": "<p><img src='a.png'/></p>",
        "contents.html": "<p>1 <a href='c1.xhtml'>What did the owl see from the tower that night?</a> 7</p>" * 30,
        "c1.xhtml": f"<p>{ONE}</p>",
        "index.html": "<p>owls of the moor and of the tower, their food and their young, 12; of snow, 34.</p>" * 30,
        "copyright.html": notice,
        "titlepage.html": f"{notice}<p>{TWO}</p>",
    }
    prose = read_epub(epub(pages)).prose
    assert prose.paragraphs == [ONE]
    kinds = ("cover", "contents", "index", "copyright", "titlepage")
    assert prose.rules == dict.fromkeys(kinds, 1)


@pytest.mark.parametrize(
    "sentence",
    [
        "The owl lived in the tower until the spring of 1848.",
        f"{'The owl lived in the tower, and the mice below it, ' * 3}until May 3, 1848.",
        "The owl wrote to its publisher in the evening, and the publisher never wrote to the owl in all those years.",
    ],
)
def test_sentences_that_end_in_years_or_speak_of_publishers_are_no_index(sentence: str) -> None:
    prose = read_epub(epub({"index.html": f"<p>{sentence}</p>" * 60, "c1.xhtml": f"<p>{TWO}</p>"})).prose
    assert (prose.paragraphs, prose.rules) == ([sentence] * 60 + [TWO], {})


def test_notes_may_be_long_behind_the_text_only() -> None:
    long = CHAPTER * 20
    assert _guided({"a.xhtml": long, "b.xhtml": CHAPTER}, '<reference type="notes" href="a.xhtml"/>') == {}
    notes = f"<p>{TWO}</p>" * 100
    assert _guided({"a.xhtml": CHAPTER, "b.xhtml": notes}, '<reference type="notes" href="b.xhtml"/>') == {"notes": 1}


def test_contents_between_chapters_go_and_links_in_sentences_stay() -> None:
    entry = "<p><a href='#c2'>What did the owl see?</a></p>"
    out = "<p><a href='https://owl.example/'>The owl is online.</a></p>"
    assert _paragraphs(f"{entry * 2}<p>{ONE}</p>{out}<p><a href='#c2'>The owl</a> saw it.</p>") == [
        ONE,
        "The owl is online.",
        "The owl saw it.",
    ]


@pytest.mark.parametrize(
    "linked",
    [
        ["“No,” said the owl, “I was never there.”"],
        ["The owl flew out at evening."],
        ["“No.”", "“Yes.”", "“No!”"],
        [ONE, TWO, "Nobody saw the owl as it flew out of the tower, for it was dark.", "The mice were glad of that."],
    ],
)
def test_linked_sentences_are_text(linked: list[str]) -> None:
    body = "".join(f"<p><a href='notes.html#n3'>{text}</a></p>" for text in linked)
    assert _paragraphs(f"<p>{ONE}</p>{body}<h2>II</h2><p>{TWO}</p>{body}") == [ONE, *linked, TWO, *linked]
    prose = read_epub(epub({"a.xhtml": body, "b.xhtml": f"<h1>I</h1>{body}"})).prose
    assert (prose.paragraphs, prose.chapters) == (linked * 2, [(len(linked), "I")])


def test_a_link_to_another_page_goes_beside_a_linked_sentence() -> None:
    onward = "<p><a href='#n'>Go on to what is said of mice</a></p>"
    assert _paragraphs(f"<p><a href='#n'>{TWO}</a></p>{onward}<p>{ONE}</p>") == [TWO, ONE]


def test_linked_sentences_before_a_frame_stand_before_it() -> None:
    frame = "<section class='pg-header'><p>*** START OF THE PROJECT GUTENBERG EBOOK OWLS ***</p></section>"
    assert _paragraphs(f"<p><a href='#n'>{TWO}</a></p>{frame}<p>{ONE}</p>") == [ONE]


@pytest.mark.parametrize(
    "entries",
    [
        ["What did the owl see?", "Where the mouse was."],
        ["CHAPTER ONE", "In which an owl flies out.", "CHAPTER TWO", "In which a mouse is glad."],
        ["The owl of the tower, its young, and the mice that it was never seen to eat there, 12"] * 4,
        [
            "How the owl saw the mouse and the mouse saw the owl, and what came of that for both of them.",
            "Owls 3",
            "Mice 4",
        ],
        ["Go on to what is said of mice"],
    ],
)
def test_linked_entries_of_contents_go(entries: list[str]) -> None:
    body = "".join(f"<p><a href='#c3'>{text}</a></p>" for text in entries)
    assert _paragraphs(f"<p>{ONE}</p>{body}<p>{TWO}</p>{body}") == [ONE, TWO]


@pytest.mark.parametrize("kind", ["titlepage", "copyright-page", "footnotes", "toc"])
def test_a_section_beside_the_text_takes_no_other_with_it(kind: str) -> None:
    body = f"<section epub:type='{kind}'><p>{TWO}</p></section><section epub:type='chapter'><p>{ONE}</p></section>"
    assert _paragraphs(body) == [ONE]
    nested = f"<section epub:type='chapter'><p>{ONE}</p><section epub:type='{kind}'><p>{TWO}</p></section></section>"
    prose = read_epub(epub({"c.xhtml": nested})).prose
    assert (prose.paragraphs, sum(prose.rules.values())) == ([ONE], 1)


def test_files_that_the_spine_names_and_the_archive_lacks_are_counted() -> None:
    data = epub({"c.xhtml": f"<p>{ONE}</p>"}).replace(b"OEBPS/c.xhtml", b"OEBPS/d.xhtml")
    prose = read_epub(data).prose
    assert (prose.paragraphs, prose.rules) == ([], {"missing-file": 1})


TOP = "<h2>The Project Gutenberg eBook of Owls</h2><div>This eBook is for the use of anyone anywhere.</div>"
START, END = (f"*** {word} OF THE PROJECT GUTENBERG EBOOK OWLS ***" for word in ("START", "END"))
LICENCE = (
    "<p>Updated editions will replace the previous one.</p>" + "<p>You may copy it, give it away or re-use it.</p>" * 50
)
BOOK = {"b.xhtml": f"<h2>I</h2>{CHAPTER}", "c.xhtml": f"<h2>II</h2><p>{TWO}</p>"}


@pytest.mark.parametrize(
    ("top", "bottom"),
    [
        (
            f"<section class='pg-boilerplate pgheader' id='pg-header'>{TOP}"
            f"<div id='pg-start-separator'><span>{START}</span></div></section>",
            f"<section class='pg-boilerplate pgheader' id='pg-footer'><div id='pg-end-separator'><span>{END}</span>"
            f"</div><div>{LICENCE}</div></section>",
        ),
        (
            f"<div id='pg-header'>{TOP}<p id='pg-start-line'>{START}</p></div>",
            f"<p id='pg-end-line'>{END}</p>{LICENCE}",
        ),
        (f"{TOP}<p>{START}</p>", f"<div>{END}</div><h2>THE FULL LICENSE</h2>{LICENCE}"),
        (f"{TOP}<pre>\n{START}\n\nProduced by An Owl\n</pre>", f"<pre>\nEnd of Owls\n\n{END}\n</pre>{LICENCE}"),
        ("", f"<p>End of the Project Gutenberg EBook of Owls, by A. Mouse</p><p>{END}</p>{LICENCE}"),
        (f"<h2>{START}</h2>", f"<section id='pg-footer'><p>{END}</p></section>{LICENCE}"),
    ],
)
def test_project_gutenbergs_header_and_licence_go(top: str, bottom: str) -> None:
    pages = {
        "a.xhtml": f"{top}<p>Produced by An Owl.</p>",
        **BOOK,
        "d.xhtml": f"<p>{ONE}</p>{bottom}",
        "e.xhtml": LICENCE,
    }
    if "section class" in bottom:
        del pages["e.xhtml"]
    prose = read_epub(epub(pages)).prose
    assert prose.paragraphs == [ONE] * 9 + [TWO, ONE]
    assert prose.chapters == [(0, "I"), (9, "II")]
    assert prose.rules["gutenberg"] > 0


def test_each_book_of_a_collection_loses_its_own_frame() -> None:
    body = f"{TOP}<p>{START}</p><p>{ONE}</p><p>{END}</p>{LICENCE}" * 2
    assert read_epub(epub({"a.xhtml": body, "b.xhtml": f"{TOP}<p>{START}</p>{CHAPTER}"})).prose.paragraphs == [ONE] * 11


def test_no_sentence_is_a_mark_and_no_mark_drops_what_is_too_long_for_a_frame() -> None:
    told = "The end of the Project Gutenberg eBook was near, said the owl."
    written = f"“{END}” was written there."
    long = CHAPTER * 200
    assert _paragraphs(f"{long}<p>{told}</p><p>{written}</p>{long}")[1_800:-1_800] == [told, written]
    assert _paragraphs(f"{long}<p>{END}</p>{long}<p>{START}</p>{long}") == [ONE] * 5_400


def test_credits_and_notices_go_at_the_front_and_at_the_end_only() -> None:
    licence, wish = "This ebook is licensed for your personal enjoyment only.", "Thank you for reading my book."
    middle = f"{CHAPTER * 10}<p>{licence}</p>{CHAPTER * 10}"
    pages = {
        "a.xhtml": f"<h2>I</h2><p>Smashwords Edition</p><p>{ONE}</p><p>{licence}</p>{middle}",
        "b.xhtml": f"<h2>II</h2><p>{wish}</p><p>{TWO}</p><p>Connect with me:</p>",
    }
    prose = read_epub(epub(pages)).prose
    assert prose.paragraphs == [ONE] * 91 + [licence] + [ONE] * 90 + [TWO]
    assert (prose.chapters, prose.rules) == ([(0, "I"), (182, "II")], {"credit": 3, "h2": 2, "heading": 1})


def test_prose_that_begins_as_credits_do_stays_in_an_epub() -> None:
    told = [
        "“Mademoiselle,” he said, sitting by the window, “the owl is gone.”",
        "By arrangement with the landlord, he took two rooms above the tower.",
        "Provided by his father with money, he set out for the moor.",
    ]
    assert _paragraphs("".join(f"<p>{p}</p>" for p in told)) == told


def test_chapters_are_documents_where_asked(tmp_path: Path) -> None:
    body = f"<h2>I</h2><p>{ONE}</p><h2>II</h2><h3>A part</h3><p>{TWO}</p>"
    rows = read_books(write_folder(tmp_path, {"k.epub": epub({"c.xhtml": body}, title="K")}), document_unit="chapter")
    assert [(row.id, row.title, row.text) for row in rows] == [
        ("books/k#01", "K: I", ONE),
        ("books/k#02", "K: II", TWO),
    ]


def _bomb() -> bytes:
    return epub({"c.xhtml": "<p>" + "A word. " * 2_000_000 + "</p>"})


def _laughs() -> str:
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    return f'<!DOCTYPE html [<!ENTITY l0 "ha">{entities}]><html><body><p>&l11;</p></body></html>'


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "damaged-epub"),
        (b"not a zip at all", "damaged-epub"),
        (epub({"c.xhtml": f"<p>{ONE}</p>"})[:-200], "damaged-epub"),
        (_bomb(), "epub-bomb"),
        (epub({"c.xhtml": ONE}, extra={"META-INF/rights.xml": "<rights/>"}), "encrypted"),
        (
            epub(
                {"c.xhtml": ONE},
                extra={
                    "META-INF/encryption.xml": "<encryption><EncryptedData><EncryptionMethod "
                    'Algorithm="http://www.w3.org/2001/04/xmlenc#aes128-cbc"/></EncryptedData></encryption>'
                },
            ),
            "encrypted",
        ),
    ],
)
def test_an_epub_that_cannot_be_read_is_a_rejection(tmp_path: Path, data: bytes, reason: str) -> None:
    rows = read_books(write_folder(tmp_path, {"bad.epub": data, "good.txt": ONE}))
    assert isinstance(rows[0], Rejection) and (rows[0].reason, rows[0].title) == (reason, "bad.epub")
    assert isinstance(rows[1], Document)


def test_obfuscated_fonts_are_no_encryption() -> None:
    fonts = (
        "<encryption><EncryptedData><EncryptionMethod "
        'Algorithm="http://www.idpf.org/2008/embedding"/></EncryptedData></encryption>'
    )
    data = epub({"c.xhtml": f"<p>{ONE}</p>"}, extra={"META-INF/encryption.xml": fonts})
    assert read_epub(data).prose.paragraphs == [ONE]


def test_entity_bombs_expand_to_nothing() -> None:
    paragraphs = read_epub(epub({"bomb.xhtml": _laughs(), "c.xhtml": f"<p>{ONE}</p>"})).prose.paragraphs
    assert paragraphs[-1] == ONE and sum(map(len, paragraphs)) < 200


def test_entities_read_no_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("The secret is out.")
    page = (
        f'<!DOCTYPE html [<!ENTITY x SYSTEM "file://{tmp_path}/secret">]><html><body><p>It is &x; so.</p></body></html>'
    )
    assert "secret is" not in " ".join(_paragraphs(page))


def test_deeply_nested_elements_do_not_crash() -> None:
    paragraphs = _paragraphs("<div>" * 5_000 + ONE + "</div>" * 5_000)
    assert paragraphs in ([], [ONE])


@given(st.binary(max_size=200), st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_any_page_gives_paragraphs_or_a_refusal(junk: bytes, cut: int) -> None:
    data = epub({"c.xhtml": "<p>One.</p>"}, extra={"OEBPS/d.xhtml": junk})
    pages = {"c.xhtml": f"<p>{ONE}</p>" + junk.decode("latin-1")}
    for content in (epub(pages), data[: len(data) - cut * 37], junk, data[:60] + junk + data[60:]):
        try:
            assert all(read_epub(content).prose.paragraphs)
        except EpubError as error:
            assert error.reason in ("damaged-epub", "encrypted", "epub-bomb")


def test_zip_members_beyond_the_bound_are_refused() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for n in range(20_001):
            archive.writestr(f"{n}", "")
    with pytest.raises(EpubError, match="20,001 members"):
        read_epub(buffer.getvalue())


@pytest.mark.parametrize(
    ("name", "first", "num_words"),
    [
        ("moby-dick.epub", "", 205_000),
        ("pride-and-prejudice.epub", "It is a truth universally acknowledged", 120_000),
        ("regime-anticancer-arabic.epub", "", 4_600),
    ],
)
def test_real_books_are_read_whole(shared_data: Path, name: str, first: str, num_words: int) -> None:
    book = read_epub((shared_data / "books" / "epub" / name).read_bytes())
    assert book.title and book.prose.paragraphs[0].startswith(first)
    assert num_words < sum(len(p.split()) for p in book.prose.paragraphs) < 1.12 * num_words
