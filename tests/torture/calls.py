"""Wrong calls: what is wrong is named, whatever it is, before anything is computed with it.

Each line is ``argument: call``, where the error must name the argument; or two, either of which
will do. The calls see the names of :func:`_names`.
"""

# ruff: noqa: F401  the calls below use what is imported here

import random
from collections.abc import Iterator
from functools import lru_cache, partial
from pathlib import Path
from unittest import mock

import pandas as pd
import torch
from torch import nn

from kdutils import (
    checkpoints,
    cost,
    data,
    evidence,
    homework,
    losses,
    metrics,
    models,
    objectives,
    quantize,
    reproduce,
    specialists,
    teachers,
    training,
)
from kdutils.data import Split, augment
from kdutils.data.letters import letters
from kdutils.experiments import find_recipes, jobs, records, runs
from kdutils.experiments.recipe import Recipe
from kdutils.models.composites import Ensemble
from kdutils.settings import Settings
from kdutils.transfer import Transfer
from torture import things
from torture.cases import Case

nan, inf = float("nan"), float("inf")

CALLS = """
# losses
temperature: losses.soften(Z, 0)
temperature: losses.soften(Z, -1.0)
temperature: losses.soften(Z, None)
temperature: losses.soften(Z, "4")
temperature: losses.soften(Z, nan)
temperature: losses.soften(Z, 1e30)
temperature: losses.soften(Z, 1e-40)
temperature: losses.soften(Z, [1.0])
logits: losses.soften(Z.numpy(), 1)
logits: losses.soften(None, 1)
logits: losses.soften(Z[0], 1)
logits: losses.soften(Z.tolist(), 1)
logits: losses.soften(Y, 1)
soft_targets: losses.soft_cross_entropy(Z, Z)
soft_targets: losses.soft_cross_entropy(Z, P.numpy())
soft_targets: losses.soft_cross_entropy(Z, P[:2])
soft_targets: losses.soft_cross_entropy(Z, Y)
temperature: losses.soft_cross_entropy(Z, P, None)
teacher_logits: losses.kd_loss(Z, Z[:, :2], 2.0)
teacher_logits: losses.kd_loss(Z, Z.numpy(), 2.0)
teacher_logits: losses.kd_loss(Z, None, 2.0)
student_logits: losses.kd_loss(None, Z, 2.0)
student_logits: losses.kd_loss(Y, Z, 2.0)
temperature: losses.kd_loss(Z, Z, 1e30)
alpha: losses.hard_and_soft_loss(Z, Z, Y, temperature=2.0, alpha=2)
alpha: losses.hard_and_soft_loss(Z, Z, Y, temperature=2.0, alpha=None)
alpha: losses.hard_and_soft_loss(Z, Z, Y, temperature=2.0, alpha="0.5")
alpha: losses.hard_and_soft_loss(Z, Z, Y, temperature=2.0, alpha=nan)
labels: losses.hard_and_soft_loss(Z, Z, Y + 3, temperature=2.0, alpha=0.5)
labels: losses.label_smoothing_loss(Z, Y.float(), 0.1)
labels: losses.label_smoothing_loss(Z, Y - 1, 0.1)
labels: losses.label_smoothing_loss(Z, Y[:2], 0.1)
labels: losses.label_smoothing_loss(Z, Y.numpy(), 0.1)
labels: losses.label_smoothing_loss(Z, None, 0.1)
labels: losses.label_smoothing_loss(Z, Y.tolist(), 0.1)
smoothing: losses.label_smoothing_loss(Z, Y, -1)
smoothing: losses.label_smoothing_loss(Z, Y, None)
logits: losses.permute_others(Z.numpy())
classes: losses.virtual_logits(Y, 1, 0.9)
classes: losses.virtual_logits(Y, 0, 0.9)
classes: losses.virtual_logits(Y, "3", 0.9)
correct: losses.virtual_logits(Y, 3, 0.1)
correct: losses.virtual_logits(Y, 3, None)
labels: losses.virtual_logits(Y + 3, 3, 0.9)
labels: losses.virtual_logits(Y.float(), 3, 0.9)
labels: losses.virtual_logits(Y.numpy(), 3, 0.9)

# objectives
smoothing: objectives.label_smoothing(None)
smoothing: objectives.label_smoothing(1.5)
temperature: objectives.distillation(Z, temperature=None, alpha=0.5)
alpha: objectives.distillation(Z, temperature=1.0, alpha=None)
alpha: objectives.distillation(Z, temperature=1.0, alpha=90)
teacher: objectives.distillation(None, temperature=1.0, alpha=0.5)
teacher: objectives.distillation(Z.numpy(), temperature=1.0, alpha=0.5)
teacher: objectives.distillation("mnist/teacher", temperature=1.0, alpha=0.5)
teacher: objectives.distillation(Z[0], temperature=1.0, alpha=0.5)
teacher: objectives.distillation(Y[:, None], temperature=1.0, alpha=0.5)
correct: objectives.virtual_teacher(temperature=1.0, alpha=0.5, correct=2.0)
correct: objectives.virtual_teacher(temperature=1.0, alpha=0.5, correct=None)
split: objectives.ddgsd(None, augment.flip, temperature=1.0, alpha=0.5)
split: objectives.ddgsd(DIGITS, augment.flip, temperature=1.0, alpha=0.5)
augment: objectives.ddgsd(SPLIT, None, temperature=1.0, alpha=0.5)
mmd: objectives.ddgsd(SPLIT, augment.flip, temperature=1.0, alpha=0.5, mmd=-1)
split: objectives.cs_kd(DIGITS, augment.flip, temperature=1.0, alpha=0.5)
augment: objectives.cs_kd(SPLIT, "flip", temperature=1.0, alpha=0.5)
alpha: objectives.cs_kd(SPLIT, augment.flip, temperature=1.0, alpha=None)
split: objectives.PsKd(DIGITS, alpha=0.5)
split: objectives.PsKd(None, alpha=0.5)
alpha: objectives.PsKd(SPLIT, alpha=2)
alpha: objectives.PsKd(SPLIT, alpha=None)
alpha: objectives.confident(net(), alpha=-1)
teacher: objectives.confident(None, alpha=0.5)
hint: objectives.byot(temperature=1.0, alpha=0.5, hint=-1)
hint: objectives.byot(temperature=1.0, alpha=0.5, hint=None)
teacher: objectives.auxiliary(None)
teacher: objectives.auxiliary(net())
student: fit(objective=objectives.byot(temperature=1.0, alpha=0.5))
student: fit(objective=objectives.auxiliary(models.create("auxiliary-mlp")))
question: homework.objective(None)
question: homework.objective("q1")
teacher: homework.objective(homework.q2)
teacher: homework.objective(homework.q1, net())
temperature: homework.objective(homework.q4, temperature=0.5)
temperature: homework.objective(homework.q4, temperature=None)
weight: homework.objective(homework.q4, weight="1")

# metrics
labels: metrics.errors(Z, Y + 3)
labels: metrics.errors(Z, Y - 1)
labels: metrics.errors(Z, Y.float())
labels: metrics.errors(Z, Y.numpy())
labels: metrics.errors(Z, Y[:2])
labels: metrics.errors(Z, None)
logits: metrics.errors(Z.numpy(), Y)
logits: metrics.errors(None, Y)
logits: metrics.errors(Z[0], Y)
logits: metrics.errors(Z.long(), Y)
labels: metrics.negative_log_likelihood(Z, Y + 3)
labels: metrics.negative_log_likelihood(Z, Y.float())
labels: metrics.calibration_error(Z, Y + 3)
labels: metrics.calibration_error(Z, Y.tolist())
labels: metrics.per_class(Z, Y + 3)
labels: metrics.per_class(Z, Y - 1)
labels: metrics.bias_curve(Z, Y + 3, [0], [0])
bins: metrics.reliability(Z, Y, 0)
bins: metrics.reliability(Z, Y, None)
bins: metrics.reliability(Z, Y, 1.5)
bins: metrics.calibration_error(Z, Y, "15")
teacher_logits: metrics.agreement(Z, Z[:2])
teacher_logits: metrics.agreement(Z, Z.numpy())
teacher_logits: metrics.agreement(Z, None)
logits: metrics.agreement(None, Z)
logits: metrics.agreement(Y, Y)
classes: metrics.bias_curve(Z, Y, [5], [0])
classes: metrics.bias_curve(Z, Y, [], [0])
classes: metrics.bias_curve(Z, Y, None, [0])
classes: metrics.bias_curve(Z, Y, 0, [0])
classes: metrics.bias_curve(Z, Y, ["a"], [0])
shifts: metrics.bias_curve(Z, Y, [0], None)
shifts: metrics.bias_curve(Z, Y, [0], 1.0)
shifts: metrics.bias_curve(Z, Y, [0], [nan])
shifts: metrics.bias_curve(Z, Y, [0], ["a"])

# evidence
values: evidence.estimate([])
values: evidence.estimate(None)
values: evidence.estimate(["a"])
values: evidence.estimate([[1.0]])
values: evidence.estimate([1.0, None])
values: evidence.estimate(3)
part|whole: evidence.share([1, 2], [1])
part|whole: evidence.share(None, [1, 2])
part|whole: evidence.share(["a", "b"], [1, 2])
baseline|method: evidence.verdict([1], [2])
baseline|method: evidence.verdict([1, 2], [1, 2, 3])
baseline|method: evidence.verdict(None, [1, 2])
baseline|method: evidence.verdict(["a", "b"], [1, 2])
baseline|method: evidence.verdict([1, nan], [1, 2])
baseline|method: evidence.verdict(3, 4)
baseline|method: evidence.verdict(pd.Series([1, 2]), pd.Series([1, 2], index=[0, 2]))
seed: evidence.verdict(pd.Series([1, 2], index=[0, 0]), pd.Series([1, 2], index=[0, 0]))
p_values: evidence.holm([2])
p_values: evidence.holm([nan])
p_values: evidence.holm(["a"])
p_values: evidence.holm(None)
p_values: evidence.holm(0.5)
pairs: evidence.verdict_table({}, RUNS)
pairs: evidence.verdict_table(None, RUNS)
pairs: evidence.verdict_table({"a": ("x", "y")}, RUNS)
pairs: evidence.verdict_table({"a": ("x",)}, RUNS)
pairs: evidence.verdict_table({"a": "x"}, RUNS)
test: evidence.verdict_table({"a": ("x", "z")}, [1, 2])
column: evidence.by_seed(pd.DataFrame({"run": ["x"], "seed": [0]}), "test_errors")

# training
epochs: Settings(epochs=None)
epochs: Settings(epochs="3")
epochs: Settings(epochs=2.5)
epochs: Settings(epochs=-1)
lr: Settings(1, lr="0.1")
lr: Settings(1, lr=None)
lr: Settings(1, lr=nan)
lr: Settings(1, lr=inf)
lr: Settings(1, lr=0)
batch_size: Settings(1, batch_size=0)
batch_size: Settings(1, batch_size=None)
batch_size: Settings(1, batch_size=2.5)
optimizer: Settings(1, optimizer=None)
optimizer: Settings(1, optimizer="Adam")
schedule: Settings(1, schedule=1)
weight_decay: Settings(1, weight_decay=nan)
weight_decay: Settings(1, weight_decay=None)
weight_decay: Settings(1, weight_decay=inf)
max_norm: Settings(1, max_norm=0)
max_norm: Settings(1, max_norm="1")
clip_gradient: Settings(1, clip_gradient=-1)
early_stopping: Settings(1, early_stopping="no")
learning_rate: fit(learning_rate=0.1)
batch_size: fit(batchsize=20)
epochs: training.fit(net(), SPLIT, HARD, progress=False)
lower lr: fit(lr=1e30, optimizer="sgd")
student: training.fit(None, SPLIT, HARD, epochs=1, batch_size=20)
student: fit("mlp")
student: fit(nn.Flatten())
student: fit(frozen(net()))
split: fit(split=None)
split: fit(split=DIGITS)
split: fit(split=(SPLIT.images, SPLIT.labels))
labels: fit(split=Split(SPLIT.images, SPLIT.labels + 3))
labels: fit(split=Split(SPLIT.images, SPLIT.labels - 1))
images|student: fit(split=Split(SPLIT.images[:, :, 1:], SPLIT.labels))
objective: fit(objective=None)
objective: fit(objective="hard")
objective: fit(objective=lambda student, batch: student(batch.images).sum(1))
objective: fit(objective=lambda student, batch: 0.5)
objective: fit(objective=lambda student, batch: None)
objective: fit(objective=lambda student, batch: batch.images.sum())
val: fit(val=DIGITS)
val: fit(val=SPLIT.images)
val: fit(early_stopping=True)
val_every: fit(val_every=None)
val_every: fit(val_every=0)
val_every: fit(val_every=0.5)
seed: fit(seed=None)
seed: fit(seed="0")
seed: fit(seed=0.5)
precision: fit(precision=None)
precision: fit(precision="fp8")
device: fit(device="cuda:99")
device: fit(device="gpu")
device: fit(device=0.5)
augment: fit(augment="jitter")
augment: fit(augment=lambda images, generator: None)
augment: fit(augment=lambda images, generator: images[:1])
on_epoch: fit(on_epoch="plot")
snapshot: fit(snapshot=3)
snapshot: fit(snapshot=FOLDER)
batch_size: fit(batch_size=1)
batch_size: fit(batch_size=61)
model: training.predict_logits(None, SPLIT.images)
images: training.predict_logits(net(), None)
images: training.predict_logits(net(), SPLIT)
images: training.predict_logits(net(), SPLIT.images[:0])
images: training.predict_logits(net(), SPLIT.images.numpy())
images: training.predict_logits(net(), SPLIT.images[:, :, 1:])
batch_size: training.predict_logits(net(), SPLIT.images, 0)
batch_size: training.predict_logits(net(), SPLIT.images, None)
split: training.evaluate(net(), DIGITS)
split: training.evaluate(net(), None)
model: training.evaluate(None, SPLIT)
labels: training.evaluate(net(), Split(SPLIT.images, SPLIT.labels + 3))

# data
name: data.load("minst")
name: data.load(None)
name: data.load(3)
images: Split(None, Y)
images: Split(SPLIT.images.numpy(), SPLIT.labels)
images: Split(torch.tensor(3.0), torch.tensor(1))
labels: Split(SPLIT.images, SPLIT.labels.numpy())
labels: Split(SPLIT.images, SPLIT.labels.tolist())
labels: Split(SPLIT.images, SPLIT.labels.float())
labels: Split(SPLIT.images, SPLIT.labels[:, None])
labels: Split(SPLIT.images, None)
index: SPLIT.subset(torch.tensor([99]))
alphabet: letters("greekk")
max_shift: augment.jitter(SPLIT.images, -1)
max_shift: augment.jitter(SPLIT.images, None)
max_shift: augment.jitter(SPLIT.images, 1.5)
images: augment.jitter(SPLIT.images[0], 1)
images: augment.jitter(SPLIT.images.numpy(), 1)
images: augment.flip(SPLIT.images[0])

# models
name: models.create("mpl")
name: models.create(None)
hidden: models.create("mlp")
hidden: models.create("mlp", hiden=8)
hidden: models.create("mlp", hidden=0)
hidden: models.create("mlp", hidden=None)
hidden: models.create("mlp", hidden="8")
hidden: models.create("mlp", hidden=2.5)
dropout: models.create("mlp", hidden=8, dropout=1)
dropout: models.create("mlp", hidden=8, dropout=None)
dropout: models.create("cnn", dropout="0.5")
depth: models.create("resnet", depth=9)
depth: models.create("resnet", depth=None)
width: models.create("vgg", width=0)
width: models.create("vgg", width=2.5)
convs: models.create("plain-cnn", convs=3)
width: models.create("svhn-cnn", width=0)
width: models.create("svhn-cnn", width="1")
bottleneck: models.create("letters-mlp", hidden=8, bottleneck=0)
start: models.create("auxiliary-mlp", start="x")
members: models.create("ensemble", of="mlp", members=0, hidden=8)
members: Ensemble([])
weight_bits: models.create("mlp", hidden=8, weight_bits=0)
weight_bits: models.create("mlp", hidden=8, weight_bits=2.5)
weight_bits: models.create("mlp", hidden=8, weight_bits="2")
activation_bits: models.create("mlp", hidden=8, activation_bits=None)

# quantize
bits: quantize.quantize_weights(Z, 0)
bits: quantize.quantize_weights(Z, None)
bits: quantize.quantize_weights(Z, 9)
weights: quantize.quantize_weights(Z.numpy(), 2)
weights: quantize.quantize_weights(None, 2)
bits: quantize.round_to_bits(P, 0)
bits: quantize.round_to_bits(P, 32)
bits: quantize.round_to_bits(P, None)
x: quantize.round_to_bits(P.numpy(), 2)
bits: quantize.QuantizedActivation(0)
model: quantize.quantize(nn.Linear(2, 2), weight_bits=2, activation_bits=2)
model: quantize.quantize(models.create("mlp", hidden=8, weight_bits=2, activation_bits=2),
  weight_bits=2, activation_bits=2)
model: quantize.pack(net())
model|packed: quantize.unpack(net(), {})
packed: quantize.unpack(models.create("mlp", hidden=8), {"3.codes": torch.zeros(8).byte()})

# transfer
fraction: Transfer(fraction=0)
fraction: Transfer(fraction=None)
fraction: Transfer(fraction="1")
fraction: Transfer(fraction=nan)
leave_out: Transfer(leave_out="bottom", share=0.1)
leave_out: Transfer(leave_out=None)
share: Transfer(leave_out="random", share=2)
share: Transfer(share=0.5)
share: Transfer(leave_out="random", share=None)
rest: Transfer(rest=True)
rest: Transfer(fraction=0.5, rest="yes")
hidden: Transfer(hidden="x")
labels: Transfer(labels="x")
unseen: Transfer(unseen=3)
unseen: Transfer(unseen=("3",))
unseen: Transfer(unseen=(-1,))
unseen: Transfer(unseen=(0, 1, 2)).apply(SPLIT, None, temperature=None, seed=0)
split: Transfer(fraction=0.5).apply(NOTHING, None, temperature=None, seed=0)
split: Transfer().apply(DIGITS, None, temperature=None, seed=0)
seed: Transfer(fraction=0.5).apply(SPLIT, None, temperature=None, seed=None)
teacher_logits: Transfer(hidden="flat", unseen=(1,)).apply(SPLIT, None, temperature=1.0, seed=0)
teacher_logits: Transfer().apply(SPLIT, Z, temperature=1.0, seed=0)
temperature: Transfer(unseen=(1,), leave_out="top", share=0.1).apply(
  SPLIT, TABLE, temperature=None, seed=0)

# specialists
number: specialists.Specialty(5, 3, 2)
count: specialists.covers(P, 1, 1)
count: specialists.covers(P, None, 1)
size: specialists.covers(P, 2, 9)
size: specialists.covers(P, 2, None)
way: specialists.covers(P, 2, 1, "guess")
probs: specialists.covers(P.numpy(), 2, 1)

# checkpoints
name: checkpoints.load("mnist/studnet")
name: checkpoints.load(None)
name: checkpoints.load("../outside", FOLDER)
name: checkpoints.load("/etc/passwd", FOLDER)
name: save(FOLDER, "student")
name: save(FOLDER, "../x")
architecture: save(FOLDER, architecture=("mlpp", {"hidden": 2}))
architecture: save(FOLDER, architecture=("mlp", {"hidden": 3}))
model: save(FOLDER, model="mlp")
model: save(FOLDER, model=poisoned(models.mlp(hidden=2)))
metadata: save(FOLDER, metadata={"x": object()})
check: save(FOLDER, check={"val": SPLIT.images})
model: save(FOLDER, packed=True)

# cost
image: cost.macs(net(), SPLIT.images)
image: cost.macs(net(), None)
repeats: cost.latency(net(), SPLIT.images, repeats=0)
repeats: cost.latency(net(), SPLIT.images, repeats=None)
warm_up: cost.latency(net(), SPLIT.images, warm_up=-1)

# experiments
experiment: records.read_runs("99_nothing")
experiment: records.read_runs(None)
dataset: records.read_runs(EXPERIMENT, dataset="mnits")
dataset: find_recipes(EXPERIMENT, "mnits")
test_erors: records.record({**row(), "test_erors": 3}, CSV)
seed: records.record({"experiment": EXPERIMENT, "run": "teacher"}, CSV)
seed: records.record({**row(), "seed": None}, CSV)
seed: records.record(row(seed=-1), CSV)
run: records.record({**row(), "run": "studnet"}, CSV)
test_errors: records.record(row(test_errors=-3), CSV)
test_errors: records.record(row(test_errors=99999), CSV)
test_nll: records.record(row(test_nll=nan), CSV)
extra: records.record(row(extra="{"), CSV)
run: records.at_shift(CURVES, "nothing", None)
choose: records.at_shift(CURVES, "x", "train")
method: Recipe("a", "kdd")
temperature: Recipe("a", "kd", Settings(1), teacher="mnist/teacher", alpha=0.5)
temperature: Recipe("a", "kd", Settings(1), teacher="mnist/teacher", alpha=0.5, temperature="4")
alpha: Recipe("a", "kd", Settings(1), teacher="mnist/teacher", alpha=50, temperature=4.0)
dataset: Recipe("a", "hard", Settings(1), dataset="mnits")
seeds: Recipe("a", "hard", Settings(1), seeds=0)
jitter: Recipe("a", "hard", Settings(1), jitter=-1)
pictures: Recipe("a", "hard", Settings(1), pictures="cats")
reports: Recipe("a", "hard", Settings(1), reports=("trian",))
training: Recipe("a", "hard")
name: runs.load_or_train("mnist/studnet")
experiment: reproduce.reproduce("99_nothing", folder=FOLDER)
runs: reproduce.reproduce(EXPERIMENT, runs=["studnet"], folder=FOLDER)
runs: reproduce.reproduce(EXPERIMENT, runs="teacher", folder=FOLDER)
seeds: reproduce.reproduce(EXPERIMENT, seeds=0, folder=FOLDER)
seeds: reproduce.reproduce(EXPERIMENT, seeds="3", folder=FOLDER)
workers: reproduce.reproduce(EXPERIMENT, workers=0, folder=FOLDER)
workers: reproduce.reproduce(EXPERIMENT, workers=None, folder=FOLDER)
backend: reproduce.reproduce(EXPERIMENT, backend="spark", folder=FOLDER)
dataset|name: reproduce.reproduce(EXPERIMENT, dataset="mnits", folder=FOLDER)
"""

