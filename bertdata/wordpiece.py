"""WordPiece ids of text: nanotoken as the fast path, `tokenizers` as the authority and the fallback."""

from __future__ import annotations

import functools
import importlib.util
import json
import os
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from bertdata.errors import BuildError, OptionError
from bertdata.vocab import MAX_WORD_CHARS, Vocabulary, tokenizer_json

Library = Literal["nanotoken", "tokenizers"]

# One text in this many goes through both libraries. `tokenizers` is about 40 times slower, so the check costs 4 %.
CHECK_EVERY = 1_024
# Texts that `tokenizers` gets at once: its encodings take some 200 bytes a token until they are read.
_AUTHORITY_TEXTS = 512
# What the first check reads before any text of the user: accents both ways, CJK, Hangul, controls, blanks, cases
# that change length, words at the limit, special tokens as they are typed.
_PROBE = (
    "Café CAFE\u0301 naïve Ångström ﬁn ẞ İstanbul ΣΊΣΥΦΟΣ",
    "老船夫 andersen東京 한국어 각 ไทย हिन्दी ع‎ربي עברית",
    "a\x0bb\x85c\u2028d\u200be\u00adf\u3000g\ufeffh\x00i\ufffdj\tk\rl",
    "[MASK] [SEP] ##ing $4.50 (e.g.) don't “quoted” – 1,000 😀👩‍👩‍👧 ½ ²",
    "x" * MAX_WORD_CHARS + " " + "y" * (MAX_WORD_CHARS + 1),
)


class Ids(NamedTuple):
    """Token ids of many texts: text i has `ids[offsets[i]:offsets[i + 1]]`; no special tokens."""

    ids: npt.NDArray[np.uint32]
    offsets: npt.NDArray[np.int64]


def clean_surrogates(text: str) -> str:
    r"""Join surrogate pairs and replace lone surrogates, which UTF-8 can't hold, by U+FFFD.

    >>> clean_surrogates("a\ud83d\ude00b\ud800c") == "a\U0001f600b\ufffdc"
    True
    """
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


class Encoder:
    """Turn texts into ids of a vocabulary, the same whichever library does it.

    `library` is nanotoken where it is installed, else `tokenizers`. With nanotoken, fixed probe texts and the first
    text are encoded by `tokenizers` too, and every 1,024th text after that.

    >>> from bertdata.vocab import make_vocabulary
    >>> vocabulary = make_vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "un", "##able"], lowercase=True)
    >>> ids, offsets = Encoder(vocabulary).encode(["Unable un", "", "x"])
    >>> ids.tolist(), offsets.tolist()
    ([5, 6, 5, 1], [0, 3, 3, 4])
    """

    def __init__(
        self, vocabulary: Vocabulary, max_word_chars: int = MAX_WORD_CHARS, library: Library | None = None
    ) -> None:
        if library not in (None, "nanotoken", "tokenizers"):
            raise OptionError(f"The WordPiece library is {library!r}: nanotoken or tokenizers.")
        self._json = json.dumps(
            tokenizer_json(vocabulary, special_tokens=False, max_word_chars=max_word_chars), ensure_ascii=False
        )
        self.library: Library = library or default_library()
        self.num_texts = self.num_checked = 0
        self._fast: Any = _load_fast(self._json) if self.library == "nanotoken" else None
        self._authority: Any = None
        if self._fast is not None:
            self._check(list(_PROBE), self._fast_ids(_PROBE), range(len(_PROBE)))

    def encode(self, texts: Sequence[str]) -> Ids:
        """Return the ids of texts.

        Raises BuildError where the two libraries don't agree.
        """
        try:
            ids = self._encode(texts)
        except (UnicodeEncodeError, TypeError):  # lone surrogates: nanotoken raises the first, tokenizers the second
            texts = [clean_surrogates(text) for text in texts]
            ids = self._encode(texts)
        if self._fast is not None:
            self._check(texts, ids, range(-self.num_texts % CHECK_EVERY, len(texts), CHECK_EVERY))
        self.num_texts += len(texts)
        return ids

    def _encode(self, texts: Sequence[str]) -> Ids:
        return self._authority_ids(texts) if self._fast is None else self._fast_ids(texts)

    def _fast_ids(self, texts: Sequence[str]) -> Ids:
        return Ids(*self._fast.encode_batch(texts, add_special_tokens=False, parallel=False))

    def _authority_ids(self, texts: Sequence[str]) -> Ids:
        if self._authority is None:
            self._authority = _load_authority(self._json)
        flat: list[npt.NDArray[np.uint32]] = []
        lengths: list[int] = []
        for start in range(0, len(texts), _AUTHORITY_TEXTS):
            rows = [
                encoding.ids
                for encoding in self._authority.encode_batch_fast(
                    texts[start : start + _AUTHORITY_TEXTS], add_special_tokens=False
                )
            ]
            lengths += map(len, rows)
            flat.append(np.fromiter((i for row in rows for i in row), np.uint32, sum(map(len, rows))))
        offsets = np.zeros(len(texts) + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        return Ids(np.concatenate(flat) if flat else np.empty(0, np.uint32), offsets)

    def _check(self, texts: Sequence[str], ids: Ids, chosen: range) -> None:
        sample = [texts[i] for i in chosen]
        expected = self._authority_ids(sample)
        for row, i in enumerate(chosen):
            want = expected.ids[expected.offsets[row] : expected.offsets[row + 1]]
            if not np.array_equal(want, ids.ids[ids.offsets[i] : ids.offsets[i + 1]]):
                raise BuildError(
                    f"nanotoken and tokenizers give different ids for {texts[i][:80]!r}: run again with "
                    "BERTDATA_WORDPIECE=tokenizers, and report the text."
                )
        self.num_checked += len(sample)


def default_library() -> Library:
    """Return the library that encodes: what BERTDATA_WORDPIECE names, else nanotoken if it is installed.

    Raises OptionError where the variable names another.
    """
    named = os.environ.get("BERTDATA_WORDPIECE", "")
    if named:
        if named not in ("nanotoken", "tokenizers"):
            raise OptionError(f"BERTDATA_WORDPIECE is {named!r}: nanotoken or tokenizers.")
        return "nanotoken" if named == "nanotoken" else "tokenizers"
    return "nanotoken" if importlib.util.find_spec("nanotoken") else "tokenizers"


# A worker encodes one file after the other with the same vocabulary, which takes the libraries longer to read than they
# take for megabytes of text.
@functools.lru_cache(maxsize=1)
def _load_fast(text: str) -> Any:
    from nanotoken import WordPieceTokenizer

    return WordPieceTokenizer.from_json(text)


@functools.lru_cache(maxsize=1)
def _load_authority(text: str) -> Any:
    # Its threads deadlock after a fork, and bertdata's parallelism is processes.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from tokenizers import Tokenizer

    return Tokenizer.from_str(text)
