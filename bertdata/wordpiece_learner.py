"""A WordPiece learner that runs on word counts, in 64 bits, with the same result on every machine.

The algorithm is that of `tokenizers`' WordPieceTrainer: byte-pair merges (Sennrich et al., 2016) over characters, of
which those inside a word carry `##`. Source of the order of ties and of the bookkeeping: huggingface/tokenizers,
models/bpe/trainer.rs. What is pinned here: the alphabet comes sorted, first the characters, then the `##` characters.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from heapq import heapify, heappop, heappush

from bertdata.errors import OptionError
from bertdata.vocab import SPECIAL_TOKENS

# Word i as ids of pieces; its heap entries are (-count, pair, number, positions).
Pair = tuple[int, int]


def learn_wordpiece(
    words: Sequence[str],
    counts: Sequence[int],
    size: int,
    *,
    limit_alphabet: int | None = None,
    min_frequency: int = 0,
) -> list[str]:
    """Return a vocabulary of exactly `size` tokens: the special ones, the alphabet, then merged pieces as learned.

    `words` are different words as BERT's pre-tokeniser gives them, `counts` how often each occurs. Words with a
    character outside the alphabet, which become [UNK], teach nothing.

    Raises OptionError where the alphabet doesn't fit, or the words can't give `size` tokens; it says how many they can.

    >>> learn_wordpiece(["low", "lower"], [5, 2], 16)[5:]
    ['e', 'l', 'o', 'r', 'w', '##e', '##o', '##r', '##w', 'lo', 'low']
    """
    alphabet = choose_alphabet(words, counts, limit_alphabet, size)
    tokens, pieces, kept_counts = _spell(words, counts, alphabet)
    if len(tokens) > size:
        raise OptionError(
            f"--vocab-size {size:,} can't hold the special tokens and the alphabet, {len(tokens):,} tokens together: "
            "give a larger size, or a smaller --limit-alphabet."
        )
    _merge_pairs(tokens, pieces, kept_counts, size, min_frequency)
    if len(tokens) < size:
        raise OptionError(
            f"--vocab-size {size:,} is more than these words can give: {len(tokens):,} is the largest vocabulary that "
            f"they make. Give --vocab-size {len(tokens)} or less, or more text."
        )
    return tokens


def choose_alphabet(words: Sequence[str], counts: Sequence[int], limit: int | None, size: int) -> set[str]:
    """Return the characters that the vocabulary spells with: the `limit` most frequent, all without a limit."""
    seen: Counter[str] = Counter()
    for word, count in zip(words, counts, strict=True):
        for character in word:
            seen[character] += count
    if limit is None or len(seen) <= limit:
        return set(seen)
    return set(sorted(seen, key=lambda c: (-seen[c], c))[:limit])


def _spell(
    words: Sequence[str], counts: Sequence[int], alphabet: set[str]
) -> tuple[list[str], list[list[int]], list[int]]:
    inside = sorted({character for word in words for character in word[1:]} & alphabet)
    tokens = [*SPECIAL_TOKENS, *sorted(alphabet), *("##" + character for character in inside)]
    first = {character: number for number, character in enumerate(sorted(alphabet), len(SPECIAL_TOKENS))}
    later = {character: number for number, character in enumerate(inside, len(SPECIAL_TOKENS) + len(first))}
    pieces, kept = [], []
    for word, count in zip(words, counts, strict=True):
        if word and alphabet.issuperset(word):
            pieces.append([first[word[0]], *(later[character] for character in word[1:])])
            kept.append(count)
    return tokens, pieces, kept


def _merge_pairs(tokens: list[str], words: list[list[int]], counts: list[int], size: int, min_frequency: int) -> None:
    ids = {token: number for number, token in enumerate(tokens)}
    pair_counts: dict[Pair, int] = defaultdict(int)
    places: dict[Pair, set[int]] = defaultdict(set)
    for number, word in enumerate(words):
        count = counts[number]
        for pair in zip(word, word[1:], strict=False):
            pair_counts[pair] += count
            places[pair].add(number)
    heap = [(-pair_counts[pair], pair, serial) for serial, pair in enumerate(places) if pair_counts[pair] > 0]
    heapify(heap)
    entries = list(places.values())
    while len(tokens) < size and heap:
        negative, pair, serial = heappop(heap)
        count = pair_counts[pair]
        if -negative != count:
            heappush(heap, (-count, pair, serial))
            continue
        if count < max(1, min_frequency):
            break
        token = tokens[pair[0]] + tokens[pair[1]].removeprefix("##")
        new = ids.setdefault(token, len(tokens))
        if new == len(tokens):
            tokens.append(token)
        changed: dict[Pair, set[int]] = defaultdict(set)
        for number in entries[serial]:
            _merge_word(words[number], pair, new, counts[number], number, pair_counts, changed)
        entries[serial] = set()
        for fresh, where in changed.items():
            if pair_counts[fresh] > 0:
                heappush(heap, (-pair_counts[fresh], fresh, len(entries)))
                entries.append(where)


def _merge_word(
    word: list[int],
    pair: Pair,
    new: int,
    count: int,
    number: int,
    pair_counts: dict[Pair, int],
    changed: dict[Pair, set[int]],
) -> None:
    first, second = pair
    i = 0
    while i < len(word) - 1:
        if word[i] == first and word[i + 1] == second:
            if i > 0:
                pair_counts[word[i - 1], first] -= count
                pair_counts[word[i - 1], new] += count
                changed[word[i - 1], new].add(number)
            word[i : i + 2] = [new]
            if i < len(word) - 1:
                pair_counts[second, word[i + 1]] -= count
                pair_counts[new, word[i + 1]] += count
                changed[new, word[i + 1]].add(number)
        i += 1