# With each of BAD: logits, labels and a split that hold NaN, infinity or nothing at all.
NOT_NUMBERS = """
logits: metrics.errors(Z, Y)
logits: metrics.negative_log_likelihood(Z, Y)
logits: metrics.reliability(Z, Y)
logits: metrics.calibration_error(Z, Y)
logits: metrics.per_class(Z, Y)
logits: metrics.bias_curve(Z, Y, [0], [0.0])
logits: metrics.agreement(Z, GOOD)
teacher_logits: metrics.agreement(GOOD, Z)
logits: losses.soften(Z, 1.0)
logits|soft_targets: losses.soft_cross_entropy(GOOD, Z)
student_logits: losses.kd_loss(Z, GOOD, 1.0)
teacher_logits: losses.kd_loss(GOOD, Z, 1.0)
logits: losses.label_smoothing_loss(Z, Y, 0.1)
logits: losses.permute_others(Z)
split|images: training.evaluate(net(), SPLIT)
split|images: fit(split=SPLIT)
val: fit(val=SPLIT)
val: fit(val=SPLIT, early_stopping=True)
values: evidence.estimate(Z[:, 2].tolist())
part|whole: evidence.share(Z[:, 2].tolist(), Z[:, 1].tolist())
baseline|method: evidence.verdict(Z[:, 2].tolist(), GOOD[: len(Z), 0].tolist())
baseline|method: evidence.verdict(GOOD[: len(Z), 0].tolist(), Z[:, 2].tolist())
model|logits: training.evaluate(saying(Z), MATCHING)
"""

