import pytest
import torch

from kdutils.settings import OPTIMIZERS, SCHEDULES, Settings


@pytest.mark.parametrize(
    ("schedule", "start", "quarter", "half", "end"),
    [
        ("constant", 1, 1, 1, 1),
        ("linear", 1, 0.75, 0.5, 0),
        ("cosine", 1, 0.853553, 0.5, 0),
        ("one-cycle", 0.01, 1, 2 / 3, 0),  # rises for a quarter of the steps
    ],
)
def test_the_rate_follows_its_schedule(schedule, start, quarter, half, end):
    found = [SCHEDULES[schedule](share) for share in (0, 0.25, 0.5, 1)]
    assert found == pytest.approx([start, quarter, half, end], abs=1e-6)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_weight_decay_alone_shrinks_weights_by_rate_times_decay(optimizer):
    weights = torch.nn.Parameter(torch.ones(3))
    weights.grad = torch.zeros(3)
    step = OPTIMIZERS[optimizer]([weights], lr=0.1, weight_decay=0.5)
    step.step()
    # With a momentum of 0.9 a first gradient moves 1.9 times as far, by Nesterov's rule.
    lost = {"adam": 0.1 * 0.5, "sgd": 0.1 * 0.5 * 1.9}[optimizer]
    torch.testing.assert_close(weights.data, torch.full((3,), 1 - lost))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"epochs": 0}, "epochs must be >= 1, got 0"),
        ({"epochs": 2.5}, "epochs must be >= 1 and an integer, got 2.5"),
        ({"batch_size": 0}, "batch_size must be >= 1"),
        ({"lr": None}, "lr must be > 0 and finite, got None"),
        ({"lr": float("nan")}, "lr must be > 0"),
        ({"weight_decay": -1.0}, "weight_decay must be >= 0"),
        ({"max_norm": 0.0}, "max_norm must be > 0"),
        ({"clip_gradient": -1.0}, "clip_gradient must be > 0"),
        ({"optimizer": "adamax"}, "optimizer must be one of .* got 'adamax'"),
        ({"schedule": "step"}, "schedule must be one of .* got 'step'"),
        ({"early_stopping": 1.5}, "early_stopping must be one of"),
        ({"epoch": 3}, "got 'epoch'; close: epochs"),
    ],
)
def test_settings_out_of_range_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        Settings.of({"epochs": 1, **given})


def test_settings_need_epochs():
    with pytest.raises(ValueError, match=r"epochs must be among the settings, got \['lr'\]"):
        Settings.of({"lr": 0.1})
