"""What a model costs: parameters, bytes, multiply-accumulates, milliseconds."""

import statistics
import time

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from kdutils import checks


def num_parameters(model: nn.Module) -> int:
    """Return the number of trainable numbers in ``model``."""
    return sum(p.numel() for p in model.parameters())


def num_bytes(model: nn.Module) -> int:
    """Return the bytes that parameters and buffers take at their present precision."""
    tensors = [*model.parameters(), *model.buffers()]
    return sum(t.numel() * t.element_size() for t in tensors)


def macs(model: nn.Module, image: Tensor) -> int:
    """Return the multiply-accumulate operations of one forward pass over one image.

    Half of what torch's FLOP counter gives, which counts a multiply-accumulate as two.

    Args:
        model: any net. image: (C, H, W).

    Raises:
        ValueError: ``image`` is not 3-D.
    """
    checks.tensor("image", image)
    if image.ndim != 3:
        raise ValueError(f"image must be (C, H, W), got shape {tuple(image.shape)}")
    mode = model.training
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        model.eval()(image[None])
    model.train(mode)
    return counter.get_total_flops() // 2


def latency(model: nn.Module, images: Tensor, *, repeats: int = 50, warm_up: int = 10) -> float:
    """Return the median time of one forward pass over ``images``, in milliseconds.

    Args:
        model: any net. images: (N, C, H, W), the whole of it one batch.
        repeats: timed passes, >= 1. warm_up: untimed passes before.

    Raises:
        ValueError: ``repeats`` below 1.
    """
    checks.number("repeats", repeats, 1, whole=True)
    checks.number("warm_up", warm_up, 0, whole=True)
    mode = model.training
    model.eval()
    times = []
    with torch.inference_mode():
        for _ in range(warm_up + repeats):
            start = time.perf_counter()
            model(images)
            times.append(1000 * (time.perf_counter() - start))
    model.train(mode)
    return statistics.median(times[warm_up:])
