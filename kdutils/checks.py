"""The one place where numbers and tensors are checked: each error names argument, wish and find."""

import difflib
import math
from collections.abc import Callable, Iterable
from numbers import Integral, Real

import torch
from torch import Tensor, nn

# Where T² and z / T stay well inside single precision.
TEMPERATURES = (1e-3, 1e6)


class NonFiniteError(ValueError):
    """A tensor or a loss holds NaN or infinity."""


def number(
    name: str,
    value: float,
    low: float = -math.inf,
    high: float = math.inf,
    *,
    above: float | None = None,
    whole: bool = False,
) -> None:
    """Raise ValueError unless ``value`` is a finite number in [low, high].

    Args:
        above: the value must be larger than this, instead of at least ``low``.
        whole: only integers will do.
    """
    known = isinstance(value, Integral if whole else Real) and not isinstance(value, bool)
    known = known and math.isfinite(value)
    if known and low <= value <= high and value > (-math.inf if above is None else above):
        return
    kind = "an integer" if whole else "finite"
    start = f"> {above:g}" if above is not None else f">= {low:g}" if math.isfinite(low) else ""
    end = f"<= {high:g}" if math.isfinite(high) else ""
    wish = f"in [{low:g}, {high:g}]" if end and above is None else start
    wish = " and ".join(part for part in (wish, end if above is not None else "") if part)
    wish = " and ".join(part for part in (wish, "" if known else kind) if part)
    raise ValueError(f"{name} must be {wish}, got {value!r}")


def fraction(name: str, value: float) -> None:
    """Raise ValueError unless ``value`` is in [0, 1]."""
    number(name, value, 0, 1)


def temperature(value: float, name: str = "temperature") -> None:
    """Raise ValueError unless a temperature is in the range of ``TEMPERATURES``."""
    number(name, value, *TEMPERATURES)


def one_of(name: str, value: object, known: Iterable) -> None:
    """Raise ValueError unless ``value`` is among the known ones; name those and the close ones."""
    known = list(known)
    if not any(value == each for each in known):
        close = difflib.get_close_matches(str(value), map(str, known))
        hint = f"; close: {', '.join(close)}" if close else ""
        raise ValueError(f"{name} must be one of {known}, got {value!r}{hint}")


def tensor(name: str, value: Tensor) -> None:
    """Raise ValueError unless ``value`` is a tensor, and not e.g. a numpy array."""
    if not isinstance(value, Tensor):
        raise ValueError(f"{name} must be a torch tensor, got {type(value).__name__}")


def net(name: str, value: nn.Module, kind: type[nn.Module] = nn.Module) -> None:
    """Raise ValueError unless ``value`` is a net, and where ``kind`` is given, of that kind."""
    if not isinstance(value, kind):
        raise ValueError(f"{name} must be a {kind.__name__}, got {type(value).__name__}")


def function(name: str, value: Callable) -> None:
    """Raise ValueError unless ``value`` can be called."""
    if not callable(value):
        raise ValueError(f"{name} must be a function, got {type(value).__name__}")


def numbers(name: str, value: Iterable[float], *, whole: bool = False) -> list[float]:
    """Check several finite numbers and return them as a list."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise ValueError(f"{name} must be several numbers, got {value!r}")
    for each in (value := list(value)):
        number(name, each, whole=whole)
    return value


def finite(name: str, value: Tensor) -> None:
    """Raise NonFiniteError where a floating tensor holds NaN or infinity."""
    if value.is_floating_point() and not torch.isfinite(value).all():
        raise NonFiniteError(f"{name} must be finite, got NaN or infinity")


def logits(name: str, value: Tensor) -> Tensor:
    """Check finite (N, C) logits, N > 0, and return them in at least single precision."""
    tensor(name, value)
    if value.ndim != 2 or value.numel() == 0 or not value.is_floating_point():
        raise ValueError(
            f"{name} must be a non-empty floating (N, C) tensor, "
            f"got {value.dtype} of shape {tuple(value.shape)}"
        )
    finite(name, value)
    return value.float() if value.dtype in (torch.bfloat16, torch.float16) else value


def labels(value: Tensor, count: int, classes: int, name: str = "labels") -> None:
    """Raise ValueError unless labels are int64 (count,) in 0..classes-1."""
    tensor(name, value)
    if value.shape != (count,) or value.dtype != torch.int64:
        raise ValueError(
            f"{name} must be int64 of shape ({count},), "
            f"got {value.dtype} of shape {tuple(value.shape)}"
        )
    if count and (value.min() < 0 or value.max() >= classes):
        raise ValueError(f"{name} must be in 0..{classes - 1}, got {value.min()}..{value.max()}")


def same_shape(name: str, value: Tensor, other: str, reference: Tensor) -> None:
    """Raise ValueError unless two tensors have the same shape."""
    if value.shape != reference.shape:
        raise ValueError(
            f"{name} must have the shape of {other}, {tuple(reference.shape)}, "
            f"got {tuple(value.shape)}"
        )
