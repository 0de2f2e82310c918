"""How fast the loop is: ``python -m kdutils.bench`` prints one table of this machine's ratios.

With ``--errors 100`` it trains a student on MNIST to so few test errors, twice: with the fastest
recipe of notebook 02 and with the tutorial's loop and recipe, and prints the CPU seconds of both.

Three loops make the same steps on the same pictures: ``training.fit``; a bare loop, which is what
is left of it when everything but the step is taken away; and the loop of PyTorch's tutorial on
distillation, with a DataLoader, transforms per picture and the teacher asked in every step.
Pictures are noise: what they show does not matter for speed.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import NamedTuple

import pandas as pd
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from kdutils import checkpoints, data, losses, models, objectives
from kdutils.data import Split
from kdutils.experiments import find_recipes
from kdutils.settings import OPTIMIZERS
from kdutils.training import evaluate, fit, predict_logits, set_seed

BATCH = 128
NOTEBOOK, FAST = "02_distillation_beats_baseline", "student-kd-fast"
SETTINGS = {"lr": 1e-3, "schedule": "constant"}
LOSS = {"temperature": 2.0, "alpha": 0.25}


class Case(NamedTuple):
    """What is trained: teacher and student as for :func:`models.create`, and how many pictures."""

    words: str
    shape: tuple[int, int, int]
    teacher: tuple[str, dict]
    student: tuple[str, dict]
    pictures: int


CASES = (
    Case(
        "2×800 learns from 2×1200",
        (1, 28, 28),
        ("mlp", {"hidden": 1200}),
        ("mlp", {"hidden": 800}),
        20 * BATCH,
    ),
    Case(
        "ResNet-8 learns from ResNet-20",
        (3, 32, 32),
        ("resnet", {"depth": 20}),
        ("resnet", {"depth": 8}),
        4 * BATCH,
    ),
)


class Pictures(Dataset):
    """One picture at a time, through PIL, as torchvision's data sets and transforms do.

    The nets here scale pixels themselves, so that a transform for that is left out.
    """

    def __init__(self, split: Split) -> None:
        self.split = split

    def __len__(self) -> int:
        return len(self.split)

    def __getitem__(self, row: int) -> tuple[Tensor, int]:
        from torchvision.transforms.v2 import functional  # 1 s: only for this loop

        picture = functional.to_pil_image(self.split.images[row])
        picture = functional.to_dtype(functional.to_image(picture), torch.float32, scale=False)
        return picture, int(self.split.labels[row])


def tutorial(
    student: nn.Module,
    teacher: nn.Module,
    split: Split,
    epochs: int = 1,
    enough: Callable[[], bool] = lambda: False,
) -> None:
    """Train as PyTorch's tutorial on distillation does.

    Args:
        epochs: at most so many.
        enough: asked after each epoch whether it was the last.

    Source: "Knowledge Distillation Tutorial", docs.pytorch.org, ``train_knowledge_distillation``.
    """
    optimizer = torch.optim.Adam(student.parameters(), lr=SETTINGS["lr"])
    student.train(), teacher.eval()
    loader = DataLoader(Pictures(split), BATCH, shuffle=True, drop_last=True)
    for _ in range(epochs):
        _tutorial_epoch(student, teacher, loader, optimizer)
        if enough():
            return


def _tutorial_epoch(
    student: nn.Module, teacher: nn.Module, loader: DataLoader, optimizer: torch.optim.Optimizer
) -> None:
    temperature, alpha = LOSS["temperature"], LOSS["alpha"]
    for images, labels in loader:
        optimizer.zero_grad()
        with torch.no_grad():
            wanted = teacher(images)
        said = student(images)
        soft = nn.functional.softmax(wanted / temperature, dim=-1)
        log_probs = nn.functional.log_softmax(said / temperature, dim=-1)
        loss = torch.sum(soft * (soft.log() - log_probs)) / len(said) * temperature**2
        loss = alpha * loss + (1 - alpha) * nn.functional.cross_entropy(said, labels)
        loss.backward()
        optimizer.step()
        loss.item()


def bare(student: nn.Module, teacher: nn.Module | Tensor, split: Split) -> None:
    """Train for one epoch with nothing around the step: what :func:`training.fit` computes."""
    optimizer = OPTIMIZERS["adam"](student.parameters(), lr=SETTINGS["lr"], weight_decay=0.0)
    order = torch.Generator().manual_seed(0)
    rows = torch.randperm(len(split), generator=order)
    for net in (student, teacher):
        if isinstance(net, nn.Module):
            net.to(memory_format=torch.channels_last)  # as fit has it, faster for convolutions
    student.train()
    for ids in rows[: len(split) // BATCH * BATCH].split(BATCH):
        images = split.images.index_select(0, ids)
        if isinstance(teacher, Tensor):
            wanted = teacher[ids]
        else:
            with torch.no_grad():
                wanted = teacher.eval()(images)
        loss = losses.hard_and_soft_loss(student(images), wanted, split.labels[ids], **LOSS)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()


def fitted(student: nn.Module, teacher: nn.Module | Tensor, split: Split) -> None:
    """Train for one epoch with :func:`training.fit`."""
    objective = objectives.distillation(teacher, **LOSS)
    options = {"batch_size": BATCH, "precision": "fp32", "progress": False, **SETTINGS}
    fit(student, split, objective, epochs=1, **options)


def measure(case: Case, repeats: int = 5) -> dict[str, float]:
    """Return pictures per second of each loop, the median of several epochs made in turns.

    Args:
        case: what is trained.
        repeats: epochs of each loop, >= 1, after one to warm up.
    """
    set_seed(0)
    images = torch.randint(0, 256, (case.pictures, *case.shape), dtype=torch.uint8)
    split = Split(images, torch.randint(0, 10, (case.pictures,)))
    teacher = models.create(case.teacher[0], **case.teacher[1]).eval()
    # Nobody asks again what is cached, so that making it is not part of an epoch.
    cached = predict_logits(teacher, images)
    loops: dict[str, tuple[Callable, nn.Module | Tensor]] = {
        "fit, cached": (fitted, cached),
        "bare, cached": (bare, cached),
        "fit, live": (fitted, teacher),
        "bare, live": (bare, teacher),
        "tutorial": (tutorial, teacher),
    }
    seconds = {name: [] for name in loops}
    for _ in range(repeats + 1):
        for name, (loop, source) in loops.items():
            student = models.create(case.student[0], **case.student[1])
            start = time.perf_counter()
            loop(student, source, split)
            seconds[name].append(time.perf_counter() - start)
    return {name: case.pictures / statistics.median(times[1:]) for name, times in seconds.items()}


def table(repeats: int = 5, cases: tuple[Case, ...] = CASES) -> pd.DataFrame:
    """Return the ratios of pictures per second, one row per case."""
    rows = {}
    for case in cases:
        speed = measure(case, repeats)
        rows[case.words] = {
            "fit / bare, cached": speed["fit, cached"] / speed["bare, cached"],
            "fit / bare, live": speed["fit, live"] / speed["bare, live"],
            "fit, cached / tutorial": speed["fit, cached"] / speed["tutorial"],
            "fit, live / tutorial": speed["fit, live"] / speed["tutorial"],
        }
    return pd.DataFrame(rows).T.round(2)


# The tutorial's recipe has no end: where it has not come so far by then, the table says so.
MOST = 20


def to_result(errors: int, seed: int) -> list[dict[str, object]]:
    """Return CPU seconds of two ways to a distilled MNIST student with few test errors.

    Counting errors costs none of the seconds. The tutorial's student is counted after every
    epoch, since its recipe has no end; ours once, at the end of its schedule.

    Args:
        errors: so many or fewer of the 10,000 test digits.
        seed: of weights and batches.
    """
    (fast,) = [r for r in find_recipes(NOTEBOOK) if r.run == FAST]
    mnist, teacher = data.load("mnist"), checkpoints.load(fast.teacher)
    rows = []

    def row(loop: str, epochs: int, seconds: float, student: nn.Module) -> None:
        counted = evaluate(student, mnist.test)
        facts = {"epochs": epochs, "CPU seconds": round(seconds, 1), "test errors": counted}
        rows.append({"loop": loop, "seed": seed, **facts, "reached": counted <= errors})

    set_seed(seed)
    student, start = models.create(fast.model, **fast.size), time.process_time()
    logits = predict_logits(teacher, mnist.train.images)
    soft = objectives.distillation(logits, temperature=fast.temperature, alpha=fast.alpha)
    fit(student, mnist.train, soft, seed=seed, progress=False, **asdict(fast.training))
    row("kdutils", fast.training.epochs, time.process_time() - start, student)

    set_seed(seed)
    student, epochs, seconds = models.create(fast.model, **fast.size), 0, 0.0
    start = time.process_time()

    def enough() -> bool:
        nonlocal epochs, seconds, start
        epochs, seconds = epochs + 1, seconds + time.process_time() - start
        reached = evaluate(student, mnist.test) <= errors
        start = time.process_time()
        return reached

    tutorial(student, teacher, mnist.train, MOST, enough)
    row("tutorial", epochs, seconds, student)
    return rows


def main(arguments: list[str] | None = None) -> int:
    """Compare training.fit with a bare loop and with the tutorial's, fp32 and one thread."""
    parser = argparse.ArgumentParser(prog="python -m kdutils.bench", description=main.__doc__)
    parser.add_argument("--repeats", type=int, default=5, help="epochs of each loop")
    parser.add_argument("--errors", type=int, help="train to so few errors (needs MNIST; minutes)")
    parser.add_argument("--seeds", type=int, default=3, help="with --errors: students of each loop")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    if options.errors:
        for seed in range(options.seeds):
            rows = to_result(options.errors, seed)
            print(pd.DataFrame(rows).to_string(index=False, header=seed == 0), flush=True)
    else:
        print(table(options.repeats).to_string())
    return 0


if __name__ == "__main__":
    sys.exit(main())
