"""One training loop for every method, with exact resume."""

import math
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from kdutils import checks, metrics
from kdutils.checks import NonFiniteError
from kdutils.data import Batch, Split, check_split
from kdutils.data.augment import Augmentation
from kdutils.settings import OPTIMIZERS, SCHEDULES, Settings
from kdutils.snapshots import History, State, describe, digest


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
    name: str = "",
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
        objective: from :mod:`kdutils.objectives`. One that remembers something between two steps
            is a module whose buffers hold it: they are part of the run's state.
        seed: of batch order, augmentation and dropout.
        augment: ``augment(images, generator) -> images`` on each batch; see :mod:`data.augment`.
        val: split whose errors the history records every ``val_every`` epochs and at the end.
        val_every: epochs between two validations, >= 1.
        count_train: count the errors on ``split``, as it is, at the same times.
        precision: ``fp32``, ``bf16`` (autocast) or ``auto`` (bf16 where native).
        device: where to train; :func:`pick_device` if None. The student is moved there.
        snapshot: file that keeps the run's state after every epoch. A run that was killed at
            any moment and is started again with it ends with the same bits. The file stays.
        name: the run's, for its snapshot: what objective and augmentation are made with beyond
            numbers and words (a teacher, say) is known to the caller alone.
        progress: show a bar while training.
        on_epoch: called with the history after every epoch, e.g. ``plotting.live_curve()``.
        **settings: fields of :class:`settings.Settings`; ``epochs`` is required.

    Returns:
        The history of all epochs, those before an interruption included.

    Raises:
        ValueError: a setting out of range, or a snapshot of another run: of other settings,
            initial weights, data, objective, augmentation or name. It says what differs.
        NonFiniteError: NaN or infinity in the data, in a teacher's logits, or in the loss, which
            names epoch and step.
    """
    settings = Settings.of(settings)
    _check_arguments(student, split, objective, settings, augment, val, on_epoch)
    checks.one_of("precision", precision, ("auto", "fp32", "bf16"))
    checks.number("val_every", val_every, 1, whole=True)
    checks.number("seed", seed, 0, whole=True)
    seed = int(seed)  # of numpy, too
    if not (snapshot is None or isinstance(snapshot, str | Path)) or Path(snapshot or "x").is_dir():
        raise ValueError(f"snapshot must be the path of a file, got {snapshot!r}")
    device = _checked_device(device) if device else pick_device()
    precision = pick_precision(device) if precision == "auto" else precision
    # Convolutions are faster with the channels last; a net without them does not mind.
    student.to(device, memory_format=torch.channels_last)
    images, labels = split.images.to(device), split.labels.to(device)
    if isinstance(objective, nn.Module):
        objective.to(device)
    optimizer = OPTIMIZERS[settings.optimizer](
        student.parameters(), lr=settings.lr, weight_decay=settings.weight_decay
    )
    set_seed(seed)
    # Two generators: augmentation must not change the batch order of the same seed.
    order = torch.Generator().manual_seed(seed)
    noise = torch.Generator().manual_seed(seed + 2**32)
    state = State(student, optimizer, order, noise, History(), objective)
    if snapshot is not None:
        identity = {
            **asdict(settings),
            **{"seed": seed, "samples": len(split), "precision": precision, "name": name},
            **{"objective": describe(objective), "augment": describe(augment)},
            "initial weights": digest(student.state_dict()),
            "images": digest({"": split.images}),
            "labels": digest({"": split.labels}),
            "val": digest({"images": val.images, "labels": val.labels}) if val else None,
        }
        if Path(snapshot).exists():
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
        started = time.perf_counter()
        total = torch.zeros((), device=device)
        rows = torch.randperm(len(split), generator=order)
        with _mode(student, training=True):
            for step, ids in enumerate(
                rows[: steps * settings.batch_size].split(settings.batch_size)
            ):
                done, planned = epoch * steps + step, settings.epochs * steps
                for group in optimizer.param_groups:
                    group["lr"] = settings.lr * SCHEDULES[settings.schedule]((done + 1) / planned)
                ids = ids.to(device)
                # index_select copies whole images; indexing with [ids] is several times slower.
                shown = images.index_select(0, ids)
                if augment is not None:
                    shown = _augmented(augment, shown, noise)
                batch = Batch(
                    shown, labels[ids], ids, len(split), augment is not None, done / planned
                )
                total += _train_step(
                    student, batch, objective, optimizer, settings, precision, epoch, step
                )
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


@contextmanager
def _mode(net: nn.Module, *, training: bool) -> Iterator[None]:
    """Put a net in train or eval mode, and back in the mode it was in, whatever happens."""
    before = net.training
    net.train(training)
    try:
        yield
    finally:
        net.train(before)


def _check_split(role: str, split: Split) -> None:
    check_split(role, split)
    if len(split) == 0:
        raise ValueError(f"{role} must hold at least one sample, got none")
    checks.finite(f"{role}.images", split.images)


def _augmented(augment: Augmentation, images: Tensor, noise: torch.Generator) -> Tensor:
    shown = augment(images, noise)
    if not isinstance(shown, Tensor) or len(shown) != len(images):
        raise ValueError(f"augment must return {len(images)} images, got {shown!r:.40}")
    return shown


def _check_arguments(
    student: nn.Module,
    split: Split,
    objective: Callable,
    settings: Settings,
    augment: Augmentation | None,
    val: Split | None,
    on_epoch: Callable | None,
) -> None:
    """Refuse before the first step what would fail in it, or worse, not fail."""
    checks.net("student", student)
    if not any(weights.requires_grad for weights in student.parameters()):
        raise ValueError("student must have weights to train, got none that needs a gradient")
    checks.function("objective", objective)
    for name, function in (("augment", augment), ("on_epoch", on_epoch)):
        if function is not None:
            checks.function(name, function)
    for name, pictures in (("split", split), ("val", val)):
        if pictures is not None or name == "split":
            _check_split(name, pictures)
            _fitting(student, pictures.images[:1], f"{name}.images")
    if settings.early_stopping and val is None:
        raise ValueError("val must be given with early_stopping, got None")
    if len(split) < settings.batch_size:
        raise ValueError(
            f"batch_size must be at most the split's {len(split)} samples, "
            f"got {settings.batch_size}"
        )
    if settings.batch_size == 1 and any(isinstance(m, nn.BatchNorm1d) for m in student.modules()):
        raise ValueError("batch_size must be >= 2 for a net with batch norm, got 1")


def _fitting(model: nn.Module, images: Tensor, name: str) -> Tensor:
    """Return the model's logits in eval mode, or raise ValueError where it cannot take them."""
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    try:
        with _mode(model, training=False), torch.no_grad():
            return model(images.to(device))
    except RuntimeError as error:
        raise ValueError(
            f"{name} must fit the model, got shape {tuple(images.shape)}: {error}"
        ) from error


