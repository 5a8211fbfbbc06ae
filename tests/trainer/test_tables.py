import gzip
from pathlib import Path

import pytest

from bertdata.errors import InputError
from trainer.tables import Table, read_table


def write(path: Path, text: str | bytes) -> str:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def test_a_quote_in_a_tsv_is_a_character(tmp_path: Path) -> None:
    table = read_table(write(tmp_path / "a.tsv", 'label\ttext\n0\t"The mill\n1\t12" of\n'))
    assert table.rows == [("0", '"The mill'), ("1", '12" of')]
    assert table.lines == [2, 3]


def test_line_ends_blank_lines_and_a_byte_order_mark_are_no_content(tmp_path: Path) -> None:
    table = read_table(write(tmp_path / "a.tsv", b"\xef\xbb\xbflabel\ttext\r\n0\ta\r\n\r\n1\tb\r\n\r\n"))
    assert table.columns == ("label", "text")
    assert table.rows == [("0", "a"), ("1", "b")]
    assert table.lines == [2, 4]


@pytest.mark.parametrize("separator", ["\u2028", "\x85", "\x0c", "\x1e"])
def test_only_a_line_feed_ends_a_line(tmp_path: Path, separator: str) -> None:
    assert read_table(write(tmp_path / "a.tsv", f"label\ttext\n0\ta{separator}b\n")).rows == [("0", f"a{separator}b")]


def test_csv_honours_quotes_and_counts_lines_through_them(tmp_path: Path) -> None:
    table = read_table(write(tmp_path / "a.csv", 'label,text\n0,"a, ""b""\nc"\n\n1,d\n'))
    assert table.rows == [("0", 'a, "b"\nc'), ("1", "d")]
    assert table.lines == [2, 5]


def test_broken_csv_names_its_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.csv line 3 isn't CSV .*\.tsv if its quotes"):
        read_table(write(tmp_path / "a.csv", 'label,text\n0,a\n1,"b\n'))


def test_json_lines_keep_numbers_as_written_and_missing_as_empty(tmp_path: Path) -> None:
    table = read_table(write(tmp_path / "a.jsonl", '{"label": 0, "text": "a"}\n\n{"text": "b", "label": null}\n'))
    assert table.columns == ("label", "text")
    assert table.rows == [("0", "a"), ("", "b")]
    assert table.lines == [1, 3]


def test_a_json_array_is_read_as_rows(tmp_path: Path) -> None:
    assert read_table(write(tmp_path / "a.json", '[{"label": true, "text": "a"}]')).rows == [("true", "a")]


def test_half_a_surrogate_pair_becomes_the_replacement_character(tmp_path: Path) -> None:
    assert read_table(write(tmp_path / "a.jsonl", '{"text": "a\\ud83db"}\n')).rows == [("a\ufffdb",)]


def test_a_compressed_file_is_read(tmp_path: Path) -> None:
    assert read_table(write(tmp_path / "a.tsv.gz", gzip.compress(b"label\ttext\n0\ta\n"))).rows == [("0", "a")]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.tsv", b"", r"a\.tsv is empty"),
        ("a.tsv", b"\n \r\n", r"a\.tsv is empty"),
        ("a.tsv", b"label\ttext\n\n", "has a header and no example"),
        ("a.tsv", b"label\ttext\n0\tcaf\xe9\n", r"line 2 isn't UTF-8 \(byte 0xe9\).*iconv -f latin1"),
        ("a.tsv", "label\ttext\n0\tcafé\n".encode("utf-16"), r"line 1 isn't UTF-8 \(byte 0xff\).*iconv -f utf-16"),
        ("a.jsonl", b'{"a": 1}\n{"a": \n', "line 2 column 7 isn't JSON"),
        ("a.jsonl", b"[1]\n2\n", "isn't JSON"),
        ("a.json", b"[1]", "entry 1 is a JSON int"),
    ],
)
def test_a_file_that_is_no_table_says_why(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_table(write(tmp_path / name, content))


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.tsv doesn't exist"):
        read_table(str(tmp_path / "none.tsv"))
    with pytest.raises(InputError, match="is a folder"):
        read_table(str(tmp_path))


def test_columns_are_found_by_name_then_by_number() -> None:
    table = Table("a.tsv", ("2", "label", "text"), [("x", "0", "t")], [2])
    assert [table.index_of(name, "--label-column") for name in ("2", "label", "3")] == [0, 1, 2]


def test_a_missing_column_lists_what_there_is_and_guesses() -> None:
    table = Table("a.tsv", ("Label", "text"), [("0", "t")], [2])
    with pytest.raises(
        InputError, match=r"no column 'label'; it has 'Label', 'text'\. Did you mean 'Label'\?.*--no-header"
    ):
        table.index_of("label", "--label-column")
    bare = Table("a.tsv", ("1", "2"), [("0", "t")], [1], has_header=False)
    with pytest.raises(InputError, match="columns 1 to 2"):
        bare.index_of("5", "--label-column")


def test_a_column_name_that_comes_twice_must_be_numbered() -> None:
    with pytest.raises(InputError, match="2 columns called 'label': choose one of 1 and 3"):
        Table("a.tsv", ("label", "text", "label"), [], []).index_of("label", "--label-column")


def test_every_row_of_mrpc_and_stsb_is_read(shared_data: Path) -> None:
    folder = shared_data / "finetune"
    mrpc = read_table(str(folder / "mrpc" / "msr_paraphrase_train.txt"))
    assert mrpc.columns == ("Quality", "#1 ID", "#2 ID", "#1 String", "#2 String")
    assert len(mrpc.rows) == 4076
    assert {row[0] for row in mrpc.rows} == {"0", "1"}
    stsb = read_table(str(folder / "stsb" / "sts-train.tsv"), header=False)
    assert len(stsb.rows) == 5749
    assert all(0 <= float(row[4]) <= 5 and row[6] for row in stsb.rows)
