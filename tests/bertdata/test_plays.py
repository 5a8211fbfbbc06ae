"""Plays, and what else is printed around running text: speakers, casts, brackets over paragraphs, sections, dates."""

from __future__ import annotations

import pytest

from bertdata.extract.blocks import classify
from bertdata.extract.prose import clean_book, join_paragraphs
from bertdata.extract.speakers import is_cast

SPEECH = "The owl has not come home, and the lamp in the tower burns still, though it is nearly day."
ANSWER = "Then somebody must climb up to her and ask what keeps her from us, for I am cold and tired."
PROSE = (
    "The ferryman of Lower Quay had never learned to swim, and he was proud of it all his life, as\n"
    "other men are proud of their gardens, and he told everyone who crossed with him that he was."
)


def _text(book: str, keep_verse: bool = True) -> list[str]:
    return join_paragraphs(clean_book(book, keep_verse).paragraphs).split("\n\n")


@pytest.mark.parametrize("keep_verse", [True, False])
def test_speakers_on_lines_of_their_own_go_and_short_speeches_stay(keep_verse: bool) -> None:
    scene = ["_Ann_", SPEECH, "_The Miller_", "Little Owl.", "_Ann_", ANSWER, "_The Miller_", "Dear … Ann.", "CURTAIN"]
    assert _text("\n\n".join(scene * 20), keep_verse) == [SPEECH, "Little Owl.", ANSWER, "Dear … Ann."] * 20


def test_speakers_above_what_they_say_go_with_their_directions() -> None:
    scene = [
        f"Ann\n{SPEECH}", "The Miller (aside)\nShe is late.", f"Ann (to him)\n{ANSWER}", "The Miller\nNone, madam.",
    ]  # fmt: skip
    assert _text("\n\n".join(scene * 20)) == [SPEECH, "She is late.", ANSWER, "None, madam."] * 20


def test_names_of_chapters_and_refrains_make_no_play() -> None:
    chapters = [f"CHAPTER {'I' * (n % 3 + 1)}\n{PROSE}" for n in range(60)]
    assert len(_text("\n\n".join(chapters))) == 60
    refrain = "Turn and turn again\nThe mill beside the water turns for all of us\nAnd never asks us what we bring."
    assert _text("\n\n".join([refrain] * 60))[0].startswith("Turn and turn again The mill")


@pytest.mark.parametrize(
    ("block", "lists"),
    [
        ("ANN (30), a miller's daughter, who\n  has an owl.\nTHE MILLER.\nJOHN GREY, ferryman.", True),
        ("Ann, a girl\nThe Miller, her father\nJohn, a ferryman", True),
        ("SCENE: A mill by night. ANN stands at the window and listens.", False),
        ("ANN. Who is there?", False),
        ("There were many persons in the mill that night,\nand all of them were asleep.", False),
    ],
)
def test_a_cast_lists_names(block: str, lists: bool) -> None:
    assert is_cast(block, 60) is lists


def test_the_cast_goes_and_the_scene_stays() -> None:
    play = ["CHARACTERS", "ANN, a miller's daughter.\nTHE MILLER, her father.", f"SCENE: {SPEECH}", SPEECH]
    assert _text("\n\n".join(play)) == [f"SCENE: {SPEECH}", SPEECH]
    assert _text("\n\n".join(["CHARACTERS", PROSE, PROSE]))[0].startswith("The ferryman of Lower Quay")


def test_the_contents_end_at_a_scene_in_italics() -> None:
    play = ["CONTENTS", "Act I. The Mill 3", "PROLOGUE", f"_{SPEECH}_", "What time is it?"]
    assert _text("\n\n".join(play)) == [SPEECH, "What time is it?"]


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("[_She opens the door._", "She opens the door."),
        (
            "[He added this later.\n\nAnd this, too.]\n\nOut of it.",
            "He added this later.\n\nAnd this, too.\n\nOut of it.",
        ),
        ("He [the miller] went.\n\n[He came home.]", "He [the miller] went.\n\n[He came home.]"),
        ("Owls[12] [sic] sleep [by day", "Owls [sic] sleep [by day"),
    ],
)
def test_brackets_that_paragraphs_leave_open_go(written: str, kept: str) -> None:
    assert join_paragraphs(written.split("\n\n")) == kept


@pytest.mark.parametrize(
    ("block", "kind"),
    [
        ("§ 2. How to feed an Owl.", "heading"),
        ("§ 5. On registering Letters.", "heading"),
        ("§ 3. An owl may be fed by night.", "prose"),
        ("§ 14 of the act forbids that owls are fed by night, and the miller knew it well enough to do so.", "prose"),
        ("(Feb. 23, 1869.)", "heading"),
        ("(May 1, 1901)", "heading"),
        ("(He came in 1901.)", "prose"),
        ("Ann. I have  } seen it.\nThe Miller. She has  } seen it.", "table"),
    ],
)
def test_sections_dates_and_braces_are_told(block: str, kind: str) -> None:
    assert classify(block, 70) == kind


def test_numbered_paragraphs_that_were_announced_stay_and_footnotes_go() -> None:
    first, second = f"(1) {PROSE}", f"(2) {PROSE}"
    announced = "There are two things to know about him, and people mostly forget both of them at once:--"
    flat = PROSE.replace("\n", " ")
    assert _text("\n\n".join([announced, first, second, PROSE])) == [announced, f"(1) {flat}", f"(2) {flat}", flat]
    assert _text("\n\n".join([PROSE, first, second, PROSE])) == [flat, flat]


def test_no_blank_is_left_before_a_line_end() -> None:
    assert join_paragraphs(["She said ", "that he  came.  ", " Home."]) == "She said\n\nthat he came.\n\nHome."
