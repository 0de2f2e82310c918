"""Transfer sets: what of the training data, and of the teacher's logits, a student is shown."""

from dataclasses import dataclass

import torch
from torch import Tensor

from kdutils import checks
from kdutils.data import Split, check_split
from kdutils.losses import soften

LEAVE_OUT = ("", "top", "random")
HIDDEN = ("", "shuffled", "flat")
LABELS = ("", "shuffled", "next")


@dataclass(frozen=True)
class Transfer:
    """How a transfer set differs from the whole training split.

    Attributes:
        unseen: classes none of whose samples are in the transfer set. The teacher still speaks
            of them in its soft targets for the others.
        fraction: share of the samples that is drawn by lot, as many of each class, in (0, 1];
            1 draws nothing.
        rest: take those instead that ``fraction`` would have left out with the same seed.
        leave_out: further samples to leave out: those whose soft targets give the unseen
            classes most (``top``), or as many drawn by lot (``random``).
        share: how many of them, as a share of the transfer set, in (0, 1).
        hidden: what becomes of the teacher's logits for the unseen classes: ``shuffled`` among
            the samples of each label, so that only what a label says of the unseen class is
            left; ``flat``, their mean everywhere, so that nothing is left.
        labels: what becomes of the labels: ``shuffled`` among all samples; ``next``, every class
            is called the next one, the last the first.

    Raises:
        ValueError: an unknown word, or a share out of range.
    """

    unseen: tuple[int, ...] = ()
    fraction: float = 1.0
    rest: bool = False
    leave_out: str = ""
    share: float = 0.0
    hidden: str = ""
    labels: str = ""

    def __post_init__(self) -> None:
        for label in checks.numbers("unseen", self.unseen, whole=True):
            checks.number("unseen", label, 0)
        checks.number("fraction", self.fraction, above=0, high=1)
        checks.fraction("share", self.share)
        checks.one_of("rest", self.rest, (True, False))
        if self.rest and self.fraction == 1:
            raise ValueError(f"fraction must be below 1 with rest, got {self.fraction}")
        words = (("leave_out", LEAVE_OUT), ("hidden", HIDDEN), ("labels", LABELS))
        for name, known in words:
            checks.one_of(name, getattr(self, name), known)
        if bool(self.leave_out) != (0 < self.share < 1):
            raise ValueError(
                f"share must be in (0, 1) with leave_out and 0 without it, "
                f"got {self.share} with {self.leave_out!r}"
            )

    def apply(
        self,
        split: Split,
        teacher_logits: Tensor | None,
        *,
        temperature: float | None,
        seed: int,
    ) -> tuple[Split, Tensor | None]:
        """Return the transfer set and the teacher's logits for it.

        Args:
            split: the training split, N samples.
            teacher_logits: (N, C), in the order of ``split``; None without a teacher.
            temperature: of the soft targets that rank the samples for ``leave_out="top"``.
            seed: of what is drawn by lot.

        Raises:
            ValueError: another number of logits than of samples, or none where they are needed.
        """
        check_split("split", split)
        checks.number("seed", seed, 0, whole=True)
        needed = self.hidden or self.leave_out == "top"
        rows = 0 if teacher_logits is None else len(teacher_logits)
        if rows != len(split) and (rows or needed):
            raise ValueError(f"teacher_logits must hold {len(split)} rows, got {rows}")
        unseen = list(self.unseen)
        lot = torch.Generator().manual_seed(seed)
        kept = (~torch.isin(split.labels, torch.tensor(unseen, dtype=int))).nonzero().flatten()
        if len(kept) == 0:
            raise ValueError(f"unseen must leave some samples of the split, got {self.unseen}")
        if self.fraction < 1:
            drawn = _balanced(kept, split.labels[kept], self.fraction, lot)
            kept = kept[~torch.isin(kept, drawn)] if self.rest else drawn
        if self.leave_out:
            if self.leave_out == "top":
                rank = carried(teacher_logits[kept], self.unseen, temperature).argsort()
            else:
                rank = torch.randperm(len(kept), generator=lot)
            kept = kept[rank[: round(len(kept) * (1 - self.share))]].sort().values
        split = self._labelled(split.subset(kept), lot)
        if teacher_logits is None:
            return split, None
        logits = teacher_logits[kept]
        if self.hidden == "flat":
            logits[:, unseen] = logits[:, unseen].mean(0)
        elif self.hidden == "shuffled":
            for label in split.labels.unique():
                rows = (split.labels == label).nonzero().flatten()
                lots = rows[torch.randperm(len(rows), generator=lot)]
                logits[rows[:, None], unseen] = logits[lots[:, None], unseen]
        return split, logits

    def _labelled(self, split: Split, lot: torch.Generator) -> Split:
        labels = split.labels
        if self.labels == "shuffled":
            labels = labels[torch.randperm(len(labels), generator=lot)]
        elif self.labels == "next":
            labels = (labels + 1) % (labels.max() + 1)
        return Split(split.images, labels)


def _balanced(rows: Tensor, labels: Tensor, fraction: float, lot: torch.Generator) -> Tensor:
    """Return that fraction of the rows, in order, as many of each label and at least one."""
    classes = labels.unique()
    each = max(1, round(fraction * len(rows) / len(classes)))
    mixed = torch.randperm(len(rows), generator=lot)
    drawn = [mixed[labels[mixed] == label][:each] for label in classes]
    return rows[torch.cat(drawn)].sort().values


def carried(teacher_logits: Tensor, classes: tuple[int, ...], temperature: float) -> Tensor:
    """Return (N,) how much of each sample's soft target falls on ``classes``."""
    return soften(teacher_logits, temperature)[:, list(classes)].sum(1)
