from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bertdata.errors import InputError
from trainer.conll import chunks, read_sentences
from trainer.metrics import token_scores

COLUMNS = "-DOCSTART- -X- -X- O\n\n\nAnna NNP B-NP B-PER\nsaw VBD B-VP O \n\n \nRiga NNP B-NP B-LOC\n\n"


def write(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_document_marks_blank_lines_and_trailing_blanks_are_no_words(tmp_path: Path) -> None:
    found = read_sentences(write(tmp_path / "a.txt", COLUMNS))
    assert [(s.line, s.words, s.labels) for s in found] == [
        (4, ("Anna", "saw"), ("B-PER", "O")),
        (8, ("Riga",), ("B-LOC",)),
    ]


def test_columns_are_chosen_by_number(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", COLUMNS)
    assert read_sentences(path, label_column="2")[0].labels == ("NNP", "VBD")
    with pytest.raises(InputError, match="--label-column 'ner': CoNLL files have no header"):
        read_sentences(path, label_column="ner")


def test_a_word_without_a_label_names_its_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.txt line 2 has 1 column where the label should be .*: 'saw'"):
        read_sentences(write(tmp_path / "a.txt", "Anna B-PER\nsaw\n"))


def test_unlabelled_words_are_read(tmp_path: Path) -> None:
    found = read_sentences(write(tmp_path / "a.txt", "Anna\nsaw\n"), labelled=False)
    assert (found[0].words, found[0].labels) == (("Anna", "saw"), ())


def test_json_lines_give_words_and_labels(shared_data: Path) -> None:
    found = read_sentences(str(shared_data / "finetune" / "conll-sample.json"))
    assert found[1].words == ("CHICAGO", "AT", "ATLANTA")
    assert found[1].labels == ("B-ORG", "O", "B-LOC")
    assert all(len(s.words) == len(s.labels) for s in found)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"words": ["a", "b"], "ner": ["O"]}', "line 1 has 2 words and 1 labels"),
        ('{"words": ["a"], "labls": ["O"]}', "no list called 'ner' or .*it has 'words', 'labls'"),
    ],
)
def test_json_without_matching_labels_says_so(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_sentences(write(tmp_path / "a.jsonl", line + "\n"))


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ("B-A I-A O", [("A", 0, 1)]),
        ("I-A I-A B-A", [("A", 0, 1), ("A", 2, 2)]),  # IOB1
        ("B-A I-B", [("A", 0, 0), ("B", 1, 1)]),
        ("B-A B-A", [("A", 0, 0), ("A", 1, 1)]),
        ("B-A E-A S-A I-A", [("A", 0, 1), ("A", 2, 2), ("A", 3, 3)]),  # IOBES
        ("O O", []),
    ],
)
def test_chunks_are_those_of_conlleval(labels: str, expected: list[tuple[str, int, int]]) -> None:
    assert chunks(tuple(labels.split())) == expected


def conlleval_counts(gold: list[str], predicted: list[str]) -> tuple[int, int, int]:
    """Count correct, gold and predicted chunks word by word, as the official script walks."""

    def ends(last: str, tag: str) -> bool:
        return last != "O" and (tag[0] in "OB" or tag[2:] != last[2:])

    def begins(last: str, tag: str) -> bool:
        return tag != "O" and (tag[0] == "B" or last == "O" or tag[2:] != last[2:])

    correct = num_gold = num_predicted = 0
    inside, last_gold, last_predicted = False, "O", "O"
    for g, p in zip([*gold, "O"], [*predicted, "O"], strict=True):
        if inside and (ends(last_gold, g) or ends(last_predicted, p)):
            correct += ends(last_gold, g) and ends(last_predicted, p)
            inside = False
        if begins(last_gold, g) and begins(last_predicted, p) and g[2:] == p[2:]:
            inside = True
        num_gold += begins(last_gold, g)
        num_predicted += begins(last_predicted, p)
        last_gold, last_predicted = g, p
    return correct, num_gold, num_predicted


TAGS = st.lists(st.tuples(*[st.sampled_from(["O", "B-A", "I-A", "B-B", "I-B"])] * 2), min_size=1, max_size=12)


@settings(max_examples=200, deadline=None)
@given(TAGS)
def test_entity_scores_are_those_of_conlleval(pairs: list[tuple[str, str]]) -> None:
    gold, predicted = [g for g, _ in pairs], [p for _, p in pairs]
    correct, num_gold, num_predicted = conlleval_counts(gold, predicted)
    scores = token_scores([tuple(gold)], [tuple(predicted)])
    assert scores["precision"] == pytest.approx(correct / num_predicted if num_predicted else 0)
    assert scores["recall"] == pytest.approx(correct / num_gold if num_gold else 0)
    assert scores["f1"] == pytest.approx(2 * correct / (num_gold + num_predicted) if num_gold + num_predicted else 0)
