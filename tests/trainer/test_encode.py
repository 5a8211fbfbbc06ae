from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from bertdata.errors import FormatError
from tests.trainer.tiny_run import TOKENS, write_run
from trainer.conll import Sentence
from trainer.encode import Encoder, truncated_lengths
from trainer.tasks import FinetuneOptions
from trainer.texts import TextKind, Texts
from trainer.words import WordKind, Words


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("encode") / "run")


def released_truncation(num_a: int, num_b: int, limit: int) -> tuple[int, int]:
    while num_a + num_b > limit:
        if num_a > num_b:
            num_a -= 1
        else:
            num_b -= 1
    return num_a, num_b


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 50))
def test_pairs_are_cut_as_the_released_code_does(num_a: int, num_b: int, limit: int) -> None:
    kept = truncated_lengths(np.array([num_a], np.int32), np.array([num_b], np.int32), limit)
    assert (int(kept[0][0]), int(kept[1][0])) == released_truncation(num_a, num_b, limit)


def test_special_words_in_a_text_are_text(run: Path) -> None:
    encoder = Encoder(run, len(TOKENS))
    ids = encoder.ids(["the [SEP] boat [MASK]"])[0].tolist()
    assert not {encoder.sep_id, encoder.cls_id, TOKENS.index("[MASK]"), 0} & set(ids)


def test_truncation_and_padding_of_the_file_are_switched_off(run: Path, tmp_path: Path) -> None:
    tokenizer = Tokenizer.from_file(str(run / "tokenizer.json"))
    tokenizer.enable_truncation(3)
    tokenizer.enable_padding(length=3)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    assert len(Encoder(tmp_path, len(TOKENS)).ids(["the boat the boat the boat"])[0]) == 6


def test_vocab_txt_alone_is_enough(run: Path, tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_bytes((run / "vocab.txt").read_bytes())
    text = ["The boat, Anna!"]
    assert Encoder(tmp_path, len(TOKENS)).ids(text)[0].tolist() == Encoder(run, len(TOKENS)).ids(text)[0].tolist()


def test_a_folder_without_a_fitting_tokenizer_is_refused(run: Path, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"neither tokenizer\.json nor vocab\.txt"):
        Encoder(tmp_path, 100)
    with pytest.raises(FormatError, match=r"the tokenizer has .* tokens, the model 10"):
        Encoder(run, 10)
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(FormatError, match="can't be read as a tokenizer"):
        Encoder(tmp_path, 100)


def test_a_pair_is_one_sequence_with_b_from_its_first_token(run: Path) -> None:
    encoder = Encoder(run, len(TOKENS))
    kind = TextKind(FinetuneOptions("mrpc"), ["0", "1"])
    texts = Texts("dev.tsv", [("the boat", "a river"), ("the boat " * 9, "a river " * 9)], ["0", "1"], [1, 2])
    features = kind.features(texts, encoder, 12)
    the, boat, a, river = (TOKENS.index(word) for word in ("the", "boat", "a", "river"))
    cls, sep = encoder.cls_id, encoder.sep_id
    assert features.input_ids[0].tolist() == [cls, the, boat, sep, a, river, sep]
    assert features.input_ids[1].tolist() == [cls, the, boat, the, boat, the, sep, a, river, a, river, sep]
    assert features.segment_b_start.tolist() == [4, 7]
    assert features.num_truncated == 1
    assert features.targets == [0, 1]


def test_a_word_without_pieces_still_has_a_label(run: Path) -> None:
    encoder = Encoder(run, len(TOKENS))
    kind = WordKind(FinetuneOptions("ner"), ["O", "B-PER", "I-PER"])
    words = Words("dev.txt", [Sentence(1, ("anna", "\u200b", "q9"), ("B-PER", "O", "O"))])
    features = kind.features(words, encoder, 12)
    assert features.input_ids[0].tolist()[2] == encoder.unk_id
    assert features.targets[0].tolist() == [-100, 1, 0, 0, -100, -100]
    logits = np.eye(3, dtype=np.float32)[[0, 2, 0, 1, 2, 0]]
    assert kind.decode(words, features, [logits])[0]["prediction"] == ["I-PER", "O", "B-PER"]


def test_a_long_sentence_is_split_between_words_and_every_word_is_predicted(run: Path) -> None:
    encoder = Encoder(run, len(TOKENS))
    kind = WordKind(FinetuneOptions("ner"), ["O", "B-PER"])
    sentence = ("boat", "qqq") * 10
    words = Words("dev.txt", [Sentence(1, sentence, ("O",) * 20)])
    features = kind.features(words, encoder, 10)
    assert features.lengths.max() <= 10
    assert features.num_truncated == 1
    outputs = [np.zeros((n, 2), np.float32) for n in features.lengths]
    assert len(kind.decode(words, features, outputs)[0]["prediction"]) == 20
