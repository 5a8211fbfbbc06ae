"""A WordPiece learner that runs on word counts, in 64 bits, with the same result on every machine.

The algorithm is that of `tokenizers`' WordPieceTrainer: byte-pair merges (Sennrich et al., 2016) over characters, of
which those inside a word carry `##`. What is pinned here: the alphabet comes sorted, first the characters, then the
`##` characters; equal counts are decided by the ids of the pair.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from bertdata.errors import OptionError, require
from bertdata.pair_merges import PairMerger
from bertdata.vocab import SPECIAL_TOKENS

Int64s = npt.NDArray[np.int64]
# Without a limit this many characters are kept, as in `tokenizers`' BERT trainer, and more only where these cover less
# of the text than COVERED: an alphabetic script has enough with them, Chinese hasn't.
ALPHABET_SIZE, COVERED = 1_000, 0.99995


def learn_wordpiece(
    words: Sequence[str],
    counts: Sequence[int] | Int64s,
    size: int,
    *,
    limit_alphabet: int | None = None,
    min_frequency: int = 0,
) -> list[str]:
    """Return a vocabulary of exactly `size` tokens: the special ones, the alphabet, then merged pieces as learned.

    `words` are different words as BERT's pre-tokeniser gives them, `counts` how often each occurs. `limit_alphabet` is
    the number of characters to keep, the most frequent; without it see `choose_alphabet`. Words with a character
    outside the alphabet, which become [UNK], teach nothing. A piece that occurs less than `min_frequency` times isn't
    learned.

    Raises OptionError where the alphabet doesn't fit, or the words can't give `size` tokens; it says how many they can.

    >>> learn_wordpiece(["low", "lower"], [5, 2], 16)[5:]
    ['e', 'l', 'o', 'r', 'w', '##e', '##o', '##r', '##w', 'lo', 'low']
    """
    require(limit_alphabet is None or limit_alphabet > 0, f"--limit-alphabet is {limit_alphabet}: 1 or more characters")
    tokens, symbols, lengths, kept = _spell(words, np.asarray(counts, np.int64), limit_alphabet, size)
    if len(tokens) > size:
        raise OptionError(
            f"--vocab-size {size:,} can't hold the special tokens and the alphabet, {len(tokens):,} tokens together: "
            "give a larger size, or a smaller --limit-alphabet."
        )
    PairMerger(tokens, symbols, lengths, kept).run(size, max(1, min_frequency))
    if len(tokens) < size:
        raise OptionError(
            f"--vocab-size {size:,} is more than these words can give: {len(tokens):,} is the largest vocabulary that "
            f"they make. Give --vocab-size {len(tokens)} or less, or more text."
        )
    return tokens


def _spell(
    words: Sequence[str], counts: Int64s, limit_alphabet: int | None, size: int
) -> tuple[list[str], npt.NDArray[np.int32], Int64s, Int64s]:
    spelled = _Spelling(words, counts)
    return spelled.number(choose_alphabet(spelled, limit_alphabet, size))


class _Spelling:
    """Words as one flat array of characters: `characters` sorted, `codes` their numbers, letter by letter."""

    def __init__(self, words: Sequence[str], counts: Int64s) -> None:
        self.counts = counts
        self.lengths = np.fromiter(map(len, words), np.int64, len(words))
        points = np.frombuffer("".join(words).encode("utf-32-le", "surrogatepass"), np.uint32)
        unique, codes = np.unique(points, return_inverse=True)
        self.characters = [chr(point) for point in unique.tolist()]
        self.codes = codes.astype(np.int32)
        self.starts = np.cumsum(self.lengths) - self.lengths
        self.inside = np.ones(len(self.codes), np.bool_)
        self.inside[self.starts[self.lengths > 0]] = False

    def frequencies(self) -> Int64s:
        """Return how often each character occurs."""
        sums = np.zeros(len(self.characters), np.int64)
        np.add.at(sums, self.codes, np.repeat(self.counts, self.lengths))
        return sums

    def number(self, alphabet: npt.NDArray[np.bool_]) -> tuple[list[str], npt.NDArray[np.int32], Int64s, Int64s]:
        """Return the first tokens, and of the words that the alphabet spells their ids (flat), lengths and counts."""
        bad = np.zeros(len(self.lengths) + 1, np.int64)
        np.add.at(bad, np.repeat(np.arange(len(self.lengths)), self.lengths), ~alphabet[self.codes])
        keep = (bad[:-1] == 0) & (self.lengths > 0)
        letters = np.repeat(keep, self.lengths)
        codes, inside = self.codes[letters], self.inside[letters]
        is_inside = np.zeros(len(alphabet), np.bool_)
        is_inside[codes[inside]] = True
        first_id = len(SPECIAL_TOKENS) + np.cumsum(alphabet) - 1
        inside_id = len(SPECIAL_TOKENS) + int(alphabet.sum()) + np.cumsum(is_inside) - 1
        tokens = [
            *SPECIAL_TOKENS,
            *(self.characters[i] for i in np.flatnonzero(alphabet)),
            *("##" + self.characters[i] for i in np.flatnonzero(is_inside)),
        ]
        symbols = np.where(inside, inside_id[codes], first_id[codes]).astype(np.int32)
        return tokens, symbols, self.lengths[keep], self.counts[keep]


def choose_alphabet(spelled: _Spelling, limit: int | None, size: int) -> npt.NDArray[np.bool_]:
    """Return which characters the vocabulary spells with: the most frequent, equal ones by code point.

    Without a limit these are 1,000, more where that is needed to cover 99.995 % of the text, and no more than fit in
    `size` together with their `##` forms.
    """
    frequencies = spelled.frequencies()
    order = np.argsort(-frequencies, kind="stable")
    if limit is None:
        covered = np.cumsum(frequencies[order])
        enough = int(np.searchsorted(covered, COVERED * covered[-1])) + 1 if len(covered) else 0
        forms = np.ones(len(order), np.int64)
        forms[np.unique(spelled.codes[spelled.inside])] = 2
        fitting = int(np.searchsorted(np.cumsum(forms[order]), size - len(SPECIAL_TOKENS), side="right"))
        limit = min(max(ALPHABET_SIZE, enough), fitting)
    kept = np.zeros(len(order), np.bool_)
    kept[order[:limit]] = True
    return kept