# What a teacher can be that the student must not learn from.
TEACHERS = """
teacher: fit(objective=kd(TABLE[:-1]))
teacher: fit(objective=kd(torch.cat([TABLE, TABLE])))
teacher: fit(objective=kd(TABLE[:40]))
teacher: fit(objective=kd(TABLE), augment=augment.flip)
teacher|teacher_logits: fit(objective=kd(TABLE[:, :2]))
teacher|teacher_logits: fit(objective=kd(TABLE * nan))
teacher: fit(objective=kd(TABLE.int()))
teacher|teacher_logits: fit(objective=kd(net(classes=4)))
teacher|teacher_logits: fit(objective=kd(poisoned(net())))
teacher: fit(pupil := net(), objective=kd(pupil))
teacher: fit(pupil := net(), objective=kd(teachers.Remembering(pupil)))
teacher: fit(pupil := net(), objective=kd(pupil), augment=augment.flip)
teacher: fit(pupil := net(), objective=homework.objective(homework.q2, pupil))
teacher: fit(pupil := net(), objective=homework.objective(homework.q3, pupil))
teacher: fit(objective=homework.objective(homework.q2, TABLE[:-1]))
teacher: fit(objective=homework.objective(homework.q3, TABLE), augment=augment.flip)
teacher: fit(pupil := twin(), objective=objectives.auxiliary(pupil), split=LARGE)
teacher: fit(objective=kd(TABLE), split=SPLIT.subset(torch.arange(40)))
split: fit(objective=objectives.ddgsd(HALF, augment.flip, temperature=1.0, alpha=0.5))
split: fit(objective=objectives.cs_kd(HALF, augment.flip, temperature=1.0, alpha=0.5))
split: fit(objective=objectives.PsKd(HALF, alpha=0.5))
"""


