import pytest
import torch

from kdutils import metrics, models


@pytest.mark.parametrize(("hidden", "parameters"), [(1200, 2_395_210), (800, 1_276_810)])
def test_parameters_are_those_of_the_paper_s_nets(hidden, parameters):
    assert sum(p.numel() for p in models.mlp(hidden=hidden).parameters()) == parameters


def test_the_assignment_s_student_has_more_parameters_and_a_ninth_of_the_macs():
    image = torch.zeros(1, 28, 28, dtype=torch.uint8)
    teacher, student = models.cnn(dropout=0.25), models.mlp(hidden=784)
    assert metrics.num_parameters(teacher) == 1_011_466
    assert metrics.num_parameters(student) == 1_238_730
    convolutions = 26 * 26 * 32 * 9 + 23 * 23 * 64 * 32 * 9
    assert metrics.macs(teacher, image) == convolutions + 7744 * 128 + 1280
    assert 8.5 < metrics.macs(teacher, image) / metrics.macs(student, image) < 9.5
    assert sum(isinstance(layer, torch.nn.Dropout) for layer in teacher) == 2


def test_nets_take_uint8_images_and_standardize_them():
    blank = torch.zeros(2, 1, 28, 28, dtype=torch.uint8)
    standardize = models.mlp(hidden=8)[0]
    torch.testing.assert_close(
        standardize(blank + 255), torch.full((2, 1, 28, 28), (1 - 0.1307) / 0.3081)
    )


def test_unknown_name_lists_the_close_ones():
    with pytest.raises(ValueError, match="got 'mpl'; close: mlp"):
        models.create("mpl", hidden=8)


@pytest.mark.parametrize(
    "size", [{"hidden": 0}, {"hidden": 8, "dropout": 1.0}, {"hidden": 8, "input_dropout": -0.1}]
)
def test_sizes_out_of_range_are_refused(size):
    with pytest.raises(ValueError, match=r"must be .* got"):
        models.create("mlp", **size)
    with pytest.raises(ValueError, match="dropout must be in"):
        models.create("cnn", dropout=1.0)
