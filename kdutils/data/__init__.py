"""Data sets as whole tensors: loaded by name, checked, never downloaded by surprise."""

from kdutils.data.load import load
from kdutils.data.prepared import OBJECTS
from kdutils.data.splits import DIGITS, Batch, Dataset, Split, check_split, embedded_digits

__all__ = [
    "DIGITS",
    "OBJECTS",
    "Batch",
    "Dataset",
    "Split",
    "check_split",
    "embedded_digits",
    "load",
]
