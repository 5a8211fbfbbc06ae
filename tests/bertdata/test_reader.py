"""Reading shards: every example once, the same batches for any number of ranks, resumable anywhere, little padding."""

from __future__ import annotations

import itertools
import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import bertdata
from bertdata.batches import Examples
from bertdata.errors import FormatError, InputError, OptionError
from bertdata.example_options import ExampleOptions
from bertdata.reader import DynamicMasking, Shards, open_shards
from bertdata.shard_paths import find_shards, read_stated
from bertdata.shards import OpenShard, open_shard, shard_schema, to_metadata
from bertdata.vocab import write_vocabulary
from tests.bertdata.example_corpora import build_shards, made_documents, made_vocabulary, write_tokens
from tests.bertdata.resuming import assert_resumes_at_every_step

VOCABULARY = made_vocabulary()
TENTH = (1 << 64) // 10


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    tokens = write_tokens(folder / "tokens.arrow", made_documents(400, (10, 60), (5, 30)), VOCABULARY)
    build_shards(folder, [tokens], VOCABULARY, ExampleOptions(max_seq_lengths=(64,), shard_bytes=250_000), TENTH)
    write_vocabulary(folder / "vocab", VOCABULARY.tokens, lowercase=True)
    return folder


@pytest.fixture(scope="module")
def shards(corpus: Path) -> Shards:
    return open_shards(corpus)


def epoch(shards: Shards, size: int, **options: object) -> list[Examples]:
    return list(itertools.islice(shards.batches(size, seed=7, **options), shards.num_batches(size)))  # type: ignore[arg-type]


def test_open_shards_takes_the_corpus_the_shards_folder_or_one_length(corpus: Path, shards: Shards) -> None:
    assert len(shards.paths) > 3
    assert len(shards) == shards.num_examples > 2000
    for path in (corpus / "shards", corpus / "shards" / "64", str(corpus)):
        assert bertdata.open_shards(path).num_examples == shards.num_examples
    assert open_shards(corpus, max_seq_length=64, split="validation").num_examples > 100


def test_shards_say_what_they_are(shards: Shards) -> None:
    assert shards.max_seq_length == 64
    assert shards.vocab_size == len(VOCABULARY)
    assert shards.vocab_sha256 == VOCABULARY.sha256
    assert shards.metadata["pairs"] == "balanced"
    assert shards.metadata["mask_id"] == VOCABULARY.mask_id


def test_read_gives_what_pyarrow_reads(shards: Shards) -> None:
    rows = [row for path in shards.paths for row in pa.ipc.open_file(str(path)).read_all().to_pylist()]
    index = np.array([0, 1, 1023, 1024, len(rows) - 1, 5, 5, 1500])
    got = shards.read(index)
    for n, number in enumerate(index.tolist()):
        one, row = got.take(np.array([n])), rows[number]
        assert one.input_ids.tolist() == row["input_ids"]
        assert one.masked_positions.tolist() == row["masked_lm_positions"]
        assert one.masked_labels.tolist() == row["masked_lm_labels"]
        assert one.segment_b_start[0] == row["segment_b_start"]
        assert one.next_sentence_label[0] == row["next_sentence_label"]
        assert (one.document_a[0], one.document_b[0]) == (row["document_a"], row["document_b"])


def test_reading_a_range_of_one_batch_copies_no_column_twice(shards: Shards) -> None:
    # The mapped file is the only home of the ids: views share its memory.
    rows = shards._shards[0]
    view, starts, lengths = rows.lists("input_ids", np.array([3]))
    assert not view.flags.owndata
    assert view[starts[0] : starts[0] + lengths[0]].tolist() == shards.read([3]).input_ids.tolist()


def test_read_refuses_numbers_that_are_not_there(shards: Shards) -> None:
    for wrong in ([-1], [shards.num_examples]):
        with pytest.raises(IndexError, match="numbered from 0"):
            shards.read(wrong)
    assert len(shards.read([])) == 0


@pytest.mark.parametrize("by_length", [True, False])
@pytest.mark.parametrize("size", [7, 64, 1000, 10**6])
def test_every_example_comes_once_an_epoch(shards: Shards, size: int, by_length: bool) -> None:
    batches = epoch(shards, size, by_length=by_length)
    assert np.array_equal(np.sort(np.concatenate([b.index for b in batches])), np.arange(shards.num_examples))
    assert all(len(b) == size for b in batches[:-1])


