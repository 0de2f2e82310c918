"""DoReFa-Net: weights and activations of a few bits, trained through straight-through gradients.

Source of all of it: Zhou et al. (2016), "DoReFa-Net", arXiv 1606.06160, sections 2.2 to 2.4, and
2.7 for the first and the last layer, which stay in full precision.
"""

import copy

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrize

from kdutils import checks

FULL = 32  # bits that mean "not quantized"
WEIGHTED = (nn.Conv2d, nn.Linear)


def _check_bits(name: str, bits: int) -> None:
    checks.number(name, bits, whole=True)
    if bits not in (*range(1, 9), FULL):
        raise ValueError(f"{name} must be 1 to 8, or {FULL} for full precision, got {bits}")


class _StraightThrough(torch.autograd.Function):
    """Forward the second argument, backward the gradient to the first."""

    @staticmethod
    def forward(ctx: object, x: Tensor, rounded: Tensor) -> Tensor:
        return rounded.view_as(rounded)

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient, None


def round_to_bits(x: Tensor, bits: int) -> Tensor:
    """Round numbers of [0, 1] to the nearest of 2^bits evenly spaced ones.

    Going backward the rounding is not there: the gradient passes straight through.

    Args:
        x: any shape, values in [0, 1]. bits: 1 to 8.

    Returns:
        A tensor like ``x``. One bit rounds at ½, and ½ itself to 0 (to the even).

    Source: equation 5.

    >>> round_to_bits(torch.tensor([0.2, 0.4, 0.6]), 2)
    tensor([0.3333, 0.3333, 0.6667])
    """
    checks.tensor("x", x)
    checks.number("bits", bits, 1, 8, whole=True)
    steps = 2**bits - 1
    return _StraightThrough.apply(x, (x * steps).round() / steps)


def quantize_weights(weights: Tensor, bits: int) -> Tensor:
    """Return weights of at most 2^bits different values, symmetric around 0.

    One bit: sign(w) * mean |w|, with sign(0) = 1. More: 2 * round(tanh(w) / (2 max |tanh(w)|) + ½)
    - 1, in [-1, 1]. Gradients pass straight through the rounding and through the sign.

    Args:
        weights: of one layer. bits: 1 to 8, or 32 to leave them alone.

    Raises:
        ValueError: another number of bits.

    Source: equations 8 and 9.
    """
    checks.tensor("weights", weights)
    _check_bits("bits", bits)
    if bits == FULL:
        return weights
    if bits == 1:
        scale = weights.detach().abs().mean()
        return _StraightThrough.apply(weights, torch.where(weights >= 0, scale, -scale))
    squashed = weights.tanh()
    # The largest is a constant here: a gradient through it would move one weight for all.
    largest = squashed.detach().abs().max().clamp_min(torch.finfo(weights.dtype).tiny)
    return 2 * round_to_bits(squashed / (2 * largest) + 0.5, bits) - 1


class QuantizedWeight(nn.Module):
    """Parametrization of a layer's weight: the layer computes with :func:`quantize_weights`."""

    def __init__(self, bits: int) -> None:
        super().__init__()
        _check_bits("bits", bits)
        self.bits = bits

    def forward(self, weights: Tensor) -> Tensor:
        return quantize_weights(weights, self.bits)


class QuantizedActivation(nn.Module):
    """Activation of at most 2^bits values: clip to [0, 1], then round. Normalize before it.

    With 32 bits it only clips. The gradient is 1 between 0 and 1 and 0 elsewhere.

    Source: equation 11 and section 2.7; one bit rounds at ½, not at 0.
    """

    def __init__(self, bits: int) -> None:
        super().__init__()
        _check_bits("bits", bits)
        self.bits = bits

    def forward(self, x: Tensor) -> Tensor:
        x = F.hardtanh(x, 0, 1)  # a clamp whose backward pass is one sweep, not three
        return x if self.bits == FULL else round_to_bits(x, self.bits)

    def extra_repr(self) -> str:
        return f"bits={self.bits}"


