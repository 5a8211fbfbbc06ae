"""Encodings: marks, bytes and declarations decide, in that order; what is no text is told from text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bertdata.extract.encodings import decode_text

FRENCH = "“C’est l’été,” dit-elle — le café coûte 15 €."


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"])
def test_marks_and_bytes_tell_the_encoding(encoding: str) -> None:
    assert decode_text(FRENCH.encode(encoding)) == FRENCH


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_read(encoding: str) -> None:
    assert decode_text((FRENCH * 9).encode(encoding)) == FRENCH * 9


@pytest.mark.parametrize(
    ("declared", "encoding", "text"),
    [
        ("ISO-8859-2", "iso-8859-2", "Příliš žluťoučký kůň"),
        ("ISO-8859-7", "iso-8859-7", "Καλημέρα κόσμε"),
        ("KOI8-R", "koi8-r", "Война и мир"),
        ("windows-1251", "cp1251", "Война и мир"),
        ("Shift_JIS", "cp932", "吾輩は猫である"),
        ("Big5", "big5", "紅樓夢"),
    ],
)
def test_a_declared_encoding_is_believed_where_the_bytes_are_valid(declared: str, encoding: str, text: str) -> None:
    header = f"Character set encoding: {declared}\n\n"
    assert decode_text(header.encode() + text.encode(encoding)) == header + text


OWLS = {
    "ru": "Сова вылетела из башни, и мышь увидела её тень. Потом стало тихо, и никто не мог уснуть до самого утра. ",
    "uk": "Сова вилетіла з вежі, і миша побачила її тінь. Потім стало тихо, і ніхто не міг заснути до самого ранку. ",
    "el": "Η κουκουβάγια πέταξε από τον πύργο και το ποντίκι είδε τη σκιά της. Άλλος κανείς δεν κοιμήθηκε ως το πρωί. ",
    "he": "הינשוף עף בלילה מן המגדל, והעכבר ראה את צילו. אחר כך היה שקט, ואיש לא ישן עד הבוקר. ",
    "ar": "طارت البومة من البرج ليلا ورأى الفأر ظلها. ثم ساد الهدوء ولم ينم أحد حتى الصباح. ",
    "th": "นกฮูกบินออกจากหอคอยในเวลากลางคืน และหนูก็เห็นเงาของมัน แล้วทุกอย่างก็เงียบลงจนถึงเช้า ",
    "zh": "猫头鹰在夜里从塔上飞了出来，老鼠看见了它的影子。后来就静了，没有一个人能睡到天亮的时候。",
    "tw": "貓頭鷹在夜裡從塔上飛了出來，老鼠看見了牠的影子。後來就靜了，沒有一個人能睡到天亮的時候。",
    "ja": "ふくろうは夜の塔から飛び出した。ねずみはその影を見て、朝まで眠ることができなかった。",
    "ko": "부엉이가 밤에 탑에서 날아 나왔다. 쥐는 그의 그림자를 보고 아침까지 잠을 이루지 못하고 있었다. ",
}
PAGES = [
    *(("ru", encoding) for encoding in ("cp1251", "koi8-r", "cp866", "iso-8859-5")),
    *(("uk", encoding) for encoding in ("cp1251", "koi8-u", "iso-8859-5")),
    *(("el", encoding) for encoding in ("cp1253", "iso-8859-7")),
    *(("ar", encoding) for encoding in ("cp1256", "iso-8859-6")),
    *(("ja", encoding) for encoding in ("cp932", "euc-jp")),
    *(("zh", encoding) for encoding in ("gb2312", "gb18030")),
    *(("he", "cp1255"), ("th", "cp874"), ("tw", "big5"), ("ko", "cp949")),
]


@pytest.mark.parametrize("says", ["", "Character set encoding: ISO-8859-1\n\n"])
@pytest.mark.parametrize(("language", "encoding"), PAGES)
def test_letters_tell_the_encoding_of_other_scripts(language: str, encoding: str, says: str) -> None:
    text = says + OWLS[language] * 4
    assert decode_text(text.encode(encoding)) == text
    text = "Chapter 1. The Owl of the Tower, and other stories.\n" + OWLS[language] * 3_000
    assert decode_text(text.encode(encoding)) == text


@pytest.mark.parametrize("encoding", ["cp1252", "cp1250", "iso-8859-2", "cp1254", "cp437", "mac-roman"])
@pytest.mark.parametrize(
    "text", [FRENCH, "Žluťoučký kůň – ÉTÉ ÇA ÑÑ.", "Ååh, få ørreder når øen!", "The keys ÄÖÜ äöü éèê: «É…»"]
)
def test_western_texts_are_windows_1252_as_before(encoding: str, text: str) -> None:
    data = (text * 9).encode(encoding, "ignore")
    try:
        assert decode_text(data) == data.decode("cp1252").replace("\xad", "")
    except UnicodeDecodeError:
        assert decode_text(data) is None


@pytest.mark.parametrize(
    "text",
    [
        "\xa0\xa0\xa0Été,\n\xa0\xa0\xa0Ô été,\n\xa0\xa0\xa0À toi,\n",
        "«\xa0Non…\xa0»\n«\xa0Où\xa0?…\xa0»\n«\xa0Là\xa0!…\xa0»\n",
        "Préface »»» 1\nÉtude »»» 2\nLe café »»» 3\n",
        "—¡¡¡Sí!!!\n—¿¿¿Qué???\n—¡¡¡Allá!!!\n",
    ],
)
def test_signs_in_a_row_are_no_letters_of_another_script(text: str) -> None:
    assert decode_text((text * 20).encode("cp1252")) == text * 20


@pytest.mark.parametrize("encoding", ["cp1251", "koi8-r", "koi8-u", "cp866", "iso-8859-5"])
@pytest.mark.parametrize(
    "text", ["СОВА В БАШНЕ! ЭТО ЗАГОЛОВОК КНИГИ", OWLS["ru"].upper(), OWLS["uk"].upper(), "ГЛАВА ПЕРВАЯ. СОВА ДОМА"]
)
def test_capitals_tell_a_cyrillic_encoding_too(encoding: str, text: str) -> None:
    text = text.encode(encoding, "ignore").decode(encoding)
    assert decode_text(text.encode(encoding)) == text


def test_boxes_of_dos_are_no_letters() -> None:
    data = ("┌" + "─" * 70 + "┐\nAn owl in a box.\n").encode("cp437")
    assert decode_text(data * 5) == data.decode("cp1252") * 5


@pytest.mark.parametrize("data", ["სოვა კოშკიდან გაფრინდა".encode()[1::3] * 9, bytes(range(192, 256)) * 20])
def test_letters_that_are_common_in_no_encoding_are_no_text(data: bytes) -> None:
    assert decode_text(data) is None


def test_a_damaged_character_of_another_script_costs_little() -> None:
    text = OWLS["zh"] * 40
    data = text.encode("gb18030")
    assert decode_text(data[:400] + b"\xff" + data[400:]) == text
    assert decode_text(data[:-1]) == text[:-1]


def test_a_false_declaration_gives_way_to_utf_8() -> None:
    text = "Character set encoding: ISO-8859-1\n\nTrollhättan"
    assert decode_text(text.encode()) == text


def test_one_damaged_byte_costs_that_byte_only() -> None:
    data = (FRENCH * 20).encode()
    broken = data[:100] + b"\xff" + data[100:]
    assert decode_text(broken) == FRENCH * 20


def test_latin_1_with_control_bytes_is_windows_1252() -> None:
    assert decode_text(b"\x93Yes,\x94 he said\x85") == "“Yes,” he said…"


def test_utf_8_that_was_encoded_twice_is_repaired() -> None:
    assert decode_text("Hélène — été".encode().decode("cp1252").encode()) == "Hélène — été"


def test_capital_a_with_tilde_is_a_letter_where_it_is_one() -> None:
    assert decode_text("NÃO".encode()) == "NÃO"


def test_text_is_composed_and_has_no_soft_hyphens_or_controls() -> None:
    assert decode_text("cafe\u0301 im\u00adpor\x07tant\ufeff".encode()) == "café important"


@pytest.mark.parametrize(
    "data",
    [b"GIF89a\0\1\0\2" * 9, bytes(range(256)) * 4, b"\x81\x8d\x8f\x90\x9d" * 9, b"\x7fELF\2\1\1" + b"\0" * 40],
)
def test_bytes_that_are_no_text_give_none(data: bytes) -> None:
    assert decode_text(data) is None


@given(st.binary(max_size=300))
@settings(max_examples=150, deadline=None)
def test_any_bytes_give_sound_text_or_none(data: bytes) -> None:
    text = decode_text(data)
    if text is not None:
        text.encode()
        assert not set(text) & {chr(c) for c in (*range(9), 11, *range(14, 32), 127, 0xFEFF, 0xFFFD)}