@pytest.mark.parametrize("by_length", [True, False])
def test_batches_resume_at_every_step_over_epochs(shards: Shards, by_length: bool) -> None:
    size = shards.num_examples // 4 - 1
    assert_resumes_at_every_step(
        lambda start: shards.batches(size, seed=3, start=start, by_length=by_length, masking=DynamicMasking()), 12
    )


def test_a_seek_far_ahead_equals_reading_up_to_it(shards: Shards) -> None:
    far = 3 * shards.num_batches(64) + 17
    whole = next(itertools.islice(shards.batches(64, seed=1), far, None))
    assert np.array_equal(next(shards.batches(64, seed=1, start=far)).input_ids, whole.input_ids)


@pytest.mark.parametrize("num_ranks", [2, 3])
def test_ranks_share_the_global_batch(shards: Shards, num_ranks: int) -> None:
    whole = epoch(shards, 60)
    parts = [epoch(shards, 60, rank=r, num_ranks=num_ranks) for r in range(num_ranks)]
    for number, batch in enumerate(whole):
        for rank in range(num_ranks):
            assert np.array_equal(parts[rank][number].index, batch.index[rank::num_ranks])


def test_workers_share_the_batches_in_turn(shards: Shards) -> None:
    whole = list(itertools.islice(shards.batches(50, seed=2), 200))
    for worker in range(3):
        mine = list(itertools.islice(shards.batches(50, seed=2, start=worker, stride=3), 60))
        for n, batch in enumerate(mine):
            assert np.array_equal(batch.index, whole[worker + 3 * n].index)


def test_epochs_and_seeds_have_their_own_order(shards: Shards) -> None:
    run = shards.batches(shards.num_examples, seed=1, by_length=False)
    first, second = next(run).index, next(run).index
    other = next(shards.batches(shards.num_examples, seed=2, by_length=False)).index
    assert (first == second).mean() < 0.01
    assert (first == other).mean() < 0.01


def test_by_length_padding_stays_below_three_percent(shards: Shards) -> None:
    for size in (16, 32):
        tokens = cells = 0
        for batch in epoch(shards, size):
            tokens += len(batch.input_ids)
            cells += batch.padded(0).input_ids.size
        assert 1 - tokens / cells < 0.03


def test_stored_masks_come_back_as_stored(shards: Shards) -> None:
    batch = next(shards.batches(100, seed=1))
    again = shards.read(batch.index)
    assert np.array_equal(batch.input_ids, again.input_ids)
    assert np.array_equal(batch.masked_positions, again.masked_positions)


def test_dynamic_masks_change_with_the_epoch_and_keep_the_originals(shards: Shards) -> None:
    size = shards.num_examples
    one, two = itertools.islice(shards.batches(size, seed=1, masking=DynamicMasking()), 2)
    one, two = (e.take(np.argsort(e.index)) for e in (one, two))
    stored = shards.read(np.arange(size))
    assert np.array_equal(one.original_ids(), stored.original_ids())
    assert np.array_equal(two.original_ids(), stored.original_ids())
    assert not np.array_equal(one.masked_positions, two.masked_positions)
    assert np.array_equal(np.diff(one.masked_offsets), np.diff(stored.masked_offsets))


def test_dynamic_masks_are_the_same_for_every_batch_size_and_rank(shards: Shards) -> None:
    masks = {}
    for options in ({"by_length": False}, {"rank": 1, "num_ranks": 2}):
        for batch in epoch(shards, 48, masking=DynamicMasking(0.4), **options):
            for n, index in enumerate(batch.index.tolist()):
                at = batch.masked_positions[batch.masked_offsets[n] : batch.masked_offsets[n + 1]].tolist()
                assert masks.setdefault(index, at) == at


@pytest.mark.parametrize("masking", ["whole-word", "span"])
def test_dynamic_masks_of_words_read_the_vocabulary_beside_the_shards(shards: Shards, masking: str) -> None:
    batch = next(shards.batches(200, seed=1, masking=DynamicMasking(0.15, masking)))  # type: ignore[arg-type]
    originals, places = batch.original_ids(), batch.masked_places()
    chosen = np.zeros(len(originals), dtype=bool)
    chosen[places] = True
    joined = VOCABULARY.is_continuation[originals]
    joined[batch.offsets[:-1] + 1] = False
    joined[batch.offsets[:-1] + batch.segment_b_start] = False
    assert np.array_equal(chosen[1:][joined[1:]], chosen[:-1][joined[1:]])


