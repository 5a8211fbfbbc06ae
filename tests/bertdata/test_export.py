import hashlib
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bertdata.errors import BuildError, OptionError
from bertdata.export import export_corpus
from bertdata.mds import MdsWriter
from bertdata.reader import open_shards
from bertdata.tfrecord import bert_features, encode_examples, mask_crc
from cli.main import run as bertdata
from tests.trainer.made_corpus import write_corpus


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("export") / "corpus", num_examples=40, lengths=(32, 64))


@pytest.fixture(scope="module")
def exports(corpus: Path) -> dict[str, Path]:
    folders = {form: corpus.parent / form for form in ("tfrecord", "hf", "mds")}
    for form, folder in folders.items():
        assert export_corpus(corpus, folder, form)["examples"]["32/train"] == 40
    return folders


def example_class() -> Any:
    """Build tf.train.Example from its published definition."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="example.proto", package="t", syntax="proto3")
    field = descriptor_pb2.FieldDescriptorProto

    def message(parent: Any, name: str, *fields: tuple[str, int, int, int, str]) -> Any:
        made = parent.add(name=name)
        for label, number, kind, repeated, type_name in fields:
            made.field.add(name=label, number=number, type=kind, label=repeated, type_name=type_name or None)
        return made

    many, one = field.LABEL_REPEATED, field.LABEL_OPTIONAL
    message(file.message_type, "FloatList", ("value", 1, field.TYPE_FLOAT, many, ""))
    message(file.message_type, "Int64List", ("value", 1, field.TYPE_INT64, many, ""))
    lists = (
        ("float_list", 2, field.TYPE_MESSAGE, one, ".t.FloatList"),
        ("int64_list", 3, field.TYPE_MESSAGE, one, ".t.Int64List"),
    )
    message(file.message_type, "Feature", *lists)
    features = message(
        file.message_type, "Features", ("feature", 1, field.TYPE_MESSAGE, many, ".t.Features.FeatureEntry")
    )
    value = ("value", 2, field.TYPE_MESSAGE, one, ".t.Feature")
    entry = message(features.nested_type, "FeatureEntry", ("key", 1, field.TYPE_STRING, one, ""), value)
    entry.options.map_entry = True
    message(file.message_type, "Example", ("features", 1, field.TYPE_MESSAGE, one, ".t.Features"))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("t.Example"))


def crc32c(data: bytes) -> int:
    """Return the CRC of RFC 3720, bit by bit."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def read_records(path: Path) -> Iterator[bytes]:
    data, at = path.read_bytes(), 0
    while at < len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        record = data[at + 12 : at + 12 + length]
        assert data[at + 8 : at + 12] == mask_crc(crc32c(data[at : at + 8]))
        assert data[at + 12 + length : at + 16 + length] == mask_crc(crc32c(record))
        yield record
        at += 16 + length


def test_tfrecords_hold_what_run_pretraining_reads(corpus: Path, exports: dict[str, Path]) -> None:
    example = example_class()
    for split in ("train", "validation"):
        shards = open_shards(corpus, max_seq_length=32, split=split)
        paths = sorted((exports["tfrecord"] / "32" / split).glob("*.tfrecord"))
        rows = [example.FromString(record).features.feature for path in paths for record in read_records(path)]
        expected = bert_features(shards.read(np.arange(len(shards))), 32, shards.metadata["max_predictions"])
        assert len(rows) == len(shards)
        assert set(rows[0]) == set(expected) == {
            "input_ids", "input_mask", "segment_ids", "masked_lm_positions", "masked_lm_ids", "masked_lm_weights",
            "next_sentence_labels",
        }  # fmt: skip
        for name, values in expected.items():
            kind = "float_list" if name == "masked_lm_weights" else "int64_list"
            assert np.array_equal([list(getattr(row[name], kind).value) for row in rows], values)


def test_features_are_padded_as_in_the_original(corpus: Path) -> None:
    shards = open_shards(corpus, max_seq_length=32)
    examples = shards.read([3])
    features = {name: values[0] for name, values in bert_features(examples, 32, 8).items()}
    length, count = int(examples.lengths[0]), len(examples.masked_positions)
    assert features["input_ids"].tolist() == examples.input_ids.tolist() + [0] * (32 - length)
    assert features["input_mask"].tolist() == [1] * length + [0] * (32 - length)
    assert features["segment_ids"].sum() == length - examples.segment_b_start[0]
    assert features["masked_lm_positions"].tolist() == examples.masked_positions.tolist() + [0] * (8 - count)
    assert features["masked_lm_weights"].tolist() == [1.0] * count + [0.0] * (8 - count)


def test_varints_of_every_size_are_written() -> None:
    values = np.array([[0, 1, 127, 128, 16383, 16384, 2097151, 2097152, (1 << 28) - 1]])
    (record,) = encode_examples({"x": values})
    assert list(example_class().FromString(record).features.feature["x"].int64_list.value) == values[0].tolist()


def test_mds_samples_are_those_of_the_shards(corpus: Path, exports: dict[str, Path]) -> None:
    folder = exports["mds"] / "64" / "train"
    index = json.loads((folder / "index.json").read_text())
    shard = index["shards"][0]
    data = (folder / shard["raw_data"]["basename"]).read_bytes()
    assert shard["raw_data"]["hashes"]["sha256"] == hashlib.sha256(data).hexdigest()
    assert (index["version"], shard["format"], shard["samples"], len(data)) == (
        2,
        "mds",
        40,
        shard["raw_data"]["bytes"],
    )
    examples = open_shards(corpus, max_seq_length=64).read(np.arange(40))
    for row in range(40):
        begin, end = np.frombuffer(data, "<u4", 2, 4 + 4 * row)
        sample = read_sample(data[begin:end], shard)
        one = examples.take(slice(row, row + 1))
        assert np.array_equal(sample["input_ids"], one.input_ids)
        assert np.array_equal(sample["masked_lm_positions"], one.masked_positions)
        assert np.array_equal(sample["masked_lm_labels"], one.masked_labels)
        assert sample["next_sentence_label"] == one.next_sentence_label[0]
        assert sample["segment_b_start"] == one.segment_b_start[0]


