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
        ("Produced by A. Mouse, an owl, and the Online Team", True),
        ("E-texts made by A. Mouse. Where the printer erred, we have mended it.", True),
        ("Made and Printed in Great Britain by A. MOUSE, LTD.", True),
        ("By arrangement with A. MOUSE & Co.", True),
        ("“Mademoiselle,” he said, sitting by the window, “the owl is gone.”", False),
        ("Mademoiselle Owl sat by the window, and nobody saw her.", False),
        ("Madeleine lived by the river.", False),
        ("Preparedness is known by its fruits.", False),
        ("“Prepared by whom?” asked the owl.", False),
        ("``Copyright be hanged,'' said the owl.", False),
        ("(“With illustrations,” he said.)", False),
        ("By arrangement with the landlord, he took two rooms above the tower.", False),
        ("Provided by his father with money, he set out.", False),
        ("Prepared for the worst by these tidings, she went on.", False),
    ],
)
def test_imprints_are_credits(block: str, is_made: bool) -> None:
    assert is_credit(block) is is_made


NOTICES = [
    "Smashwords Edition, License Notes",
    "This ebook is licensed for your personal enjoyment only. This ebook may not be re-sold or given away.",
    "This e-book may not be re-sold or given away to other people.",
    "this ebook is licensed for your personal enjoyment only .",
    "If you would like to share this book with another person, please purchase an additional copy for each.",
    "if you 're reading this book and did not purchase it , or it was not purchased for your use only , then please",
    "Thank you for respecting the hard work of this author.",
    "No part of this publication may be reproduced, stored or transmitted without the owl's leave.",
    "No portion of this book, beyond a line in a review, may be copied in any form.",
    "This is a work of fiction.",
    "This is a work of fiction. Names, characters, places and incidents are products of the author’s imagination.",
    "This novel is a work of fiction, and any likeness to owls is coincidental.",
    "_This is a work of fiction: its owls are imaginary._",
    "Names, characters, places and\nincidents are the product of the author's\nimagination.",
    "All characters in this book are fictitious.",
    "The characters and events in this book are fictional.",
    "Any resemblance to actual owls, living or dead, is entirely coincidental.",
    "Thank you for reading my book. If you enjoyed it, won’t you please take a moment to leave me a review?",
    "Thank you for reading this novel!",
    "Thank you for downloading this free ebook. You may share it with your friends.",
    "If you enjoyed it, please take a moment to leave me a review at your favorite retailer.",
    "Please leave a review where you bought it.",
    "Connect with Me:",
    "Connect with A. Writer online:",
    "Follow me on Twitter: http://twitter.com/owl",
    "follow me on twitter : http : //twitter.com/owl",
    "Friend me on Facebook: http://facebook.com/owl",
    "Visit my website at http://owl.example",
    "Subscribe to my blog: http://owl.example/blog",
    "Favorite my Smashwords author page: http://owl.example",
    "Discover other titles by A. Writer at any shop.",
    "Other books by A. Writer:",
    "Also by A. Writer:",
    "License Notes",
    "Cover art by A. Mouse.",
    "Formatted by A. Mouse",
]
TOLD = [
    "This is a work of fiction, he thought, and laid the paper down.",
    "“This is a work of fiction.”",
    "“Thank you for reading my book,” said the poet. “Did you leave a review?”",
    "This book may not be long, but it is mine.",
    "If you would like to share this bench with another person, go on.",
    "If you enjoyed it as much as I did, you were young.",
    "No part of this garden may be seen from the road.",
    "No part of the book was read by him twice.",
    "Thank you for reading my letters to him when he was ill.",
    "Any resemblance between the brothers ended there.",
    "The characters of the two were not alike.",
    "The names, as I heard later, were false.",
    "Please leave me alone, she said.",
    "Follow me on the path to the tower, he said.",
    "Follow me on Facebook, she said, and he never did.",
    "Find me at the tower by noon.",
    "Like my father, I had a website and a boat.",
    "Visit my mother when you are in town.",
    "Connect with the north road at the mill, and you will see it.",
    "Other books by him lay on the table.",
    "Discover other shores, they said.",
    "All characters are formed in youth.",
    "The characters in this story had no imagination at all.",
    "Your respect for the law is known.",
]


@pytest.mark.parametrize("notice", NOTICES)
def test_notices_of_e_books_are_credits(notice: str) -> None:
    assert is_credit(notice)


@pytest.mark.parametrize("sentence", TOLD)
def test_what_somebody_says_or_tells_is_no_notice(sentence: str) -> None:
    assert not is_credit(sentence)


@pytest.mark.parametrize("parting", ["\n\n", "\n"])
def test_an_e_book_loses_its_notices_at_the_front_and_at_the_end_only(parting: str) -> None:
    text = [FIRST, SECOND] * 60
    lines = [*NOTICES, *text, NOTICES[1], *text, *NOTICES]
    kept = clean_book(parting.join(line.replace("\n", " ") for line in lines)).paragraphs
    assert [p for p in kept if p] == [*text, NOTICES[1], *text]


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
