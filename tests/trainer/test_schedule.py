import pytest
import torch
import transformers

from bertdata.errors import OptionError
from trainer.config import Phase, PretrainOptions, default_phases, differences, parse_phase
from trainer.schedule import Schedule


def test_original_schedule_drops_where_warm_up_ends() -> None:
    schedule = Schedule(peak=1e-4, total=1000, warmup=100)
    assert [schedule.at(step) for step in (0, 50, 99)] == pytest.approx([0, 5e-5, 9.9e-5])
    assert schedule.at(100) == pytest.approx(9e-5)
    assert schedule.at(1000) == 0


def test_continuous_schedule_equals_transformers() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
    reference = transformers.get_linear_schedule_with_warmup(optimizer, 30, 200)
    schedule = Schedule(0.5, 200, 30, "continuous")
    for step in range(200):
        assert schedule.at(step) == pytest.approx(reference.get_last_lr()[0])
        optimizer.step()
        reference.step()


def test_no_warm_up_begins_at_the_peak() -> None:
    assert Schedule(1.0, 10, 0).at(0) == 1.0 == Schedule(1.0, 10, 0, "continuous").at(0)


@pytest.mark.parametrize("text", ["128", "128:", "a:b", "128:10:x", "128:10:0.1:2"])
def test_phase_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(OptionError, match=r"isn't LENGTH:STEPS"):
        parse_phase(text)


@pytest.mark.parametrize(
    ("text", "message"), [("1024:10", "positions for 3 to 512"), ("128:0", "at least 1"), ("128:5:1.5", "below 1")]
)
def test_phase_out_of_range_is_refused(text: str, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        parse_phase(text)


def test_two_lengths_share_the_steps_nine_to_one() -> None:
    assert default_phases([512, 128], 1_000_000) == (Phase(128, 900_000), Phase(512, 100_000))
    assert default_phases([64], 7) == (Phase(64, 7),)
    with pytest.raises(OptionError, match="--max-seq-length 512 or below"):
        default_phases([1024], 7)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"steps": 0}, "--steps is 0"),
        ({"batch_size": 0}, "--batch-size is 0"),
        ({"micro_batch_size": 0}, "--micro-batch-size is 0"),
        ({"lr": -1.0}, "--lr is -1.0"),
        ({"dropout": 1.0}, "--dropout is 1.0"),
        ({"preset": "huge"}, "known are tiny"),
        ({"precision": "fp8"}, "--precision 'fp8' is unknown"),
        ({"phases": (Phase(128, 10, 0.3),)}, "needs --masks dynamic"),
    ],
)
def test_option_out_of_range_is_refused(setting: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        PretrainOptions(corpus="c", output="o", **setting)


def test_what_only_changes_the_machine_is_no_difference() -> None:
    old = PretrainOptions(corpus="c", output="o").to_json()
    new = PretrainOptions(corpus="c", output="p", device="cpu", threads=4, micro_batch_size=8).to_json()
    assert differences(old, new) == []
    assert differences(old, PretrainOptions(corpus="c", output="o", steps=5).to_json()) == [
        "--steps was 1000000, now 5"
    ]