def _checked_device(device: torch.device | str) -> torch.device:
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, TypeError) as error:
        raise ValueError(f"device must be one that is there, got {device!r}") from error
    return torch.device(device)


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
        if not isinstance(loss, Tensor) or loss.ndim:
            got = f"shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else type(loss).__name__
            raise ValueError(f"objective must return a scalar tensor, got {got}")
        if not loss.requires_grad:
            raise ValueError("objective must depend on the student, got a constant")
        finite = bool(torch.isfinite(loss))
    except NonFiniteError as error:  # raised by the losses themselves, which do not know the step
        if str(error).startswith("teacher"):
            raise
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


def predict_logits(model: nn.Module, images: Tensor, batch_size: int = 2000) -> Tensor:
    """Return the model's logits in eval mode and full precision.

    Full precision, so that an error count is the same on machines with and without bf16.

    Args:
        model: any net from images to logits; left in the mode it was in.
        images: (N, C, H, W), on any device.
        batch_size: images per forward pass.

    Returns:
        (N, classes) float32 on the CPU.

    Raises:
        ValueError: no model, no tensor, or images that the model cannot take.
    """
    checks.net("model", model)
    checks.tensor("images", images)
    if images.numel() == 0:
        raise ValueError(f"images must hold at least one, got shape {tuple(images.shape)}")
    checks.number("batch_size", batch_size, 1, whole=True)
    parts = images.split(batch_size)
    return torch.cat([_fitting(model, part, "images").float().cpu() for part in parts])


def evaluate(model: nn.Module, split: Split) -> int:
    """Return the number of wrong predictions of ``model`` on ``split``.

    Raises:
        ValueError: no sample, or labels that are no classes of the model.
        NonFiniteError: NaN or infinity in the images or in the model's logits.
    """
    _check_split("split", split)
    return metrics.errors(predict_logits(model, split.images), split.labels.cpu())