def wrong(rng: random.Random, count: int) -> Iterator[Case]:
    """Arguments of a wrong type, range or length, and names with a typo."""
    cases = list(_cases(CALLS, ""))
    yield from rng.sample(cases, min(count, len(cases)))


def not_numbers(rng: random.Random, count: int) -> Iterator[Case]:
    """NaN, infinity and nothing at all are no values, and the remedy is not a lower rate."""
    cases = [case for bad in BAD for case in _cases(NOT_NUMBERS, bad)]
    yield from rng.sample(cases, min(count, len(cases)))


def wrong_teachers(rng: random.Random, count: int) -> Iterator[Case]:
    """Logits that belong to other pictures, and a student that would teach itself."""
    cases = list(_cases(TEACHERS, ""))
    yield from rng.sample(cases, min(count, len(cases)))


def _cases(lines: str, bad: str) -> Iterator[Case]:
    for line in lines.replace("\n  ", " ").splitlines():
        if not line or line.startswith("#"):
            continue
        argument, call = line.split(": ", 1)
        says = rf"\b({argument})\b"
        if bad:
            says = rf"(?s)^(?!.*lower lr).*{says}"
        yield Case(f"{bad} {call}".strip(), partial(_do, call=call, bad=bad), says)


def _do(folder: Path, call: str, bad: str) -> bool:
    """Make the call; whatever it returns, it should not have."""
    names = {**_names(), **(BAD[bad]() if bad else {}), "FOLDER": folder / "inner"}
    names["CSV"] = folder / "mnist" / "runs.csv"
    names["FOLDER"].mkdir()
    with mock.patch.object(reproduce, "_attempt", _not_made):
        eval(call, {**globals(), **names})
    return False


