"""The run that the campaign kills: its own module, so that a fork server can import it."""

import os
import signal
from pathlib import Path

import torch
import torch._dynamo
from safetensors.torch import save_file
from torch import nn

from kdutils import objectives, training
from kdutils.data import Split
from kdutils.data.augment import jitter

EPOCHS = 12


def run(snapshot: Path, result: Path, die_in: str | None = None) -> None:
    """Train a small net with every source of randomness on; write weights and losses."""
    torch.set_num_threads(1)
    if die_in:
        _die(die_in, on_call=EPOCHS // 2)
    images = torch.randint(0, 256, (480, 1, 8, 8), generator=torch.Generator().manual_seed(0))
    split = Split(images.float() / 255, torch.arange(480) % 10)
    training.set_seed(1)
    student = nn.Sequential(
        nn.Flatten(),
        nn.Linear(64, 96),
        nn.BatchNorm1d(96),
        nn.ReLU(),
        nn.Dropout(0.3),
        nn.Linear(96, 10),
    )
    history = training.fit(
        student,
        split,
        objectives.PsKd(split, alpha=0.8),  # it remembers, too
        epochs=EPOCHS,
        batch_size=16,
        lr=0.01,
        max_norm=2.0,
        seed=3,
        augment=lambda x, generator: jitter(x, 1, generator),
        val=split.subset(torch.arange(100)),
        val_every=5,
        count_train=True,
        early_stopping=True,
        snapshot=snapshot,
        progress=False,
    )
    tensors = student.state_dict()
    tensors["history"] = torch.tensor(
        [history.loss, history.lr, [-1 if v is None else v for v in history.val_errors]],
        dtype=torch.float64,
    )
    save_file(tensors, result)


def _die(place: str, on_call: int) -> None:
    """Make the ``on_call``-th snapshot end in SIGKILL, in the middle of its write or after it."""
    calls = 0
    owner, name = (Path, "write_bytes") if place == "write" else (os, "replace")
    original = getattr(owner, name)

    def deadly(first, second):
        nonlocal calls
        calls += 1
        if calls < on_call:
            return original(first, second)
        if place == "write":
            original(first, b"half a snapsh")
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, name, deadly)
