"""Credits, publishers' lists, captions, numbers of pages and lines: what is none of a book's text."""

from __future__ import annotations

import pytest

from bertdata.extract.blocks import classify
from bertdata.extract.credits import is_advert, is_credit
from bertdata.extract.prose import clean_book, join_paragraphs

FIRST = "The ferryman of Lower Quay had never learned to swim, and he was proud of it all his life."
SECOND = "On the first morning of spring he found a letter under the oar, which was addressed to nobody."


@pytest.mark.parametrize(
    ("block", "is_made"),
    [
        ("_From the set of Eight Volumes of “Old Trials”_", True),
        ("Printed for and Sold by A. BAKER, at the Black Boy. 1715.", True),
        ("From the set of Eight Volumes of “Old Crimes”", True),
        ("From the set of his jaw they knew that he would stay, and that more volumes would follow.", False),
        ("It was printed for the poor.", False),
        ("This book was produced from images of an owl.", True),
        ("This book is made as short as possible, because owls are brief.", False),
        ("The Owl, an essay, 1 vol. 12mo.", True),
        ("The owl is named first in an essay in one 12mo volume, which a printer made for nobody. " * 4, False),
        ("Price 6d., or three for a shilling at the door.", True),
        ("Page 12, line 3. For “owls” read “oxen.”", True),
        ("Text that was originally in italics is in capitals here.", True),
        ("gave litle=> gave little", True),
    ],
)
def test_imprints_are_credits(block: str, is_made: bool) -> None:
    assert is_credit(block) is is_made


@pytest.mark.parametrize(
    ("paragraph", "offers"),
    [
        ("“A book for all who have a garden.”—_The Rutland Herald_.", True),
        ("Full of owls from end to end.--Jersey Shore Republican.", True),
        ("“He came back,” she said—the man who sold the Herald.", False),
        ("JANE OWL Poems. 2s. 6d. net.", True),
        ("The Owl of the Moor. Crown 8vo, cloth, gilt edges.", True),
        ("He laid the net over 5s. worth of cloth.", False),
    ],
)
def test_adverts_are_told_by_prices_and_by_who_praised_the_book(paragraph: str, offers: bool) -> None:
    assert is_advert(paragraph) is offers


def test_a_publishers_list_behind_the_end_goes_and_a_last_chapter_of_that_name_stays() -> None:
    entries = ["Owls of the Moor, with a map, half calf, 3s. 6d. or in parts, 1s. 8d. and 4d., by the same author."]
    text = "\n\n".join([*[FIRST, SECOND] * 60, "THE END", *[*entries, SECOND] * 8])
    assert [p for p in clean_book(text).paragraphs if p] == [FIRST, SECOND] * 60
    text = "\n\n".join([*[FIRST, SECOND] * 60, "THE END", *[FIRST, SECOND] * 5])
    assert clean_book(text).paragraphs == [FIRST, SECOND] * 65


@pytest.mark.parametrize(
    ("block", "kind"),
    [
        ("Illustration: The owl in the tower.", "page"),
        ("* 1,200 owls.", "note"),
        ("{12} The owl of that name.", "note"),
        ("{112}the owl of that name flew out at evening, and nobody saw it.", "prose"),
        ("“I sought it.--Nobody saw the owl.--The tower was dark.”", "prose"),
        ("(FIGURE 3. SKULL OF AN OWL, of natural size.\nA. Barn owl. B. Snowy owl.)", "note"),
        ("(Figures are not the owl's affair.)", "prose"),
        ("تحمل كل خلية في جسم البومة مادة تدعى DNA.", "prose"),
        ("في الخلية DNA وفيها RNA أيضا.", "prose"),
        ("הינשוף עף בלילה מעל המגדל,\nוהעכברים ראו את צילו\nוברחו.", "verse"),
        ("ה־DNA של הינשוף נבדק באוניברסיטה.", "prose"),
        ("§ 2. No one may sell an owl to a mouse.", "prose"),
    ],
)
def test_notes_and_captions_are_told_from_prose(block: str, kind: str) -> None:
    assert classify(block, 70) == kind


def test_a_sentence_that_a_page_number_in_braces_cuts_is_one_again() -> None:
    text = f"{FIRST}\n\n{FIRST[:-1]} in the land on the other{{75}}\n\n{{76}}\n\n{{77}}bank of the river.\n\n{SECOND}"
    joined = FIRST[:-1] + " in the land on the other bank of the river."
    assert join_paragraphs(clean_book(text).paragraphs) == "\n\n".join([FIRST, joined, SECOND])


def test_stars_of_footnotes_go_and_stars_of_stress_stay() -> None:
    assert join_paragraphs(["The owl* flew a verst* off.", "It was *so* dark.", "A *long way* off."]) == (
        "The owl flew a verst off.\n\nIt was *so* dark.\n\nA *long way* off."
    )


def test_a_chapters_name_with_a_synopsis_goes_on_in_the_next_line() -> None:
    text = f"CANTO V. The second circle: of owls.--Minos.--Shades\nrenowned of old.--Mice.\n\n{FIRST}"
    assert clean_book(text).paragraphs == [FIRST]


def test_numbers_of_lines_of_verse_go() -> None:
    lines = ["  I heard it in the tower", "  And saw the Night.                  10", "  It struck the Hour of 5"]
    assert clean_book("\n".join([*lines, "  And then took flight."]), start=0).paragraphs == [
        "I heard it in the tower And saw the Night. It struck the Hour of 5 And then took flight."
    ]
