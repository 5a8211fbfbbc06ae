"""Shards as other people's tools read them: pyarrow alone, `datasets` by card and by layout, transformers' BERT."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from bertdata.collate import collate_rows
from bertdata.errors import BuildError
from bertdata.example_options import ExampleOptions
from bertdata.reader import open_shards
from bertdata.shards import open_shard, shard_schema, write_card, write_shard
from tests.bertdata.example_corpora import build_shards, made_documents, made_vocabulary, write_tokens

VOCABULARY = made_vocabulary()
TENTH = (1 << 64) // 10


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    tokens = write_tokens(folder / "tokens.arrow", made_documents(150, (10, 40), (5, 30)), VOCABULARY)
    options = ExampleOptions(max_seq_lengths=(32, 64), shard_bytes=100_000)
    build_shards(folder, [tokens], VOCABULARY, options, TENTH)
    write_card(folder / "shards")
    return folder / "shards"


def test_pyarrow_alone_reads_a_shard(folder: Path) -> None:
    path = sorted((folder / "64" / "train").iterdir())[0]
    with pa.memory_map(str(path)) as source:
        file = pa.ipc.open_file(source)
        assert [file.get_batch(n).num_rows for n in range(file.num_record_batches - 1)] == [1024] * (
            file.num_record_batches - 1
        )
        row = file.read_all().to_pylist()[0]
    assert list(row) == shard_schema(1000).names
    assert row["input_ids"][0] == VOCABULARY.cls_id
    assert row["input_ids"][-1] == VOCABULARY.sep_id


def test_mapped_reads_allocate_no_memory_for_the_columns(folder: Path) -> None:
    path = sorted((folder / "64" / "train").iterdir())[0]
    before = pa.total_allocated_bytes()
    file = open_shard(path).file
    batches = [file.get_batch(n) for n in range(file.num_record_batches)]
    assert pa.total_allocated_bytes() - before < path.stat().st_size / 20
    assert sum(batch.num_rows for batch in batches) > 200


@pytest.mark.parametrize("length", [32, 64])
def test_datasets_loads_a_length_by_card_and_by_layout(folder: Path, tmp_path: Path, length: int) -> None:
    datasets = pytest.importorskip("datasets")
    cards = datasets.load_dataset(str(folder), str(length), cache_dir=str(tmp_path / "a"))
    layout = datasets.load_dataset(str(folder / str(length)), cache_dir=str(tmp_path / "b"))
    for loaded in (cards, layout):
        assert {name: split.num_rows for name, split in loaded.items()} == {
            split: open_shards(folder, max_seq_length=length, split=split).num_examples
            for split in ("train", "validation")
        }
    shards = open_shards(folder, max_seq_length=length)
    assert cards["train"][5]["input_ids"] == shards.read([5]).input_ids.tolist()
    assert max(map(len, cards["train"]["input_ids"])) == length


def test_berts_loss_of_collated_rows_is_finite(folder: Path, tmp_path: Path) -> None:
    datasets, torch = pytest.importorskip("datasets"), pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    rows = datasets.load_dataset(str(folder), "64", cache_dir=str(tmp_path))["train"].select(range(8))

    def collate(some: list[dict[str, Any]]) -> dict[str, Any]:
        return {name: torch.from_numpy(array) for name, array in collate_rows(some).items()}

    batch = next(iter(torch.utils.data.DataLoader(rows, batch_size=8, collate_fn=collate)))
    config = transformers.BertConfig(
        vocab_size=1000, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64
    )
    torch.manual_seed(1)
    loss = transformers.BertForPreTraining(config)(**batch).loss.detach()
    assert torch.isfinite(loss)
    # ln 1000 for the masked tokens and ln 2 for the label, give or take an untrained model's noise.
    assert abs(float(loss) - np.log(1000) - np.log(2)) < 0.5


def test_collated_rows_are_what_the_reader_pads(folder: Path) -> None:
    shards = open_shards(folder, max_seq_length=64)
    examples = shards.read(np.arange(20))
    rows = pa.ipc.open_file(str(shards.paths[0])).read_all().slice(0, 20).to_pylist()
    ours, theirs = examples.padded(0), collate_rows(rows)
    assert np.array_equal(ours.input_ids, theirs["input_ids"])
    assert np.array_equal(ours.token_type_ids, theirs["token_type_ids"])
    assert np.array_equal(ours.attention_mask, theirs["attention_mask"])
    assert np.array_equal(np.flatnonzero(theirs["labels"].ravel() >= 0), ours.masked_index)
    assert np.array_equal(theirs["labels"].ravel()[ours.masked_index], ours.masked_labels)


def test_a_card_names_only_the_splits_that_exist(tmp_path: Path) -> None:
    (tmp_path / "128" / "train").mkdir(parents=True)
    (tmp_path / "512" / "train").mkdir(parents=True)
    (tmp_path / "512" / "validation").mkdir()
    write_card(tmp_path)
    card = (tmp_path / "README.md").read_text()
    assert card.index('config_name: "128"') < card.index('config_name: "512"')
    assert "128/validation" not in card
    assert "path: 512/validation/*.arrow" in card


def test_a_shard_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    def failing() -> Any:
        raise BuildError("no more")
        yield

    with pytest.raises(BuildError, match="no more"):
        write_shard(tmp_path / "00000-of-00001.arrow", shard_schema(1000), {}, failing())
    assert list(tmp_path.iterdir()) == []
