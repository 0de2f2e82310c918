"""One training loop for every method, with exact resume."""

import math
import random
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from kdutils.data import Batch, Split
from kdutils.data.augment import Augmentation
from kdutils.losses import NonFiniteError
from kdutils.snapshots import History, State


def set_seed(seed: int) -> None:
    """Seed the default generators of Python, NumPy and torch."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def pick_device() -> torch.device:
    """Return the first of CUDA and CPU that is there."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def pick_precision(device: torch.device | str) -> str:
    """Return ``bf16`` where ``device`` computes it natively, ``fp32`` elsewhere.

    Emulated bf16 is slower than fp32, so a CPU must list AVX512-BF16 or AMX.
    """
    if torch.device(device).type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        flags = ""
    return "bf16" if "avx512_bf16" in flags or "amx_bf16" in flags else "fp32"


# Multiplier of the learning rate after a share q of all steps.
SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": lambda q: 1.0,
    "linear": lambda q: 1 - q,
    "cosine": lambda q: (1 + math.cos(math.pi * q)) / 2,
    "one-cycle": lambda q: min(q / 0.25 + 0.01, (1 - q) / 0.75, 1.0),
}

OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": lambda parameters, **options: torch.optim.AdamW(parameters, fused=True, **options),
    "sgd": lambda parameters, **options: torch.optim.SGD(
        parameters, momentum=0.9, nesterov=True, fused=True, **options
    ),
}


@dataclass(frozen=True)
class Settings:
    """The numbers of one training run; see :func:`fit`."""

    epochs: int
    lr: float = 1e-3
    batch_size: int = 256
    optimizer: str = "adam"
    schedule: str = "linear"
    weight_decay: float = 0.0
    max_norm: float | None = None
    clip_gradient: float | None = None
    early_stopping: bool = False

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be >= 1, got {getattr(self, name)}")
        for name in ("lr", "max_norm", "clip_gradient"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name} must be > 0 and finite, got {value}")
        if self.weight_decay < 0:
            raise ValueError(f"weight_decay must be >= 0, got {self.weight_decay}")
        for name, known in (("optimizer", OPTIMIZERS), ("schedule", SCHEDULES)):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"{name} must be one of {list(known)}, got {getattr(self, name)!r}"
                )


def fit(
    student: nn.Module,
    split: Split,
    objective: Callable[[nn.Module, Batch], Tensor],
    *,
    seed: int = 0,
    augment: Augmentation | None = None,
    val: Split | None = None,
    val_every: int = 1,
    count_train: bool = False,
    precision: str = "auto",
    device: torch.device | str | None = None,
    snapshot: Path | None = None,
    progress: bool = True,
    on_epoch: Callable[[History], None] | None = None,
    **settings: float | str | None,
) -> History:
    """Train ``student`` in place and return its history.

    The same seed gives the same batch order with every objective, so that runs of one seed can
    be compared in pairs. The last, smaller batch of an epoch is left out.

    Args:
        student: the net to train; its initial weights are the caller's.
        split: training data; sample ids are rows of it.
        objective: from :mod:`kdutils.objectives`.
        seed: of batch order, augmentation and dropout.
        augment: ``augment(images, generator) -> images`` on each batch; see :mod:`data.augment`.
        val: split whose errors the history records every ``val_every`` epochs and at the end.
        val_every: epochs between two validations, >= 1.
        count_train: count the errors on ``split``, as it is, at the same times.
        precision: ``fp32``, ``bf16`` (autocast) or ``auto`` (bf16 where native).
        device: where to train; :func:`pick_device` if None. The student is moved there.
        snapshot: file that keeps the run's state after every epoch. A run that was killed at
            any moment and is started again with it ends with the same bits. The file stays.
        progress: show a bar while training.
        on_epoch: called with the history after every epoch, e.g. ``plotting.live_curve()``.
        **settings: fields of :class:`Settings`. ``epochs`` is required; ``lr`` is the peak rate,
            ``schedule`` its course (``linear``, ``cosine`` and ``one-cycle`` end at 0,
            ``constant`` stays);
            ``max_norm`` bounds the L2 norm of each unit's incoming weights (Hinton et al.,
            2012), ``clip_gradient`` that of the whole gradient; ``early_stopping`` ends with
            the weights of the validation that had the fewest errors, the first of equals.

    Returns:
        The history of all epochs, those before an interruption included.

    Raises:
        ValueError: a setting out of range, or a snapshot of another run.
        NonFiniteError: the loss is NaN or infinite; names epoch and step.
    """
    settings = Settings(**settings)
    if precision not in ("auto", "fp32", "bf16"):
        raise ValueError(f"precision must be 'auto', 'fp32' or 'bf16', got {precision!r}")
    if val_every < 1:
        raise ValueError(f"val_every must be >= 1, got {val_every}")
    if settings.early_stopping and val is None:
        raise ValueError("val must be given with early_stopping, got None")
    if len(split) < settings.batch_size:
        raise ValueError(
            f"batch_size must be at most the split's {len(split)} samples, "
            f"got {settings.batch_size}"
        )
    device = torch.device(device) if device else pick_device()
    precision = pick_precision(device) if precision == "auto" else precision
    # Convolutions are faster with the channels last; a net without them does not mind.
    student.to(device, memory_format=torch.channels_last)
    images, labels = split.images.to(device), split.labels.to(device)
    optimizer = OPTIMIZERS[settings.optimizer](
        student.parameters(), lr=settings.lr, weight_decay=settings.weight_decay
    )
    set_seed(seed)
    # Two generators: augmentation must not change the batch order of the same seed.
    order = torch.Generator().manual_seed(seed)
    noise = torch.Generator().manual_seed(seed + 2**32)
    state = State(student, optimizer, order, noise, History())
    identity = {**asdict(settings), "seed": seed, "samples": len(split), "precision": precision}
    if snapshot is not None and Path(snapshot).exists():
        state.load(Path(snapshot), identity)
    history = state.history
    steps = len(split) // settings.batch_size
    epochs = tqdm(
        range(history.epochs, settings.epochs),
        initial=history.epochs,
        total=settings.epochs,
        desc="training",
        unit="epoch",
        leave=False,
        disable=not progress,
    )
    for epoch in epochs:
        started, student_mode = time.perf_counter(), student.training
        student.train()
        total = torch.zeros((), device=device)
        rows = torch.randperm(len(split), generator=order)
        for step, ids in enumerate(rows[: steps * settings.batch_size].split(settings.batch_size)):
            share = (epoch * steps + step + 1) / (settings.epochs * steps)
            for group in optimizer.param_groups:
                group["lr"] = settings.lr * SCHEDULES[settings.schedule](share)
            ids = ids.to(device)
            # index_select copies whole images; indexing with [ids] is several times slower.
            batch = Batch(images.index_select(0, ids), labels[ids], ids)
            if augment is not None:
                batch = batch._replace(images=augment(batch.images, noise))
            total += _train_step(
                student, batch, objective, optimizer, settings, precision, epoch, step
            )
        student.train(student_mode)
        history.loss.append(float(total) / steps)
        history.lr.append(optimizer.param_groups[0]["lr"])
        due = val is not None and ((epoch + 1) % val_every == 0 or epoch + 1 == settings.epochs)
        wrong = evaluate(student, val) if due else None
        if due and settings.early_stopping and wrong < min(_counted(history), default=math.inf):
            state.best = {k: v.detach().clone() for k, v in student.state_dict().items()}
        history.val_errors.append(wrong)
        if count_train:
            history.train_errors.append(evaluate(student, split) if due else None)
        history.seconds += time.perf_counter() - started
        epochs.set_postfix(loss=f"{history.loss[-1]:.4f}")
        if snapshot is not None:
            state.save(Path(snapshot), identity)
        if on_epoch is not None:
            on_epoch(history)
    if state.best is not None:
        student.load_state_dict(state.best)
    return history


