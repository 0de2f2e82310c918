import pytest
import torch
from torch import nn

from kdutils import cost, models


def test_costs_of_the_paper_s_nets():
    student = models.mlp(hidden=800)
    image = torch.zeros(1, 28, 28, dtype=torch.uint8)
    assert cost.macs(student, image) == 784 * 800 + 800 * 800 + 800 * 10
    assert cost.num_parameters(student) == 1_276_810
    assert cost.num_bytes(student) == 4 * 1_276_810


def test_macs_of_a_convolution():
    assert cost.macs(nn.Conv2d(3, 8, 3, padding=1), torch.zeros(3, 10, 10)) == 27 * 8 * 100


def test_latency_counts_milliseconds_and_leaves_the_mode_alone():
    class Slow(nn.Module):
        def forward(self, x):
            import time

            time.sleep(0.005)
            return x

    model = Slow().train()
    assert 5 <= cost.latency(model, torch.zeros(1, 1), repeats=3, warm_up=1) < 50
    assert model.training


def test_bad_input_is_refused_with_what_came():
    with pytest.raises(ValueError, match=r"image must be \(C, H, W\), got shape"):
        cost.macs(nn.Flatten(), torch.zeros(2, 2))
    with pytest.raises(ValueError, match="repeats must be >= 1, got 0"):
        cost.latency(nn.Flatten(), torch.zeros(1, 2), repeats=0)
