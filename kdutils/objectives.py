"""One objective per method: ``objective(student, batch) -> scalar loss`` for ``training.fit``."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from kdutils import checks, losses
from kdutils.data import Batch, Split, check_split
from kdutils.data.augment import Augmentation
from kdutils.models.composites import WithAuxiliary
from kdutils.teachers import Teacher, ask, check_other

Objective = Callable[[nn.Module, Batch], Tensor]


def hard_labels() -> Objective:
    """Return the baseline's objective: cross-entropy with the labels."""
    return label_smoothing(0.0)


def label_smoothing(smoothing: float) -> Objective:
    """Return the teacher-free control: cross-entropy with smoothed labels.

    Args:
        smoothing: share of the uniform distribution, in [0, 1].

    Raises:
        ValueError: smoothing outside [0, 1].
    """
    checks.fraction("smoothing", smoothing)

    def objective(student: nn.Module, batch: Batch) -> Tensor:
        return losses.label_smoothing_loss(student(batch.images), batch.labels, smoothing)

    return objective


def distillation(
    teacher: Teacher,
    *,
    temperature: float,
    alpha: float,
    t_squared: bool = True,
    permuted: bool = False,
) -> Objective:
    """Return Hinton's objective, from a live teacher or from its cached logits.

    Args:
        teacher: a net, asked about the very images that the student sees; or its logits (N, C)
            on the split's plain images, for runs without augmentation; see
            :func:`teachers.ask`.
        temperature: T > 0.
        alpha: weight of the distillation term, in [0, 1]; 1 trains on soft targets only.
        t_squared: False leaves the factor T² out of the loss.
        permuted: the control that shuffles the teacher's logits of all classes but its first
            choice, anew for every sample and step; see :func:`losses.permute_others`.

    Raises:
        ValueError: temperature or alpha out of range, or a teacher of another type.

    Source: Hinton, Vinyals and Dean (2015), section 2; permuted: Furlanello et al. (2018),
    "dark knowledge with permuted predictions".
    """
    checks.temperature(temperature)
    checks.fraction("alpha", alpha)
    logits_of = ask(teacher)

    def objective(student: nn.Module, batch: Batch) -> Tensor:
        check_other(teacher, student)
        z_teacher = logits_of(batch)
        return losses.hard_and_soft_loss(
            student(batch.images),
            losses.permute_others(z_teacher) if permuted else z_teacher,
            batch.labels,
            temperature=temperature,
            alpha=alpha,
            t_squared=t_squared,
        )

    return objective


def auxiliary(teacher: WithAuxiliary, *, squared: bool = False) -> Objective:
    """Return subliminal learning's objective: the teacher's auxiliary outputs and nothing else.

    KL(softmax(a_t) || softmax(a_s)) at T = 1, or the mean over the batch of the squared distance
    between both, where a are the auxiliary outputs for the images that the student sees. No label
    and no logit of a class has a part in it.

    Args:
        teacher: put in eval mode and run without gradient.
        squared: the squared distance instead of the divergence; a single output has a
            softmax of 1 whatever it says, so that its divergence is always 0.

    Source: Cloud et al. (2025), arXiv 2507.14805, section 6.2, with the divergence.
    """

    checks.net("teacher", teacher, WithAuxiliary)

    def objective(student: WithAuxiliary, batch: Batch) -> Tensor:
        checks.net("student", student, WithAuxiliary)
        check_other(teacher, student)
        teacher.eval()
        with torch.no_grad():
            wanted = teacher.auxiliary(batch.images)
        said = student.auxiliary(batch.images)
        if squared:
            return (said.float() - wanted.float()).square().sum(1).mean()
        return losses.kd_loss(said, wanted, 1.0)

    return objective


def virtual_teacher(*, temperature: float, alpha: float, correct: float = 0.99) -> Objective:
    """Return Tf-KD_reg's objective: distillation from a teacher that nobody trained.

    The virtual teacher gives the label the probability ``correct`` and shares the rest evenly
    among the other classes; its logits are the logarithms.

    Args:
        temperature: T > 0. alpha: weight of the distillation term, in [0, 1].
        correct: probability of the label at T = 1, in (1 / C, 1).

    Raises:
        ValueError: an argument out of range.

    Deviations: we keep the factor T² and soften both sides; the authors' code multiplies by
    constants of its own and softens a probability as if it were a logit.

    Source: Yuan et al. (2020), arXiv 1909.11723, L_reg with the designed teacher p^d.
    """
    checks.temperature(temperature)
    checks.fraction("alpha", alpha)
    checks.number("correct", correct, 0, 1)

    def objective(student: nn.Module, batch: Batch) -> Tensor:
        logits = student(batch.images)
        return losses.hard_and_soft_loss(
            logits,
            losses.virtual_logits(batch.labels, logits.shape[1], correct),
            batch.labels,
            temperature=temperature,
            alpha=alpha,
        )

    return objective


