import pytest
import torch

from kdutils import cost, models, quantize
from kdutils.models import composites, convnets, layers


@pytest.mark.parametrize(("hidden", "parameters"), [(1200, 2_395_210), (800, 1_276_810)])
def test_parameters_are_those_of_the_paper_s_nets(hidden, parameters):
    assert sum(p.numel() for p in models.mlp(hidden=hidden).parameters()) == parameters


def test_the_assignment_s_student_has_more_parameters_and_a_ninth_of_the_macs():
    image = torch.zeros(1, 28, 28, dtype=torch.uint8)
    teacher, student = models.cnn(dropout=0.25), models.mlp(hidden=784)
    assert cost.num_parameters(teacher) == 1_011_466
    assert cost.num_parameters(student) == 1_238_730
    convolutions = 26 * 26 * 32 * 9 + 23 * 23 * 64 * 32 * 9
    assert cost.macs(teacher, image) == convolutions + 7744 * 128 + 1280
    assert 8.5 < cost.macs(teacher, image) / cost.macs(student, image) < 9.5
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


def test_auxiliary_outputs_are_beside_the_digits():
    net, blank = models.create("auxiliary-mlp", auxiliary=5), torch.zeros(2, 1, 28, 28)
    assert net(blank).shape == (2, 10) and net.auxiliary(blank).shape == (2, 5)
    hidden = net.trunk(blank)
    torch.testing.assert_close(net.auxiliary_head(hidden), net.auxiliary(blank))
    assert hidden.shape == (2, 256) and hidden.min() == 0


@pytest.mark.parametrize(("start", "variance"), [("normal", 1.0), ("uniform", 1 / 3)])
def test_auxiliary_nets_start_as_their_source_or_as_pytorch_does(start, variance):
    torch.manual_seed(0)
    trunk = models.create("auxiliary-mlp", start=start).trunk
    assert trunk.first.weight.detach().var() * 784 == pytest.approx(variance, rel=0.02)
    assert trunk.second.weight.detach().var() * 256 == pytest.approx(variance, rel=0.02)
    assert (trunk.first.bias.abs().max() == 0) == (start == "normal")


@pytest.mark.parametrize(("pixels", "black"), [("signed", -1), ("unit", 0), ("standard", -0.4242)])
def test_auxiliary_nets_scale_grey_levels_as_told(pixels, black):
    scale = models.create("auxiliary-mlp", hidden=2, pixels=pixels).trunk.pixels
    assert scale(torch.zeros(1)).item() == pytest.approx(black, abs=1e-4)


@pytest.mark.parametrize(
    "size", [{"hidden": 0}, {"auxiliary": 0}, {"start": "zero"}, {"pixels": "raw"}]
)
def test_auxiliary_nets_refuse_what_they_do_not_know(size):
    with pytest.raises(ValueError, match=r"must be .* got"):
        models.create("auxiliary-mlp", **size)


# ---- nets for colour images

COLOUR = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8)


@pytest.mark.parametrize(
    ("name", "size", "parameters"),
    [
        ("tfkd-cnn", {}, 357_290),
        ("resnet", {"depth": 8}, 78_042),
        ("resnet", {"depth": 20}, 272_474),
        ("vgg", {"width": 24, "last": 128}, 374_378),
        ("vgg", {"width": 64}, 1_972_490),
        ("plain-cnn", {"convs": 2}, 13_018 + 32),  # a bias each less, two numbers of a norm more
        ("plain-cnn", {"convs": 4}, 37_146 + 96),
    ],
)
def test_colour_nets_have_the_field_s_sizes(name, size, parameters):
    net = models.create(name, **size)
    assert cost.num_parameters(net) == parameters
    assert net(COLOUR).shape == (4, 10)


def test_the_plain_nets_cost_what_the_paper_s_do():
    published = {2: 1.04, 4: 6.4, 10: 71.8}  # million multiply-accumulates
    for convs, macs in published.items():
        measured = cost.macs(models.plain_cnn(convs=convs), COLOUR[0]) / 1e6
        assert measured == pytest.approx(macs, rel=0.01)
    assert cost.num_parameters(models.plain_cnn(convs=10)) == pytest.approx(2.49e6, rel=0.01)
    sizes = [cost.num_parameters(models.plain_cnn(convs=c)) for c in convnets.PLAIN_STAGES]
    assert sizes == sorted(sizes)


