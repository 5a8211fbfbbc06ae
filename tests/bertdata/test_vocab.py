"""A vocabulary is read as it is written, and one that BERT can't use is refused with the line that says why."""

from __future__ import annotations

import hashlib
import json
import pickle
from pathlib import Path

import pytest

from bertdata import vocab
from bertdata.errors import FormatError, InputError
from bertdata.vocab import SPECIAL_TOKENS, make_vocabulary, read_vocabulary, vocabulary_bytes, write_vocabulary

TOKENS = [*SPECIAL_TOKENS, "a", "##b", "é", "##", "船"]


def write(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "my-vocab.txt"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("name", "lowercase", "size", "mask_id"),
    [
        ("bert-base-uncased", True, 30_522, 103),
        ("bert-base-cased", False, 28_996, 103),
        ("bert-multilingual-cased", False, 119_547, 103),
    ],
)
def test_berts_own_vocabularies_load(shared_data: Path, name: str, lowercase: bool, size: int, mask_id: int) -> None:
    path = shared_data / "vocab" / f"{name}-vocab.txt"
    vocabulary = read_vocabulary(path, lowercase)
    assert (len(vocabulary), vocabulary.mask_id, vocabulary.pad_id) == (size, mask_id, 0)
    assert vocabulary.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    "content",
    [
        vocabulary_bytes(TOKENS),
        vocabulary_bytes(TOKENS)[:-1],
        vocabulary_bytes(TOKENS).replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + vocabulary_bytes(TOKENS),
    ],
    ids=["as written", "no last line end", "CRLF", "byte order mark"],
)
def test_line_ends_and_a_byte_order_mark_change_nothing(tmp_path: Path, content: bytes) -> None:
    vocabulary = read_vocabulary(write(tmp_path, content), True)
    assert vocabulary.tokens == tuple(TOKENS)
    assert vocabulary.sha256 == hashlib.sha256(vocabulary_bytes(TOKENS)).hexdigest()


def test_only_a_line_feed_ends_a_token(tmp_path: Path) -> None:
    odd = [*SPECIAL_TOKENS, "\u2028", "\x85", "\u00a0", "\x0b"]
    assert read_vocabulary(write(tmp_path, vocabulary_bytes(odd)), False).tokens == tuple(odd)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (vocabulary_bytes([*TOKENS, "a"]), r"my-vocab.txt has 'a' twice, in lines 6 and 11"),
        (vocabulary_bytes([t for t in TOKENS if t != "[MASK]"]), r"my-vocab.txt lacks \[MASK\]"),
        (vocabulary_bytes(TOKENS[2:]), r"lacks \[PAD\] and \[UNK\]"),
        (vocabulary_bytes([*TOKENS[:6], "", *TOKENS[6:]]), r"no token in line 7"),
        (vocabulary_bytes([*TOKENS, ""]), r"no token in line 11"),
        (vocabulary_bytes(TOKENS) + b"caf\xe9\n", r"isn't UTF-8 at byte 50 \(line 11\)"),
        (b"", r"lacks \[PAD\]"),
        (b'{"model": {}}', r"looks like JSON"),
        ("\ufeff[PAD]\n".encode("utf-16-le"), r"isn't UTF-8 at byte 0"),
    ],
)
def test_unusable_vocabularies_are_refused_by_file_and_line(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(FormatError, match=message) as caught:
        read_vocabulary(write(tmp_path, content), True)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_one_too_large_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="No vocabulary at"):
        read_vocabulary(tmp_path / "none.txt", True)
    monkeypatch.setattr(vocab, "MAX_FILE_BYTES", 10)
    with pytest.raises(FormatError, match="one token a line"):
        read_vocabulary(write(tmp_path, vocabulary_bytes(TOKENS)), True)
    monkeypatch.setattr(vocab, "MAX_TOKENS", 9)
    with pytest.raises(FormatError, match="ids are 32 bits wide"):
        make_vocabulary(TOKENS, True)


def test_continuations_are_tokens_with_something_behind_the_marks() -> None:
    vocabulary = make_vocabulary(TOKENS, True)
    assert vocabulary.is_continuation.tolist() == [t == "##b" for t in TOKENS]


def test_written_files_are_the_same_bytes_each_time(tmp_path: Path) -> None:
    written = [write_vocabulary(tmp_path / name, TOKENS, True) for name in ("one", "two")]
    assert written[0] == written[1] == read_vocabulary(tmp_path / "one" / "vocab.txt", True)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
    assert sorted(p.name for p in (tmp_path / "one").iterdir()) == [
        "tokenizer.json",
        "tokenizer_config.json",
        "vocab.txt",
    ]


@pytest.mark.parametrize("lowercase", [True, False])
def test_tokenizers_reads_the_folder(tmp_path: Path, lowercase: bool) -> None:
    from tokenizers import Tokenizer

    write_vocabulary(tmp_path, [*TOKENS, "e", "É", "[", "]", "mask", "MASK"], lowercase)
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    pair = tokenizer.encode("É [MASK]", "ab")
    assert pair.tokens == ["[CLS]", "e" if lowercase else "É", "[MASK]", "[SEP]", "a", "##b", "[SEP]"]
    assert pair.type_ids == [0, 0, 0, 0, 1, 1, 1]
    again = json.loads(tokenizer.to_str())
    assert again["added_tokens"] == json.loads((tmp_path / "tokenizer.json").read_text("utf-8"))["added_tokens"]


@pytest.mark.parametrize(("name", "lowercase"), [("bert-base-uncased", True), ("bert-base-cased", False)])
def test_transformers_reads_the_folder(shared_data: Path, tmp_path: Path, name: str, lowercase: bool) -> None:
    from transformers import AutoTokenizer, BertTokenizerFast

    original = read_vocabulary(shared_data / "vocab" / f"{name}-vocab.txt", lowercase)
    write_vocabulary(tmp_path, original.tokens, lowercase)
    for kind in (AutoTokenizer, BertTokenizerFast):
        tokenizer = kind.from_pretrained(str(tmp_path))
        assert (len(tokenizer), tokenizer.mask_token_id) == (len(original), original.mask_id)
        assert tokenizer.tokenize("Café [MASK] Unable")[:2] == (["cafe", "[MASK]"] if lowercase else ["Café", "[MASK]"])
        assert tokenizer("a", "b")["token_type_ids"] == [0, 0, 0, 1, 1]