def ddgsd(
    split: Split, augment: Augmentation, *, temperature: float, alpha: float, mmd: float = 5e-4
) -> Objective:
    """Return DDGSD's objective: two distortions of one image must be answered alike.

    mean of both CE + alpha / 2 * T² * (KL(p_1 || p_2) + KL(p_2 || p_1)) + mmd / 2 * MMD², where
    MMD is the distance between both batches' mean features. Costs two passes per step.

    Args:
        split: the training split, whose plain images the second distortion starts from.
        augment: draws a distortion; from torch's default generator here.
        temperature: T > 0. alpha: weight of the divergences, >= 0. mmd: that of MMD², >= 0.

    Raises:
        ValueError: an argument out of range.

    Deviations: half the paper's sum, so that a learning rate fits this and the other methods;
    each divergence moves its second argument only.

    Source: Xu and Liu (2019), AAAI, its cross-entropy, posterior and feature terms.
    """
    checks.temperature(temperature)
    checks.number("alpha", alpha, 0)
    checks.number("mmd", mmd, 0)
    check_split("split", split)
    checks.function("augment", augment)

    def objective(student: nn.Module, batch: Batch) -> Tensor:
        _check_same_split(split, batch)
        images = split.images[batch.ids.cpu()].to(batch.images.device)
        features = student[:-1](torch.cat([batch.images, augment(images, None)]))
        (f_1, f_2), (z_1, z_2) = features.chunk(2), student[-1](features).chunk(2)
        hard = losses.label_smoothing_loss(torch.cat([z_1, z_2]), batch.labels.repeat(2), 0.0)
        soft = losses.kd_loss(z_2, z_1, temperature) + losses.kd_loss(z_1, z_2, temperature)
        distance = (f_1.float().mean(0) - f_2.float().mean(0)).square().sum()
        return hard + alpha / 2 * soft + mmd / 2 * distance

    return objective


def _check_same_split(split: Split, batch: Batch) -> None:
    if batch.samples not in (0, len(split)):
        raise ValueError(
            f"split must be the one that is trained on, with {batch.samples} samples, "
            f"got {len(split)}"
        )


def cs_kd(split: Split, augment: Augmentation, *, temperature: float, alpha: float) -> Objective:
    """Return CS-KD's objective: two images of one class must be answered alike.

    CE(z(x), y) + alpha * T² * KL(softmax(z(x') / T) || softmax(z(x) / T)), with x' drawn at
    random from the images of class y; no gradient flows through x'.

    Args:
        split: the training split, to draw x' from.
        augment: what x' goes through, as x does.
        temperature: T > 0. alpha: weight of the divergence, >= 0.

    Raises:
        ValueError: an argument out of range.

    Source: Yun et al. (2020), arXiv 2003.13964, L_CS-KD with L_cls.
    """
    checks.temperature(temperature)
    checks.number("alpha", alpha, 0)
    check_split("split", split)
    checks.function("augment", augment)
    order = split.labels.cpu().argsort(stable=True)
    counts = torch.bincount(split.labels.cpu())
    first = counts.cumsum(0) - counts

    def objective(student: nn.Module, batch: Batch) -> Tensor:
        _check_same_split(split, batch)
        labels = batch.labels.cpu()
        lot = (torch.rand(len(labels)) * counts[labels]).long()
        images = split.images[order[first[labels] + lot]].to(batch.images.device)
        with torch.no_grad():
            z_other = student(augment(images, None))
        logits = student(batch.images)
        hard = losses.label_smoothing_loss(logits, batch.labels, 0.0)
        return hard + alpha * losses.kd_loss(logits, z_other, temperature)

    return objective