def _counted(history: History) -> list[int]:
    return [errors for errors in history.val_errors if errors is not None]


def _train_step(
    student: nn.Module,
    batch: Batch,
    objective: Callable[[nn.Module, Batch], Tensor],
    optimizer: torch.optim.Optimizer,
    settings: Settings,
    precision: str,
    epoch: int,
    step: int,
) -> Tensor:
    """Make one step and return the detached loss."""
    low = precision == "bf16"
    try:
        with torch.autocast(batch.labels.device.type, torch.bfloat16) if low else nullcontext():
            loss = objective(student, batch)
        finite = bool(torch.isfinite(loss))
    except NonFiniteError:  # raised by the losses themselves, which do not know the step
        finite = False
    if not finite:
        raise NonFiniteError(
            f"the loss is not finite at epoch {epoch + 1}, step {step + 1}: the run diverged. "
            f"Try a lower lr (now {settings.lr}), clip_gradient=1.0, or optimizer='adam' at high "
            f"temperature"
        )
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    if settings.clip_gradient is not None:
        nn.utils.clip_grad_norm_(student.parameters(), settings.clip_gradient)
    optimizer.step()
    if settings.max_norm is not None:
        _bound_norms(student, settings.max_norm)
    return loss.detach()


@torch.no_grad()
def _bound_norms(student: nn.Module, max_norm: float) -> None:
    """Scale down each unit's incoming weights to an L2 norm of at most ``max_norm``."""
    for module in student.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            module.weight.copy_(module.weight.renorm(2, 0, max_norm))


@torch.no_grad()
def predict_logits(model: nn.Module, images: Tensor, batch_size: int = 2000) -> Tensor:
    """Return the model's logits in eval mode and full precision.

    Full precision, so that an error count is the same on machines with and without bf16.

    Args:
        model: any net from images to logits; left in the mode it was in.
        images: (N, C, H, W), on any device.
        batch_size: images per forward pass.

    Returns:
        (N, classes) float32 on the CPU.
    """
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    mode = model.training
    model.eval()
    logits = [model(part.to(device)).float().cpu() for part in images.split(batch_size)]
    model.train(mode)
    return torch.cat(logits)


def evaluate(model: nn.Module, split: Split) -> int:
    """Return the number of wrong predictions of ``model`` on ``split``."""
    return int((predict_logits(model, split.images).argmax(1) != split.labels.cpu()).sum())
