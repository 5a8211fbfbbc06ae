"""The WordPiece vocabulary: its files, and what a usable one must have.

`vocab.txt` holds one token a line and the line's number is the token's id; `tokenizer.json` and
`tokenizer_config.json` beside it say the same to `tokenizers` and `transformers`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bertdata.errors import FormatError, InputError
from bertdata.files import publish
from bertdata.store import as_path

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
# A longer word is one [UNK]: the limit of transformers and of `tokenizers` (google-research/bert has 200).
MAX_WORD_CHARS = 100
MAX_TOKENS = 1 << 32
# The largest released vocabularies are below 10 MB; a file beyond this bound isn't one, and isn't read into memory.
MAX_FILE_BYTES = 1 << 28


@dataclass(frozen=True)
class Vocabulary:
    """A WordPiece vocabulary: `tokens` in the order of their ids, and how text is normalised before the look-up.

    `lowercase` also strips accents, as BERT's uncased models do. `sha256` is that of `vocab.txt` as bertdata writes it
    (a line feed behind every token), so line ends of the file that was read don't change it.
    """

    tokens: tuple[str, ...]
    lowercase: bool
    sha256: str

    def __len__(self) -> int:
        return len(self.tokens)

    @cached_property
    def ids(self) -> dict[str, int]:
        """The id of every token."""
        return {token: number for number, token in enumerate(self.tokens)}

    @property
    def pad_id(self) -> int:
        """The id of [PAD]."""
        return self.ids["[PAD]"]

    @property
    def unk_id(self) -> int:
        """The id of [UNK]."""
        return self.ids["[UNK]"]

    @property
    def cls_id(self) -> int:
        """The id of [CLS]."""
        return self.ids["[CLS]"]

    @property
    def sep_id(self) -> int:
        """The id of [SEP]."""
        return self.ids["[SEP]"]

    @property
    def mask_id(self) -> int:
        """The id of [MASK]."""
        return self.ids["[MASK]"]

    @cached_property
    def is_continuation(self) -> npt.NDArray[np.bool_]:
        """Whether each token continues a word (`##ing`), shape (number of tokens,)."""
        import numpy as np

        return np.array([token.startswith("##") and len(token) > 2 for token in self.tokens], dtype=np.bool_)


def make_vocabulary(tokens: Sequence[str], lowercase: bool, where: str = "the vocabulary") -> Vocabulary:
    r"""Check tokens and return them as a vocabulary; `where` names their file in errors.

    Raises FormatError for a token that occurs twice, is empty or holds a line feed, for a missing special token, and
    for more tokens than 32-bit ids can number.

    >>> make_vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "a"], True, "vocab.txt")
    Traceback (most recent call last):
    bertdata.errors.FormatError: vocab.txt has 'a' twice, in lines 6 and 7: remove one, ids must be unique.
    """
    if len(tokens) > MAX_TOKENS:
        raise FormatError(f"{where} has {len(tokens):,} tokens; ids are 32 bits wide, so {MAX_TOKENS:,} is the most.")
    first: dict[str, int] = {}
    for number, token in enumerate(tokens, 1):
        if not token or "\n" in token:
            raise FormatError(f"{where} has {'a line feed' if token else 'no token'} in line {number}: remove it.")
        if first.setdefault(token, number) != number:
            raise FormatError(
                f"{where} has {token!r} twice, in lines {first[token]} and {number}: remove one, ids must be unique."
            )
    missing = [token for token in SPECIAL_TOKENS if token not in first]
    if missing:
        raise FormatError(f"{where} lacks {' and '.join(missing)}: BERT needs all of {' '.join(SPECIAL_TOKENS)}.")
    return Vocabulary(tuple(tokens), lowercase, hashlib.sha256(vocabulary_bytes(tokens)).hexdigest())


def vocabulary_bytes(tokens: Sequence[str]) -> bytes:
    r"""Return the content of `vocab.txt`.

    >>> vocabulary_bytes(["[PAD]", "é"])
    b'[PAD]\n\xc3\xa9\n'
    """
    return "".join(f"{token}\n" for token in tokens).encode()


def read_vocabulary(path: str | Path, lowercase: bool) -> Vocabulary:
    """Read a `vocab.txt`, with any line ends, with or without a last one.

    Raises InputError where it is missing or no text, FormatError where BERT can't use it (see `make_vocabulary`).
    """
    path = as_path(path)
    if not path.is_file():
        raise InputError(f"No vocabulary at {path}: give a vocab.txt, or leave --vocab out to learn one.")
    if path.stat().st_size > MAX_FILE_BYTES:
        raise FormatError(f"{path} has {path.stat().st_size:,} bytes: a vocabulary has one token a line, a few MB.")
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise FormatError(
            f"{path} isn't UTF-8 at byte {error.start:,} (line {line:,}): save the vocabulary as UTF-8."
        ) from None
    if text.lstrip().startswith("{"):
        raise FormatError(f"{path} looks like JSON: give the vocab.txt beside it, one token a line.")
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    return make_vocabulary([line.removesuffix("\r") for line in lines], lowercase, str(path))


def write_vocabulary(folder: str | Path, tokens: Sequence[str], lowercase: bool) -> Vocabulary:
    """Write `vocab.txt`, `tokenizer.json` and `tokenizer_config.json`, and return the vocabulary.

    Raises FormatError where the tokens are no vocabulary (see `make_vocabulary`).
    """
    folder = as_path(folder)
    vocabulary = make_vocabulary(tokens, lowercase)
    files = {
        "tokenizer.json": _json_bytes(tokenizer_json(vocabulary)),
        "tokenizer_config.json": _json_bytes(_tokenizer_config(lowercase)),
        "vocab.txt": vocabulary_bytes(tokens),
    }
    for name, content in files.items():
        with publish(folder / name) as temporary:
            temporary.write_bytes(content)
    return vocabulary


def _json_bytes(content: dict[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False, indent=2).encode() + b"\n"


def tokenizer_json(
    vocabulary: Vocabulary, *, special_tokens: bool = True, max_word_chars: int = MAX_WORD_CHARS
) -> dict[str, Any]:
    """Return the content of `tokenizer.json`, the format of `tokenizers`.

    With `special_tokens` a typed `[MASK]` is the special token, as users of a trained model expect. Without, for text
    of a corpus, it is three words, as in BERT's own BasicTokenizer: text can't make special tokens.
    """
    sep = vocabulary.ids["[SEP]"]
    named = {
        token: {"id": token, "ids": [number], "tokens": [token]}
        for token, number in (("[CLS]", vocabulary.cls_id), ("[SEP]", sep))
    }
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [_added_token(vocabulary, token) for token in _specials_by_id(vocabulary)]
        if special_tokens
        else [],
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": None,
            "lowercase": vocabulary.lowercase,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [_special("[CLS]", 0), _sequence("A", 0), _special("[SEP]", 0)],
            "pair": [
                *(_special("[CLS]", 0), _sequence("A", 0), _special("[SEP]", 0)),
                *(_sequence("B", 1), _special("[SEP]", 1)),
            ],
            "special_tokens": named,
        }
        if special_tokens
        else None,
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": max_word_chars,
            "vocab": vocabulary.ids,
        },
    }


def _special(token: str, segment: int) -> dict[str, Any]:
    return {"SpecialToken": {"id": token, "type_id": segment}}


def _sequence(name: str, segment: int) -> dict[str, Any]:
    return {"Sequence": {"id": name, "type_id": segment}}


def _specials_by_id(vocabulary: Vocabulary) -> list[str]:
    return sorted(SPECIAL_TOKENS, key=vocabulary.ids.__getitem__)


def _added_token(vocabulary: Vocabulary, token: str) -> dict[str, Any]:
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {"id": vocabulary.ids[token], "content": token, **flags}


def _tokenizer_config(lowercase: bool) -> dict[str, Any]:
    return {
        "tokenizer_class": "BertTokenizer",
        "do_lower_case": lowercase,
        "strip_accents": None,
        "tokenize_chinese_chars": True,
        "pad_token": "[PAD]",
        "unk_token": "[UNK]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "mask_token": "[MASK]",
        "model_max_length": 512,
    }