def test_a_quarter_of_the_channels_is_about_a_sixteenth_of_the_house_number_net():
    whole, quarter = (cost.num_parameters(models.svhn_cnn(width=w)) for w in (1, 1 / 4))
    assert 14 < whole / quarter < 16
    assert models.svhn_cnn(width=1 / 8)(COLOUR).shape == (4, 10)


def test_patch_filters_tell_patterns_and_colours_apart():
    x = torch.rand(8, 3, 9, 9, generator=torch.Generator().manual_seed(0))
    filters = layers.PatchFilters()
    flat = filters.filters.flatten(1)
    torch.testing.assert_close(flat @ flat.T, torch.eye(12))  # no filter says what another says
    y = filters(x)
    assert y.shape == (8, 24, 8, 8)
    both = y[:, :12] - y[:, 12:]
    torch.testing.assert_close(both.mean((0, 2, 3)), torch.zeros(12), atol=1e-5, rtol=0)
    grey = filters.eval()(torch.full((1, 3, 2, 2), 0.5))
    by_hand = (torch.tensor(3 * 4 * 0.5 / 12**0.5) - filters.norm.running_mean[0]) / (
        filters.norm.running_var[0] + 5e-4
    ).sqrt()
    torch.testing.assert_close(grey[0, 0, 0, 0] - grey[0, 12, 0, 0], by_hand)


def test_macs_of_resnet_8_by_hand():
    stem, first = 27 * 16 * 1024, 2 * 144 * 16 * 1024
    second = (144 * 32 + 288 * 32 + 16 * 32) * 256
    third = (288 * 64 + 576 * 64 + 32 * 64) * 64
    net = models.resnet(depth=8)
    assert cost.macs(net, COLOUR[0]) == stem + first + second + third + 640


def test_a_net_with_exits_is_in_use_the_plain_net_and_its_exits_cost_less():
    net = models.create("resnet-exits", depth=8).eval()
    outputs = net.all_exits(COLOUR)
    assert [tuple(f.shape) for f, _ in outputs] == [(4, 64)] * 3
    for stage, (_, logits) in enumerate(outputs, start=1):
        torch.testing.assert_close(net.exit_after(stage)(COLOUR), logits)
    torch.testing.assert_close(net(COLOUR), outputs[-1][1])
    macs = [cost.macs(net.exit_after(stage), COLOUR[0]) for stage in (1, 2, 3)]
    assert macs == sorted(macs) and macs[-1] == cost.macs(net, COLOUR[0])
    with pytest.raises(ValueError, match="stage must be one of"):
        net.exit_after(0)


def test_an_ensemble_answers_with_the_mean_of_the_probabilities():
    torch.manual_seed(0)
    members = [models.tfkd_cnn().eval() for _ in range(2)]
    probs = composites.Ensemble(members).eval()(COLOUR).exp()
    torch.testing.assert_close(probs, sum(net(COLOUR).softmax(1) for net in members) / 2)
    logits = composites.Ensemble(members, mean="logits").eval()(COLOUR)
    torch.testing.assert_close(logits, sum(net(COLOUR) for net in members) / 2)


def test_an_ensemble_is_a_model_of_its_own():
    net = models.create("ensemble", of="plain-cnn", members=3, mean="logits", convs=2)
    assert isinstance(net, composites.Ensemble) and net.mean == "logits" and len(net.members) == 3
    assert cost.num_parameters(net) == 3 * cost.num_parameters(models.plain_cnn(convs=2))


@pytest.mark.parametrize(
    ("members", "mean", "message"),
    [([], "probs", "members must hold at least one net"), ([None], "median", "mean must be")],
)
def test_an_ensemble_of_nothing_or_of_another_mean_is_refused(members, mean, message):
    with pytest.raises(ValueError, match=message):
        composites.Ensemble(members, mean)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("resnet", {"depth": 9}),
        ("resnet", {"depth": 2}),
        ("vgg", {"width": 0}),
        ("vgg", {"width": 16, "last": 0}),
        ("plain-cnn", {"convs": 3}),
    ],
)
def test_colour_nets_refuse_sizes_out_of_range(name, size):
    with pytest.raises(ValueError, match=r"must be .* got"):
        models.create(name, **size)


def test_bits_quantize_any_family_and_32_leave_it_alone():
    small = models.create("svhn-cnn", width=1 / 8, weight_bits=2, activation_bits=1)
    assert len(quantize.quantized_layers(small)) == 6
    plain = models.create("svhn-cnn", width=1 / 8, weight_bits=32, activation_bits=32)
    assert not quantize.quantized_layers(plain) and small(COLOUR).shape == (4, 10)
