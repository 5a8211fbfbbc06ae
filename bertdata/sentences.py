"""Sentences of paragraphs: sentencex, with bounds for text that has no sentence ends."""

from __future__ import annotations

import re
from functools import lru_cache

# Longer sentences are cut at white space: 2,000 characters are about 450 tokens, what one example can hold. In the
# 100 novels one sentence in 13,000 is longer.
MAX_SENTENCE_CHARS = 2_000

# Wikipedia's codes that aren't language codes.
_WIKIPEDIA_CODES = {"simple": "en", "als": "gsw", "no": "nb", "commons": "en", "species": "en", "meta": "en"}
# Where a sentence may be cut: behind white space; else behind what parts words or is a word by itself (Han, kana).
_AFTER_SPACE = re.compile(r".*\s", re.DOTALL)
_PARTS_WORDS = "[\\W\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]"
_AFTER_WORD = re.compile(f".*{_PARTS_WORDS}", re.DOTALL)
_NEXT_WORD_END = re.compile(_PARTS_WORDS)


@lru_cache(maxsize=1024)
def language_code(language: str) -> str:
    """Return the code under which sentencex knows a language or its nearest kin (it falls back by itself to English).

    >>> language_code("simple"), language_code("zh-min-nan"), language_code("pt_BR"), language_code("")
    ('en', 'zh', 'pt', 'en')
    """
    code = re.split("[-_.]", language.strip().lower(), maxsplit=1)[0]
    return _WIKIPEDIA_CODES.get(code, code) or "en"


def split_sentences(language: str, text: str) -> list[str]:
    r"""Return the sentences of a text, paragraph by paragraph; together they are the text without its blank lines.

    White space stays at their ends. No sentence is longer than 2,000 characters unless a single word is.

    >>> split_sentences("en", "Mr. Smith came. He sat.\n\nThen he left.")
    ['Mr. Smith came. ', 'He sat.', 'Then he left.']
    """
    import sentencex

    code = language_code(language)
    found = [sentence for paragraph in text.split("\n\n") for sentence in sentencex.segment(code, paragraph)]
    if max(map(len, found), default=0) > MAX_SENTENCE_CHARS:
        return [piece for sentence in found for piece in cut_sentence(sentence)]
    return found


def cut_sentence(sentence: str, max_chars: int = MAX_SENTENCE_CHARS) -> list[str]:
    """Cut a long sentence into pieces of at most `max_chars`, at white space where there is some, never in a word.

    >>> cut_sentence("one two three", 8)
    ['one two ', 'three']
    >>> cut_sentence("abcdefghijkl mn", 8)
    ['abcdefghijkl ', 'mn']
    """
    pieces, start = [], 0
    while len(sentence) - start > max_chars:
        found = _AFTER_SPACE.match(sentence, start, start + max_chars) or _AFTER_WORD.match(
            sentence, start, start + max_chars
        )
        found = found or _NEXT_WORD_END.search(sentence, start + max_chars)
        if found is None:
            break
        pieces.append(sentence[start : found.end()])
        start = found.end()
    return [*pieces, sentence[start:]] if start < len(sentence) else pieces