def read_sample(data: bytes, shard: dict[str, Any]) -> dict[str, Any]:
    """Decode a sample by the published format: sizes of variable columns, then the columns."""
    at = 4 * shard["column_sizes"].count(None)
    sizes, found = iter(np.frombuffer(data[:at], "<u4").tolist()), {}
    for name, encoding, fixed in zip(
        shard["column_names"], shard["column_encodings"], shard["column_sizes"], strict=True
    ):
        size = fixed or next(sizes)
        value, at = data[at : at + size], at + size
        if encoding.startswith("ndarray:"):
            width = 1 << value[0] % 4
            assert value[0] >> 2 == 1
            found[name] = np.frombuffer(value[1 + width :], encoding.split(":")[1])
            assert len(found[name]) == int.from_bytes(value[1 : 1 + width], "little")
        else:
            found[name] = np.frombuffer(value, encoding)[0]
    return found


def test_mds_shards_stay_below_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bertdata.mds.SIZE_LIMIT", 1000)
    writer = MdsWriter(tmp_path, {"x": "uint8"})
    for _ in range(10):
        writer.write(b"y" * 200)
    writer.close()
    index = json.loads((tmp_path / "index.json").read_text())
    assert sum(shard["samples"] for shard in index["shards"]) == 10
    assert len(index["shards"]) == 3
    assert all(shard["raw_data"]["bytes"] <= 1000 for shard in index["shards"])


def test_datasets_and_a_collator_feed_transformers(exports: dict[str, Path], tmp_path: Path) -> None:
    import datasets
    import torch
    import transformers

    loaded = datasets.load_dataset(str(exports["hf"]), "32", cache_dir=str(tmp_path))
    assert {name: len(split) for name, split in loaded.items()} == {"train": 40, "validation": 12}
    tokenizer = transformers.AutoTokenizer.from_pretrained(exports["hf"] / "vocab")
    batch = transformers.DataCollatorForTokenClassification(tokenizer)([loaded["train"][i] for i in range(8)])
    config = transformers.BertConfig(
        vocab_size=120, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
    )
    loss = transformers.BertForPreTraining(config)(**batch).loss
    assert torch.isfinite(loss)
    assert batch["attention_mask"].sum() == sum(len(loaded["train"][i]["input_ids"]) for i in range(8))


def test_labels_of_the_dataset_are_the_original_ids(corpus: Path, exports: dict[str, Path]) -> None:
    import pyarrow.parquet as pq

    paths = sorted((exports["hf"] / "32" / "train").glob("*.parquet"))
    rows = [row for path in paths for row in pq.read_table(path).to_pylist()]
    examples = open_shards(corpus, max_seq_length=32).read(np.arange(40))
    for row, start, end in zip(rows, examples.offsets[:-1], examples.offsets[1:], strict=True):
        original = [
            label if label != -100 else token for label, token in zip(row["labels"], row["input_ids"], strict=True)
        ]
        assert original == examples.original_ids()[start:end].tolist()


def test_an_export_is_the_same_twice(corpus: Path, exports: dict[str, Path], tmp_path: Path) -> None:
    for form, folder in exports.items():
        export_corpus(corpus, tmp_path / form, form)
        for path in folder.rglob("*.*"):
            assert (tmp_path / form / path.relative_to(folder)).read_bytes() == path.read_bytes()


def test_every_export_says_how_to_load_it(exports: dict[str, Path]) -> None:
    said = {form: (folder / "README.md").read_text() for form, folder in exports.items()}
    assert '--input_file="FOLDER/32/train/*.tfrecord" --max_seq_length=32' in said["tfrecord"]
    assert 'datasets.load_dataset("FOLDER", "32")' in said["hf"]
    assert 'StreamingDataset(local="32", split="train"' in said["mds"]
    assert all((folder / "vocab" / "vocab.txt").is_file() for folder in exports.values())


def test_what_cannot_be_exported_is_named(corpus: Path, exports: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="exists and isn't an empty folder"):
        export_corpus(corpus, exports["hf"], "hf")
    with pytest.raises(OptionError, match="--format 'csv' is unknown"):
        export_corpus(corpus, tmp_path / "x", "csv")
    (tmp_path / "unfinished" / "shards").mkdir(parents=True)
    with pytest.raises(BuildError, match=r"has no manifest\.json"):
        export_corpus(tmp_path / "unfinished", tmp_path / "x", "hf")
    assert not (tmp_path / "x").exists()


def test_nothing_is_left_of_an_export_that_failed(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("bertdata.mds.MdsWriter.close", interrupt)
    with pytest.raises(KeyboardInterrupt):
        export_corpus(corpus, tmp_path / "x", "mds")
    assert not (tmp_path / "x").exists()


def test_the_command_exports_a_corpus(corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bertdata(["export", str(corpus), "--format", "tfrecord", "--output", str(tmp_path / "x")]) == 0
    assert "104 examples" in capsys.readouterr().out
    assert bertdata(["export", str(tmp_path), "--format", "hf", "--output", str(tmp_path / "y")]) == 1
    assert "has no config.json" in capsys.readouterr().err