def test_dynamic_masks_of_words_refuse_another_vocabulary(corpus: Path, tmp_path: Path) -> None:
    shutil.copytree(corpus / "shards", tmp_path / "shards")
    with pytest.raises(InputError, match=r"vocab\.txt is missing"):
        next(open_shards(tmp_path).batches(8, seed=1, masking=DynamicMasking(masking="span")))
    write_vocabulary(tmp_path / "vocab", made_vocabulary(900).tokens, lowercase=True)
    with pytest.raises(FormatError, match="isn't the vocabulary that the shards were made with"):
        next(open_shards(tmp_path).batches(8, seed=1, masking=DynamicMasking(masking="span")))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"batch_size": 0}, "batch size is 0"), ({"rank": 2, "num_ranks": 2}, "rank 2 of 2"), ({"start": -1}, "start -1")],
)
def test_batches_check_their_arguments(shards: Shards, wrong: dict[str, int], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        shards.batches(**{"batch_size": 8, "seed": 1, **wrong})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rate": 0.0}, "mask rate is 0"),
        ({"rate": 1.0}, "mask rate is 1"),
        ({"masking": "x"}, "masking is 'x'"),
        ({"max_predictions": 0}, "1 or more"),
    ],
)
def test_dynamic_masking_checks_its_options(options: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        DynamicMasking(**options)  # type: ignore[arg-type]


def rewritten(path: Path, **changed: object) -> None:
    """Write a shard anew with other metadata."""
    table = pa.ipc.open_file(str(path)).read_all()
    metadata = dict(table.schema.metadata) | {k.encode(): v.encode() for k, v in to_metadata(changed).items()}
    with pa.ipc.new_file(str(path), table.schema.with_metadata(metadata)) as writer:
        writer.write_table(table, max_chunksize=1024)


@pytest.fixture
def copy(corpus: Path, tmp_path: Path) -> Path:
    shutil.copytree(corpus, tmp_path / "copy")
    return tmp_path / "copy" / "shards" / "64" / "train"


def test_a_version_of_the_future_is_refused(copy: Path) -> None:
    rewritten(sorted(copy.iterdir())[1], format_version=2)
    with pytest.raises(FormatError, match=r"00001-of-\d+.arrow has shard format 2; this bertdata reads 1"):
        open_shards(copy.parent)


def test_shards_of_two_builds_are_refused(copy: Path) -> None:
    rewritten(sorted(copy.iterdir())[1], vocab_sha256="0" * 64, seed=9)
    with pytest.raises(FormatError, match=r"differs from 00000-of-.* in vocab_sha256, seed"):
        open_shards(copy.parent)


def test_a_missing_shard_is_named(copy: Path) -> None:
    (victim := sorted(copy.iterdir())[2]).unlink()
    with pytest.raises(FormatError, match=f"{victim.name} is missing"):
        open_shards(copy.parent)


def test_a_cut_off_shard_is_named(copy: Path) -> None:
    victim = sorted(copy.iterdir())[0]
    victim.write_bytes(victim.read_bytes()[:-100])
    with pytest.raises(FormatError, match=f"{victim.name} isn't a readable Arrow file"):
        open_shards(copy.parent)


def test_an_empty_file_and_another_kind_of_arrow_file_are_named(copy: Path) -> None:
    victim = sorted(copy.iterdir())[0]
    victim.write_bytes(b"")
    with pytest.raises(FormatError, match=victim.name):
        open_shards(copy.parent)
    with pa.ipc.new_file(str(victim), pa.schema([("x", pa.int8())])):
        pass
    with pytest.raises(FormatError, match="isn't a bertdata shard"):
        open_shards(copy.parent)


def test_another_schema_is_named(copy: Path) -> None:
    victim = sorted(copy.iterdir())[0]
    table = pa.ipc.open_file(str(victim)).read_all().drop_columns(["document_a"])
    with pa.ipc.new_file(str(victim), table.schema) as writer:
        writer.write_table(table)
    with pytest.raises(FormatError, match="document_a differ"):
        open_shards(copy.parent)


@pytest.fixture
def stated(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A corpus with a manifest, read as if its shards were very many."""
    shutil.copytree(corpus, tmp_path / "stated")
    folder = tmp_path / "stated"
    monkeypatch.setattr("bertdata.shard_paths._OPENED_AT_ONCE", 1)
    splits = {}
    for split in ("train", "validation"):
        paths = sorted((folder / "shards" / "64" / split).iterdir())
        files = [{"path": p.relative_to(folder).as_posix(), "bytes": p.stat().st_size} for p in paths]
        rows = [open_shard(path).metadata["num_rows"] for path in paths]
        splits[f"64/{split}"] = {"files": [file | {"rows": num} for file, num in zip(files, rows, strict=True)]}
    (folder / "manifest.json").write_text(json.dumps({"splits": splits}))
    return folder


def test_of_very_many_shards_those_that_are_read_are_opened(
    shards: Shards, stated: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    def open_and_note(path: Path) -> OpenShard:
        opened.append(path.name)
        return open_shard(path)

    monkeypatch.setattr("bertdata.shard_rows.open_shard", open_and_note)
    many = open_shards(stated)
    assert (opened, many.num_examples) == ([shards.paths[0].name], shards.num_examples)
    last = many.read(np.array([many.num_examples - 1]))
    assert opened == [shards.paths[0].name, shards.paths[-1].name]
    assert last.input_ids.tolist() == shards.read(np.array([len(shards) - 1])).input_ids.tolist()
    for ours, all_opened in zip(epoch(many, 50), epoch(shards, 50), strict=True):
        assert ours.index.tolist() == all_opened.index.tolist()
        assert ours.input_ids.tolist() == all_opened.input_ids.tolist()
    assert len(opened) == len(shards.paths)


def restate(folder: Path, number: int, **values: int) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["splits"]["64/train"]["files"][number] |= values
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_of_very_many_shards_one_of_another_build_is_named_when_it_is_read(stated: Path) -> None:
    paths = sorted((stated / "shards" / "64" / "train").iterdir())
    rewritten(paths[1], seed=8)
    restate(stated, 1, bytes=paths[1].stat().st_size)
    many = open_shards(stated)
    many.read(np.array([0]))
    with pytest.raises(FormatError, match=f"{paths[1].name} differs from {paths[0].name} in seed"):
        many.read(np.array([many.first_row(1)]))


def test_of_very_many_shards_one_of_other_rows_or_bytes_is_named(stated: Path) -> None:
    restate(stated, 1, rows=7)
    many = open_shards(stated)
    with pytest.raises(FormatError, match=r"00001-of-\d+.arrow has [\d,]+ rows, not the 7 that its build wrote"):
        many.read(np.array([many.first_row(1)]))
    cut = sorted((stated / "shards" / "64" / "train").iterdir())[2]
    cut.write_bytes(cut.read_bytes()[:-100])
    with pytest.raises(FormatError, match=f"{cut.name} isn't a readable Arrow file"):
        open_shards(stated).check_sizes()


def test_shards_are_read_by_their_numbers_however_many_digits_these_have(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bertdata.shard_paths._OPENED_AT_ONCE", 1)
    number, folder = 100_002, tmp_path / "shards" / "64" / "train"
    folder.mkdir(parents=True)
    names = [f"{n:05d}-of-{number:05d}.arrow" for n in range(number)]
    shard = next((corpus / "shards" / "64" / "train").iterdir())
    for name in names:
        (folder / name).symlink_to(shard)
    files = [
        {"path": f"shards/64/train/{name}", "bytes": shard.stat().st_size, "rows": n + 1}
        for n, name in enumerate(names)
    ]
    (tmp_path / "manifest.json").write_text(json.dumps({"splits": {"64/train": {"files": files}}}))
    many = find_shards(tmp_path, None, "train")
    assert [many[at].name for at in (0, 10_001, 100_001)] == [names[0], names[10_001], names[100_001]]
    assert list(read_stated(many).rows) == list(range(1, number + 1))
    (folder / names[100_000]).unlink()
    with pytest.raises(FormatError, match=r"train/100000-of-100002.arrow is missing \(1 of 100002 shards\)"):
        find_shards(tmp_path, None, "train")
    (folder / names[100_000]).symlink_to(shard)
    (folder / "100002-of-100002.arrow").symlink_to(shard)
    with pytest.raises(FormatError, match="holds shards numbered beyond 100001"):
        find_shards(tmp_path, None, "train")


def test_what_is_not_there_is_said(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="splits there: train, validation"):
        open_shards(corpus, split="test")
    with pytest.raises(InputError, match="has no length 512, only 64"):
        open_shards(corpus, max_seq_length=512)
    with pytest.raises(InputError, match="isn't a folder"):
        open_shards(tmp_path / "nothing")
    with pytest.raises(InputError, match="holds no shards"):
        open_shards(tmp_path)
    (tmp_path / "shards" / "32").mkdir(parents=True)
    (tmp_path / "shards" / "64").mkdir()
    with pytest.raises(OptionError, match="has lengths 32, 64: say which"):
        open_shards(tmp_path)


def test_large_vocabularies_have_ids_of_32_bits(tmp_path: Path) -> None:
    vocabulary = made_vocabulary(70_000)
    tokens = write_tokens(tmp_path / "t.arrow", made_documents(20, (10, 20), size=70_000), vocabulary)
    build_shards(tmp_path, [tokens], vocabulary, ExampleOptions(max_seq_lengths=(64,)))
    shards = open_shards(tmp_path)
    assert shards.read(np.arange(shards.num_examples)).input_ids.dtype == np.uint32
    assert shards.read(np.arange(shards.num_examples)).original_ids().max() > 65_536
    assert shard_schema(70_000).field("masked_lm_labels").type == pa.list_(pa.uint32())


def test_padded_batches_are_what_the_rows_say(shards: Shards) -> None:
    examples = shards.read(np.arange(40))
    batch = examples.padded(pad_id=0)
    assert batch.input_ids.shape == (40, 64)
    assert batch.input_ids.dtype == np.int64
    for row in range(40):
        one = examples.take(slice(row, row + 1))
        size, b = len(one.input_ids), int(one.segment_b_start[0])
        assert batch.input_ids[row].tolist() == [*one.input_ids.tolist(), *[0] * (64 - size)]
        assert batch.token_type_ids[row].tolist() == [0] * b + [1] * (size - b) + [0] * (64 - size)
        assert batch.attention_mask[row].tolist() == [True] * size + [False] * (64 - size)
    assert np.array_equal(batch.input_ids.ravel()[batch.masked_index], examples.input_ids[examples.masked_places()])
    assert np.array_equal(batch.masked_labels, examples.masked_labels)


@pytest.mark.parametrize("max_tokens", [None, 64, 100, 512])
def test_packed_batches_hold_every_example_within_its_own_boundaries(shards: Shards, max_tokens: int | None) -> None:
    examples = shards.read(np.arange(0, 600, 7))
    batch = examples.packed(max_tokens)
    assert batch.cu_seqlens[0] == 0
    assert batch.cu_seqlens[-1] == len(batch.input_ids) == len(batch.position_ids)
    if max_tokens:
        assert len(batch.input_ids) % max_tokens == 0
        assert (batch.cls_index % max_tokens + examples.lengths[batch.example] <= max_tokens).all()
    assert np.isin(batch.cls_index, batch.cu_seqlens).all()
    assert sorted(batch.example.tolist()) == list(range(len(examples)))
    for start, row in zip(batch.cls_index.tolist(), batch.example.tolist(), strict=True):
        one = examples.take(slice(row, row + 1))
        end = start + len(one.input_ids)
        assert batch.input_ids[start:end].tolist() == one.input_ids.tolist()
        assert batch.position_ids[start:end].tolist() == list(range(end - start))
        assert batch.token_type_ids[start:end].sum() == end - start - one.segment_b_start[0]
        assert end in batch.cu_seqlens.tolist()
    assert np.array_equal(batch.input_ids[batch.masked_index], examples.input_ids[examples.masked_places()])
    assert np.array_equal(batch.next_sentence_label, examples.next_sentence_label[batch.example])
    assert batch.max_seqlen == examples.lengths.max()


def test_rows_too_short_for_an_example_are_refused(shards: Shards) -> None:
    with pytest.raises(OptionError, match="rows of 32 are too short"):
        shards.read(np.arange(50)).packed(32)


def test_take_equals_reading_anew(shards: Shards) -> None:
    examples = shards.read(np.arange(100))
    for rows in (slice(10, 20), slice(0, 100, 7), slice(5, 5), np.array([3, 1, 99, 3])):
        index = np.arange(100)[rows]
        for name, value in vars(shards.read(index)).items():
            assert np.array_equal(value, getattr(examples.take(rows), name)), name
