"""A plain, slow, literal implementation of BERT's rules for pairs and masks: what the fast one is compared with.

Documents are lists of sentences, sentences lists of ids. Written from the rules of google-research/bert's
`create_pretraining_data.py`, one token and one draw at a time.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import NamedTuple

Sentence = list[int]
Document = list[Sentence]
CLS, SEP, MASK = -1, -2, -3


class Instance(NamedTuple):
    """A pair as the rules make it, and the choices that led to it."""

    a: Sentence
    b: Sentence
    is_random: bool
    document_a: int
    document_b: int
    num_sentences: int
    a_end: int
    full_a: int
    full_b: int
    front_cut: int
    back_cut: int


def reference_pairs(
    documents: Sequence[Document], max_seq_length: int, short_seq_prob: float, rng: random.Random
) -> list[Instance]:
    """Make the pairs of all documents, one duplicate."""
    return [
        pair
        for number in range(len(documents))
        for pair in document_pairs(documents, number, max_seq_length - 3, short_seq_prob, rng)
    ]


def document_pairs(
    documents: Sequence[Document], number: int, max_num_tokens: int, short_seq_prob: float, rng: random.Random
) -> list[Instance]:
    """Make the pairs of one document."""
    document = documents[number]
    target = max_num_tokens
    if rng.random() < short_seq_prob:
        target = rng.randint(2, max_num_tokens)
    instances, chunk, length, i = [], [], 0, 0
    while i < len(document):
        chunk.append(document[i])
        length += len(document[i])
        if i == len(document) - 1 or length >= target:
            num = len(chunk)
            a_end = rng.randint(1, num - 1) if num >= 2 else 1
            a = [token for sentence in chunk[:a_end] for token in sentence]
            b: Sentence = []
            is_random = num == 1 or rng.random() < 0.5
            source = number
            if is_random:
                for _ in range(10):
                    source = rng.randint(0, len(documents) - 1)
                    if source != number:
                        break
                first = rng.randint(0, len(documents[source]) - 1)
                for sentence in documents[source][first:]:
                    b.extend(sentence)
                    if len(b) >= target - len(a):
                        break
                i -= num - a_end
            else:
                b = [token for sentence in chunk[a_end:] for token in sentence]
            full_a, full_b = len(a), len(b)
            front, back = truncate_pair(a, b, max_num_tokens, rng)
            instances.append(Instance(a, b, is_random, number, source, num, a_end, full_a, full_b, front, back))
            chunk, length = [], 0
        i += 1
    return instances


def truncate_pair(a: Sentence, b: Sentence, max_num_tokens: int, rng: random.Random) -> tuple[int, int]:
    """Take tokens from the longer of a and b, in place; return how many went from the front and from the back."""
    front = back = 0
    while len(a) + len(b) > max_num_tokens:
        longer = a if len(a) > len(b) else b
        if rng.random() < 0.5:
            del longer[0]
            front += 1
        else:
            longer.pop()
            back += 1
    return front, back


def reference_masks(
    tokens: Sequence[int],
    specials: set[int],
    continuation: set[int],
    vocab_size: int,
    mask_id: int,
    prob: float,
    max_predictions: int,
    whole_word: bool,
    rng: random.Random,
) -> tuple[list[int], list[int], list[int]]:
    """Mask one example; return the tokens, the positions and the original ids there. `specials` are positions."""
    units: list[list[int]] = []
    for position, token in enumerate(tokens):
        if position in specials:
            continue
        if whole_word and units and token in continuation and units[-1][-1] == position - 1:
            units[-1].append(position)
        else:
            units.append([position])
    rng.shuffle(units)
    wanted = min(max_predictions, max(1, round(len(tokens) * prob)))
    output, masked = list(tokens), []
    for unit in units:
        if len(masked) >= wanted:
            break
        if len(masked) + len(unit) > wanted:
            continue
        for position in unit:
            if rng.random() < 0.8:
                output[position] = mask_id
            elif rng.random() < 0.5:
                output[position] = tokens[position]
            else:
                output[position] = rng.randint(0, vocab_size - 1)
            masked.append(position)
    masked.sort()
    return output, masked, [tokens[position] for position in masked]
