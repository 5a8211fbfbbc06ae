"""The README of an exported corpus: what it is, and the call that loads it."""

from __future__ import annotations

from collections.abc import Mapping

from bertdata.reader import Shards

_MDS = """\
```python
from streaming import StreamingDataset

dataset = StreamingDataset(local="{length}", split="{split}", batch_size=32)
```

Samples are unpadded: `input_ids`, `segment_b_start` (token type 1 begins there), `masked_lm_positions` and
`masked_lm_labels` (the original ids of predicted tokens), `next_sentence_label` (1 where B doesn't follow A).
"""
_HF = """\
```python
import datasets, transformers

data = datasets.load_dataset("FOLDER", "{length}")
collator = transformers.DataCollatorForTokenClassification(transformers.AutoTokenizer.from_pretrained("FOLDER/vocab"))
```

Rows are unpadded and have the inputs of transformers' `BertForPreTraining`; `labels` are -100 where nothing is
predicted; `next_sentence_label` is 1 where B doesn't follow A.
"""
_TFRECORD = """\
```
python run_pretraining.py --input_file="FOLDER/{length}/{split}/*.tfrecord" --max_seq_length={length} \\
    --max_predictions_per_seq={predictions} --do_train=True --bert_config_file=… --output_dir=…
```

`vocab_size` in the BERT configuration is {vocab_size}.
"""


def export_card(form: str, splits: Mapping[str, Shards]) -> str:
    """Return the README's text; for `hf` it begins with the configurations that `datasets` reads, one a length."""
    first = next(iter(splits))
    length, split = first.split("/")
    shards = splits[first]
    predictions = shards.metadata["max_predictions"]
    text = {"mds": _MDS, "hf": _HF, "tfrecord": _TFRECORD}[form].format(
        length=length, split=split, predictions=predictions, vocab_size=shards.vocab_size
    )
    rows = [f"| {name} | {part.num_examples:,} | {part.metadata['max_predictions']} |" for name, part in splits.items()]
    table = ["| folder | examples | predictions at most |", "|---|---|---|", *rows]
    title = (
        "# BERT pretraining examples\n\nExported by bertdata; one folder a maximum length in tokens and a split.\n\n"
    )
    return (_configs(splits) if form == "hf" else "") + title + "\n".join(table) + "\n\n" + text


def _configs(splits: Mapping[str, Shards]) -> str:
    lines = ["---", "configs:"]
    for length in dict.fromkeys(name.split("/")[0] for name in splits):
        lines += [f'- config_name: "{length}"', "  data_files:"]
        for name in splits:
            if name.startswith(f"{length}/"):
                lines += [f"  - split: {name.split('/')[1]}", f"    path: {name}/*.parquet"]
    return "\n".join([*lines, "---", "", ""])