def quantize(model: nn.Module, *, weight_bits: int, activation_bits: int) -> nn.Module:
    """Return a copy of a net whose inner layers compute with few bits; ready to be trained.

    The first and the last convolution or dense layer keep their weights, and the activation
    before the last keeps its precision: it is clipped only. Every other ReLU becomes a
    :class:`QuantizedActivation`, every other weight a parametrized one, so that the optimizer
    still moves full-precision numbers.

    Args:
        model: a net whose modules are registered in the order in which they compute and whose
            activations are ``nn.ReLU`` modules, behind a normalization.
        weight_bits, activation_bits: 1 to 8, or 32 for full precision; two times 32 gives a
            plain copy.

    Raises:
        ValueError: other bits, fewer than three weighted layers, or a net quantized before.
    """
    _check_bits("weight_bits", weight_bits)
    _check_bits("activation_bits", activation_bits)
    if any(isinstance(module, QuantizedActivation) for module in model.modules()):
        raise ValueError("model must not be quantized yet, got one that is")
    model = copy.deepcopy(model)
    if weight_bits == activation_bits == FULL:
        return model
    layers = [module for module in model.modules() if isinstance(module, WEIGHTED)]
    if len(layers) < 3:
        raise ValueError(f"model must have at least 3 weighted layers, got {len(layers)}")
    for layer in layers[1:-1] if weight_bits != FULL else ():
        parametrize.register_parametrization(layer, "weight", QuantizedWeight(weight_bits))
    places = [
        (parent, name)
        for parent in model.modules()
        for name, child in parent.named_children()
        if isinstance(child, nn.ReLU)
    ]
    for parent, name in places:
        last = (parent, name) == places[-1]
        setattr(parent, name, QuantizedActivation(FULL if last else activation_bits))
    return model


def quantized_layers(model: nn.Module) -> dict[str, nn.Module]:
    """Return name -> layer of those whose weights :func:`quantize` parametrized."""
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, WEIGHTED) and parametrize.is_parametrized(module, "weight")
    }


# ---- weights as bits


def pack(model: nn.Module) -> dict[str, Tensor]:
    """Return a quantized net's state with each quantized weight as a string of bits.

    Args:
        model: from :func:`quantize`, with weights of at most 8 bits.

    Returns:
        Tensors for a safetensors file. A packed weight is ``<layer>.codes`` (uint8, 8 / bits
        codes per byte, the last byte filled up with 0), ``<layer>.shape``, and
        ``<layer>.scale`` (bits, largest value); what is not quantized stays as it is.

    Raises:
        ValueError: the net has no quantized weight.
    """
    layers = quantized_layers(model)
    if not layers:
        raise ValueError("model must have weights of at most 8 bits, got full precision only")
    packed = {
        name: tensor
        for name, tensor in model.state_dict().items()
        if ".parametrizations.weight." not in f".{name}"
    }
    for name, layer in layers.items():
        bits, weights = _bits_of(layer), layer.weight.detach()
        largest = weights.abs().max() if bits == 1 else torch.ones(())
        codes = ((weights / largest + 1) / 2 * (2**bits - 1)).round().to(torch.uint8)
        packed[f"{name}.codes"] = _to_bits(codes.flatten(), bits)
        packed[f"{name}.shape"] = torch.tensor(weights.shape)
        packed[f"{name}.scale"] = torch.stack([torch.tensor(float(bits)), largest.float()])
    return packed


def unpack(model: nn.Module, packed: dict[str, Tensor]) -> nn.Module:
    """Fill a plain net with packed weights, bit for bit those it was packed from.

    Args:
        model: a net of the same architecture with weights of full precision.
        packed: from :func:`pack`.

    Returns:
        A copy that computes with the quantized weights as plain ones; its activations are those
        of ``model``.

    Raises:
        ValueError: the layers do not fit.
    """
    model = copy.deepcopy(model)
    names = [key.removesuffix(".codes") for key in packed if key.endswith(".codes")]
    state = {k: v for k, v in packed.items() if k.rpartition(".")[2] not in _PACKED}
    for name in names:
        if missing := {f"{name}.{part}" for part in _PACKED} - packed.keys():
            raise ValueError(f"packed must come from pack(), got none of {sorted(missing)}")
        shape = packed[f"{name}.shape"].tolist()
        bits, largest = int(packed[f"{name}.scale"][0]), packed[f"{name}.scale"][1]
        codes = _from_bits(packed[f"{name}.codes"], bits, int(np.prod(shape))).view(shape)
        grid = codes.float() / (2**bits - 1)
        state[f"{name}.weight"] = (2 * grid - 1) * largest
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise ValueError(f"model must have the layers that were packed: {error}") from error
    return model


_PACKED = ("codes", "shape", "scale")


def _bits_of(layer: nn.Module) -> int:
    return layer.parametrizations.weight[0].bits


def _to_bits(codes: Tensor, bits: int) -> Tensor:
    planes = (codes.numpy()[:, None] >> np.arange(bits, dtype=np.uint8)) & 1
    return torch.from_numpy(np.packbits(planes.astype(np.uint8).ravel()))


def _from_bits(packed: Tensor, bits: int, count: int) -> Tensor:
    planes = np.unpackbits(packed.numpy(), count=count * bits).reshape(count, bits)
    return torch.from_numpy((planes << np.arange(bits, dtype=np.uint8)).sum(1).astype(np.uint8))
