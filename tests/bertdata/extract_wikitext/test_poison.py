# ruff: noqa: E501
"""Pages built to choke a parser: every one ends, within bounds, and leaves no markup."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bertdata.extract.options import ExtractOptions
from bertdata.extract.wikitext import Cleaner, explain
from bertdata.records import SiteInfo

UNITS = """{{ }} [[ ]] {{a| {{{ {{{a| <ref> <ref\x20name= <!-- <!--- \n{| \n|} ''' '''''x <math> <math><ref> <div> <ul><li> <tr><td> & &amp [http://
[http://a\x20 | \n== __ _A_ ( (\x20;\x20 ,\x20 {{a}} {{a}}[[b]] -{ -{a| < <a\x20 \n* <nowiki> <pre> <ref\x20name=" { [ （ = {{a|[[b| [[File:a| <span\x20style="display:none">
\n{|\n|-\n|[[File:A.png|thumb| <small>''[[x|{{y|<ref> {{a|b= \n'''a __NOTOC__ {{convert|1|m}} \n \n\n \x20.\x20.\x20 é \u0301
<math>x_1^{2 <math>\\frac{a}{b</math> </math> ^{ {{IPA|a {{IPA|[b]}} {{IPAc-en|a|b}} ({{IPA|c}} {{!}} {{=}} {{coord|1|N|2|E}} <sup> <sup>2</sup> <ce>H2O [12] {{convert|5|-|6|km}} {{cvt|1+1/2|C {{unité|5|m|2}} \u20ac({{x}}"""
CLEANER = Cleaner(SiteInfo(language="zh"), ExtractOptions())
MARKUP = re.compile(r"\{\{|\}\}|\[\[|\]\]|<ref[\s>/]|<!--|[\x00-\x08]")
PIECES = [u.encode().decode("unicode_escape") if "\\" in u else u for u in UNITS.split(" ")]
PIECES = [piece for line in PIECES for piece in line.split("\n") if piece] + [
    "\n",
    "\n\n",
    " ",
    "word. ",
    "'' ",
    "]",
    "}",
    "\x02",
    "\x05",
]


@pytest.mark.parametrize("piece", PIECES)
def test_a_page_of_one_mark_repeated_is_read_or_rejected(piece: str) -> None:
    cleaned = CLEANER.clean("X", "Start here.\n\n" + piece * (60_000 // len(piece)) + "\n\nThe end.")
    assert cleaned.rejected in (None, "too-deep", "too-many-nodes", "too-large")
    assert not MARKUP.search(cleaned.text)
    assert cleaned.rejected or "Start here." in cleaned.text


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        ("{{a|" * 50_000 + "}}" * 50_000, {"too-deep"}),
        ("[[" * 1_000_000, {"too-many-nodes"}),
        ("{{" * 50_000, {"too-deep"}),
        ("a" * 20_000_000, {"too-large"}),
        ("{{x|" * 1_000_000, {"too-many-nodes"}),
    ],
)
def test_known_poison_is_rejected(text: str, reasons: set[str]) -> None:
    assert CLEANER.clean("X", text).rejected in reasons


def test_unbounded_options_still_read_poison_in_linear_passes() -> None:
    options = ExtractOptions(max_page_bytes=10**9, max_nodes=10**9, max_depth=10**9)
    cleaner = Cleaner(SiteInfo(language="en"), options)
    for piece in ("[[", "{{", "<!--", "<ref>", "'''", ", ", "{{a}}"):
        cleaned = cleaner.clean("X", "Start here.\n\n" + piece * 100_000)
        assert (cleaned.rejected, cleaned.text) == (None, "Start here."), piece


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=40))
@example(["{{a|", "[[", "}}", "]]"])
@example(["<nowiki>", "{{", "</nowiki>", "}}"])
@example(["-{", "{{a}}", "}-", "-{a|"])
@example(["\n{|", "\n|}", "}}", "{{a|"])
@example(["{{a}}[[b]]", "{", "}}", "{"])
def test_any_mixture_of_marks_leaves_no_markup(pieces: list[str]) -> None:
    text = "".join(pieces)
    cleaned = CLEANER.clean("X", text)
    assert cleaned.rejected or not MARKUP.search(cleaned.text)
    assert "\n\n\n" not in cleaned.text
    assert cleaned.text == cleaned.text.strip()
    assert CLEANER.clean("X", text) == cleaned
    spans = explain(CLEANER, "X", text)
    assert sum(span.end - span.start for span in spans) == len(text)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_read(text: str) -> None:
    cleaned = CLEANER.clean("X", text + "\n\nThe end of it all.")
    assert cleaned.rejected or cleaned.text.endswith("The end of it all.")
    assert unicodedata.is_normalized("NFC", cleaned.text)
