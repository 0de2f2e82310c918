import pytest
import torch
from torch import nn

from kdutils import models, quantize
from kdutils.quantize import QuantizedActivation, quantize_weights, round_to_bits

# ---- values by hand


@pytest.mark.parametrize(
    ("bits", "expected"),
    [
        (1, [0.0, 0.0, 1.0, 1.0]),
        (2, [0.0, 1 / 3, 2 / 3, 1.0]),
        (4, [0.0, 6 / 15, 9 / 15, 1.0]),
        (8, [0.0, 105 / 255, 156 / 255, 1.0]),
    ],
)
def test_rounding_by_hand(bits, expected):
    x = torch.tensor([0.0, 0.41, 0.61, 1.0])
    torch.testing.assert_close(round_to_bits(x, bits), torch.tensor(expected))


def test_one_bit_weights_are_the_sign_times_the_mean():
    found = quantize_weights(torch.tensor([[0.5, -0.1], [0.0, -0.6]]), 1)
    torch.testing.assert_close(found, torch.tensor([[0.3, -0.3], [0.3, -0.3]]))


@pytest.mark.parametrize(("bits", "expected"), [(2, 1 / 3), (4, 7 / 15), (8, 123 / 255)])
def test_weights_of_more_bits_by_hand(bits, expected):
    # tanh(0.5) / tanh(2) = 0.47936: (0.47936 + 1) / 2 = 0.73968 of the way from -1 to 1
    found = quantize_weights(torch.tensor([0.5, -2.0]), bits)
    torch.testing.assert_close(found, torch.tensor([expected, -1.0]))


def test_one_bit_activations_round_at_a_half_and_not_at_zero():
    x = torch.tensor([-1.0, 0.1, 0.49, 0.51, 3.0])
    assert QuantizedActivation(1)(x).tolist() == [0.0, 0.0, 0.0, 1.0, 1.0]


# ---- gradients


def test_the_gradient_passes_straight_through_the_rounding():
    x = torch.tensor([0.1, 0.4, 0.9], requires_grad=True)
    (round_to_bits(x, 2) * torch.tensor([1.0, 2.0, 3.0])).sum().backward()
    assert x.grad.tolist() == [1.0, 2.0, 3.0]


def test_the_gradient_of_an_activation_ends_outside_of_0_to_1():
    x = torch.tensor([-0.5, 0.3, 0.8, 1.5], requires_grad=True)
    QuantizedActivation(1)(x).sum().backward()
    assert x.grad.tolist() == [0.0, 1.0, 1.0, 0.0]


def test_the_gradient_of_weights_is_that_of_the_squashing():
    w = torch.tensor([0.5, -0.2, 1.0], requires_grad=True)
    quantize_weights(w, 2).sum().backward()
    squashed = w.detach().tanh()
    torch.testing.assert_close(w.grad, (1 - squashed**2) / squashed.abs().max())
    one = torch.tensor([0.5, -0.2], requires_grad=True)
    quantize_weights(one, 1).sum().backward()
    assert one.grad.tolist() == [1.0, 1.0]


# ---- nets


def net():
    torch.manual_seed(0)
    return models.create("vgg", width=8)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_no_layer_has_more_values_than_its_bits_allow(bits):
    small = quantize.quantize(net(), weight_bits=bits, activation_bits=bits)
    seen = []
    for module in small.modules():
        if isinstance(module, QuantizedActivation) and module.bits == bits:
            module.register_forward_hook(lambda m, i, output: seen.append(len(output.unique())))
    small(torch.randint(0, 256, (16, 3, 32, 32), dtype=torch.uint8))
    layers = quantize.quantized_layers(small)
    assert len(layers) == 5 and len(seen) == 5
    assert max(len(layer.weight.unique()) for layer in layers.values()) <= 2**bits
    assert max(seen) <= 2**bits


def test_first_and_last_layer_and_the_last_activation_keep_their_precision():
    original = net()
    small = quantize.quantize(original, weight_bits=2, activation_bits=1)
    torch.testing.assert_close(small.stage1[0].weight, original.stage1[0].weight)
    torch.testing.assert_close(small.head.weight, original.head.weight)
    activations = [m.bits for m in small.modules() if isinstance(m, QuantizedActivation)]
    assert activations == [1, 1, 1, 1, 1, quantize.FULL]
    assert not any(isinstance(m, nn.ReLU) for m in small.modules())
    assert not quantize.quantized_layers(original)  # the given net is left alone


def test_the_full_precision_weights_learn():
    small = quantize.quantize(net(), weight_bits=2, activation_bits=1)
    small(torch.randint(0, 256, (8, 3, 32, 32), dtype=torch.uint8)).square().sum().backward()
    for layer in quantize.quantized_layers(small).values():
        assert layer.parametrizations.weight.original.grad.abs().sum() > 0


@pytest.mark.parametrize("bits", [1, 2, 3, 8])
def test_packed_weights_come_back_bit_for_bit(bits):
    small = quantize.quantize(net(), weight_bits=bits, activation_bits=4)
    packed = quantize.pack(small)
    back = quantize.unpack(net(), packed)
    for name, layer in quantize.quantized_layers(small).items():
        assert torch.equal(back.get_submodule(name).weight, layer.weight), name
        assert packed[f"{name}.codes"].numel() == -(-layer.weight.numel() * bits // 8)
    assert torch.equal(back.head.weight, small.head.weight)


def test_bad_input_is_refused():
    for bits in (0, 9, 16):
        with pytest.raises(ValueError, match=f"weight_bits must be 1 to 8.*got {bits}"):
            quantize.quantize(net(), weight_bits=bits, activation_bits=1)
    with pytest.raises(ValueError, match="at least 3 weighted layers, got 1"):
        quantize.quantize(nn.Linear(3, 3), weight_bits=2, activation_bits=1)
    small = quantize.quantize(net(), weight_bits=2, activation_bits=1)
    with pytest.raises(ValueError, match="must not be quantized yet"):
        quantize.quantize(small, weight_bits=2, activation_bits=1)
    with pytest.raises(ValueError, match="at most 8 bits"):
        quantize.pack(net())
    with pytest.raises(ValueError, match="layers that were packed"):
        quantize.unpack(models.create("vgg", width=4), quantize.pack(small))