class PsKd(nn.Module):
    """PS-KD's objective: the label, and ever more of what the net said an epoch ago.

    CE(z, (1 - a) * label + a * softmax(z'')), where z'' are the logits for the same image in the
    epoch before, shifted and mirrored as it was then; no gradient flows through them. a grows in a
    straight line from 0 to ``alpha`` at the end of training. What was said is a buffer of the
    module, so every run needs a new one; a picture that was not yet shown has its label there.

    Args:
        split: the training split, N samples of C classes.
        alpha: weight of the net's own past answers at the end, in [0, 1]; .8 in the paper.

    Raises:
        ValueError: alpha out of range, or another split in training.

    Deviation: a grows with every step; the authors' stays as it is for an epoch.

    Source: Kim et al. (2020), "Self-Knowledge Distillation with Progressive Refinement of
    Targets", arXiv 2006.12000.
    """

    def __init__(self, split: Split, *, alpha: float) -> None:
        super().__init__()
        checks.fraction("alpha", alpha)
        check_split("split", split)
        self.split, self.alpha = split, alpha
        self.register_buffer("past", nn.functional.one_hot(split.labels).float())

    def forward(self, student: nn.Module, batch: Batch) -> Tensor:
        _check_same_split(self.split, batch)
        share = self.alpha * batch.progress
        labels = nn.functional.one_hot(batch.labels, self.past.shape[1])
        logits = student(batch.images)
        loss = losses.soft_cross_entropy(
            logits, (1 - share) * labels + share * self.past[batch.ids]
        )
        self.past[batch.ids] = logits.detach().float().softmax(1)
        return loss

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}"


# Share of the training over which the confidence term of weak-to-strong grows to its weight.
WARM_UP = 0.2


def confident(teacher: Teacher, *, alpha: float) -> Objective:
    """Return weak-to-strong's objective: a weak teacher's answers, and the student's own.

    (1 - a) * CE(z, softmax(z_teacher)) + a * CE(z, argmax z), with no label: where the student is
    sure of another class than its teacher, it may keep to it. a grows in a straight line from 0
    to ``alpha`` over the first fifth of the training.

    Args:
        teacher: see :func:`distillation`.
        alpha: weight of the student's own first choice, in [0, 1]; .5 or .75 in the paper.

    Raises:
        ValueError: alpha out of range, or a teacher of another type.

    Deviation: the first choice is taken as it is; the paper, for two classes, moves the
    threshold so that each is chosen for half of the batch.

    Source: Burns et al. (2023), "Weak-to-Strong Generalization", arXiv 2312.09390, the auxiliary
    confidence loss.
    """
    checks.fraction("alpha", alpha)
    logits_of = ask(teacher)

    def objective(student: nn.Module, batch: Batch) -> Tensor:
        check_other(teacher, student)
        share = alpha * min(batch.progress / WARM_UP, 1.0)
        logits = student(batch.images)
        weak = losses.soft_cross_entropy(logits, losses.soften(logits_of(batch), 1.0))
        own = losses.label_smoothing_loss(logits, logits.detach().argmax(1), 0.0)
        return (1 - share) * weak + share * own

    return objective


def byot(*, temperature: float, alpha: float, hint: float = 1e-6) -> Objective:
    """Return BYOT's objective: a net's last exit teaches its earlier ones.

    CE of the last exit, and for each earlier one (1 - alpha) * CE + alpha * T² * KL(last || it)
    + hint * the squared distance of its features from the last one's, averaged over the batch.

    Args:
        temperature: T > 0. alpha: weight of the distillation term, in [0, 1].
        hint: weight of the features' distance, >= 0.

    Raises:
        ValueError: an argument out of range.

    Deviations: the factor T² is kept; features are compared after pooling.

    Source: Zhang et al. (2019), "Be Your Own Teacher", arXiv 1905.08094, its three losses.
    """
    checks.temperature(temperature)
    checks.fraction("alpha", alpha)
    checks.number("hint", hint, 0)

    def objective(student: nn.Module, batch: Batch) -> Tensor:
        if not hasattr(student, "all_exits"):
            raise ValueError(f"student must be a MultiExit net, got {type(student).__name__}")
        exits = student.all_exits(batch.images)
        last_features, last = exits[-1]
        loss = losses.label_smoothing_loss(last, batch.labels, 0.0)
        for features, logits in exits[:-1]:
            loss = loss + losses.hard_and_soft_loss(
                logits, last, batch.labels, temperature=temperature, alpha=alpha
            )
            distance = (features.float() - last_features.detach().float()).square().sum(1).mean()
            loss = loss + hint * distance
        return loss

    return objective
