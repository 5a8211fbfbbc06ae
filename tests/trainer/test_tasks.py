import pytest

from bertdata.errors import OptionError
from trainer.tasks import TASKS, FinetuneOptions, choose_length, find_task


def test_the_glue_tasks_have_their_metrics() -> None:
    assert {
        name: TASKS[name].metrics[0] for name in ("cola", "sst2", "mrpc", "stsb", "qqp", "mnli", "squad", "ner")
    } == {
        "cola": "matthews",
        "sst2": "accuracy",
        "mrpc": "f1",
        "stsb": "spearman",
        "qqp": "f1",
        "mnli": "accuracy",
        "squad": "f1",
        "ner": "f1",
    }


def test_an_unknown_task_is_guessed_and_all_are_listed() -> None:
    with pytest.raises(OptionError, match=r"'MRCP' is unknown\. Did you mean mrpc\? Tasks are cola, .*squad"):
        find_task("MRCP")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"epochs": 0}, "--epochs 0 must be above 0: zero steps train nothing"),
        ({"batch_size": 0}, "--batch-size 0 must be at least 1"),
        ({"learning_rate": 0}, "--lr 0 must be above 0"),
        ({"warmup": 1}, "--warmup 1 is a share"),
        ({"weight_decay": -1}, "--weight-decay -1"),
        ({"max_seq_length": 4}, "--max-seq-length 4 is below 8"),
        ({"num_best": 0}, "--n-best 0 must be at least 1"),
        ({"on_error": "stop"}, "--on-error 'stop'"),
        ({"precision": "fp16"}, "--precision 'fp16'"),
        ({"text_columns": ("a", "b", "c")}, "--text-column may be given once or twice"),
    ],
)
def test_an_option_that_cannot_be_used_is_refused(settings: dict[str, object], said: str) -> None:
    with pytest.raises(OptionError, match=said):
        FinetuneOptions("mrpc", **settings)  # type: ignore[arg-type]


def test_lengths_follow_the_task_and_the_model() -> None:
    assert choose_length(FinetuneOptions("mrpc"), 512) == 128
    assert choose_length(FinetuneOptions("squad"), 512) == 384
    assert choose_length(FinetuneOptions("squad"), 128) == 128
    assert choose_length(FinetuneOptions("mrpc", max_seq_length=512), 512) == 512


def test_a_length_above_the_positions_of_the_model_is_refused() -> None:
    with pytest.raises(OptionError, match=r"--max-seq-length 513 is more than the model's 512 positions: give 512"):
        choose_length(FinetuneOptions("mrpc", max_seq_length=513), 512)
    with pytest.raises(OptionError, match="lower --max-query-length"):
        choose_length(FinetuneOptions("squad", max_seq_length=80), 512)