def _not_made(job: jobs.Job, folder: Path) -> reproduce.Result:
    return reproduce.Result(job, None, "not made")


@lru_cache(maxsize=1)
def _names() -> dict:
    z = torch.tensor([[2.0, 1.0, 0.0], [0.5, 1.5, 0.0], [0.0, 1.0, 3.0], [1.0, 0.0, 0.0]])
    split, some = things.SPLIT, torch.arange
    sizes = {"run": ["x", "x", "z", "z"], "seed": [0, 1, 0, 1], "test_errors": [5, 6, 7, 8]}
    curves = {"run": ["x"], "seed": [0], "shift": [0.0], "val_errors": [1], "test_errors": [1]}
    return {
        **{"Z": z, "GOOD": z, "P": z.softmax(1), "Y": torch.tensor([0, 1, 2, 0])},
        **{"SPLIT": split, "HALF": split.subset(some(30)), "MATCHING": split.subset(some(4))},
        **{"NOTHING": split.subset(some(0)), "LARGE": things.DIGITS},
        **{"DIGITS": data.Dataset("dots", "made up", tuple("abc"), split, split, split)},
        **{"TABLE": training.predict_logits(things.net(3), split.images)},
        **{"net": things.net, "fit": things.fit, "save": things.save, "row": things.row},
        **{"HARD": things.HARD, "EXPERIMENT": things.EXPERIMENT},
        **{"CURVES": pd.DataFrame(curves), "RUNS": evidence.by_seed(pd.DataFrame(sizes))},
        **{"frozen": _frozen, "poisoned": _poisoned, "saying": _Saying, "kd": _kd},
        **{"twin": partial(models.create, "auxiliary-mlp", hidden=4)},
    }


def _frozen(model: nn.Module) -> nn.Module:
    return model.requires_grad_(False)


def _poisoned(model: nn.Module) -> nn.Module:
    with torch.no_grad():
        next(model.parameters()).view(-1)[0] = nan
    return model


def _kd(teacher: object) -> objectives.Objective:
    return objectives.distillation(teacher, temperature=2.0, alpha=0.5)


class _Saying(nn.Module):
    """Answers with the same logits, whatever it is shown."""

    def __init__(self, logits: torch.Tensor) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.logits


def _bad(value: float) -> dict:
    z = _names()["Z"].clone()
    z[1, 2] = value
    images = things.SPLIT.images.clone()
    images[5, 0, 2, 2] = value
    return {"Z": z, "SPLIT": Split(images, things.SPLIT.labels)}


def _empty() -> dict:
    names = _names()
    return {
        "Z": names["Z"][:0],
        "Y": names["Y"][:0],
        "SPLIT": names["NOTHING"],
    }


BAD = {"NaN": partial(_bad, nan), "infinite": partial(_bad, inf), "empty": _empty}
