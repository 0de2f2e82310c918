"""Specialists: whom a generalist confuses, who learns to tell them apart, one answer from all.

Source: Hinton, Vinyals and Dean (2015), section 5.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from kdutils import checks
from kdutils.data.splits import Split

WAYS = ("k-means", "spectral", "random")


@dataclass(frozen=True)
class Specialty:
    """Which of the sets that :func:`covers` finds is a specialist's own.

    Attributes:
        number: of the set, from 0.
        count, size, way: as for :func:`covers`.

    Raises:
        ValueError: a number that is not below ``count``.
    """

    number: int
    count: int
    size: int
    way: str = WAYS[0]

    def __post_init__(self) -> None:
        if not 0 <= self.number < self.count:
            raise ValueError(f"number must be 0 to {self.count - 1}, got {self.number}")


def clusters(probs: Tensor, count: int, way: str = "k-means", seed: int = 0) -> list[Tensor]:
    """Sort the classes into disjoint clusters of those that are often predicted together.

    No label is needed: two classes belong together where the generalist gives both of them
    probability on the same pictures, so where their columns of the covariance matrix are alike.

    Args:
        probs: (N, C), the generalist's predictions.
        count: number of clusters, 2 to C.
        way: ``k-means`` on the columns, each scaled to length 1; ``spectral`` clustering of the
            graph whose edges are the mean products of two classes' probabilities.
        seed: of where k-means begins.

    Returns:
        ``count`` tensors of classes, int64, ascending; they differ much in size.

    Raises:
        ValueError: an unknown way or a count out of range.
    """
    from sklearn.cluster import KMeans, SpectralClustering  # 1 s: only where it is asked for

    checks.number("count", count, 2, checks.logits("probs", probs).shape[1], whole=True)
    checks.one_of("way", way, ("k-means", "spectral"))
    if way == "k-means":
        labels = KMeans(count, n_init=3, random_state=seed).fit_predict(_columns(probs).numpy())
    else:
        shared = (probs.T @ probs / len(probs)).fill_diagonal_(0)
        spectral = SpectralClustering(count, affinity="precomputed", random_state=seed)
        labels = spectral.fit_predict(shared.numpy())
    labels = torch.from_numpy(labels)
    return [(labels == number).nonzero().flatten() for number in range(count)]


def covers(probs: Tensor, count: int, size: int, way: str = "k-means", seed: int = 0) -> Tensor:
    """Give each specialist the classes that lie nearest to the centre of its cluster.

    So all have the same number of classes, a class may have several specialists or none, and
    what two specialists share are the classes between their clusters.

    Args:
        probs: (N, C), the generalist's predictions.
        count: number of specialists, 2 to C.
        size: classes of each, 1 to C - 1.
        way: how the clusters are found, see :func:`clusters`; ``random``: the sets of
            ``k-means`` with the classes exchanged by lot, so with the same overlaps.
        seed: of k-means and of the lot.

    Returns:
        (count, size) int64, the nearest class first.

    Raises:
        ValueError: an unknown way, a count or a size out of range.
    """
    classes = checks.logits("probs", probs).shape[1]
    checks.one_of("way", way, WAYS)
    checks.number("size", size, 1, classes - 1, whole=True)
    columns = _columns(probs)
    found = clusters(probs, count, "spectral" if way == "spectral" else "k-means", seed)
    centres = F.normalize(torch.stack([columns[members].mean(0) for members in found]))
    nearest = (centres @ columns.T).topk(size).indices
    if way == "random":
        return torch.randperm(classes, generator=torch.Generator().manual_seed(seed))[nearest]
    return nearest


def _columns(probs: Tensor) -> Tensor:
    """Return the columns of the covariance matrix of the predictions, each of length 1."""
    return F.normalize(torch.cov(probs.T))


def oversampling(classes: int, size: int) -> float:
    """Return how many times too often a specialist meets its own classes, against the others.

    Half of what it learns from is of its own ``size`` classes, half of the other ones.

    >>> oversampling(1212, 60)
    19.2
    """
    return (classes - size) / size


def own_labels(labels: Tensor, classes: Tensor) -> Tensor:
    """Return each label as the specialist for ``classes`` (S,) has it; S is the dustbin.

    >>> own_labels(torch.tensor([7, 5, 3]), torch.tensor([3, 7])).tolist()
    [1, 2, 0]
    """
    matches = labels[:, None] == classes
    return torch.where(matches.any(1), matches.int().argmax(1), len(classes))


def enriched(split: Split, classes: Tensor, seed: int) -> Split:
    """Return what a specialist learns from: half its own classes, half drawn from the rest.

    Args:
        split: all N samples.
        classes: (S,) int64, the specialist's own.
        seed: of the draw.

    Returns:
        Every sample of its own classes and as many others, labelled 0 to S - 1 and S.
    """
    labels = own_labels(split.labels, classes)
    rest = (labels == len(classes)).nonzero().flatten()
    own = (labels < len(classes)).nonzero().flatten()
    drawn = torch.randperm(len(rest), generator=torch.Generator().manual_seed(seed))[: len(own)]
    rows = torch.cat([own, rest[drawn]])
    return Split(split.images[rows], labels[rows])


def only_own(split: Split, classes: Tensor) -> Split:
    """Return the samples of the specialist's own classes (S,), labelled 0 to S - 1."""
    labels = own_labels(split.labels, classes)
    rows = (labels < len(classes)).nonzero().flatten()
    return Split(split.images[rows], labels[rows])


def narrowed(logits: Tensor, classes: Tensor) -> Tensor:
    """Return a generalist's logits (N, C) as answers of a specialist, (N, S + 1).

    The dustbin has the joint weight of all other classes, so that at T = 1 each probability is
    what it was. Trained as in :func:`enriched`, a specialist meets them less often than they
    are; the logarithm of :func:`oversampling` is therefore taken off.
    """
    others = torch.ones(logits.shape[1], dtype=torch.bool, device=logits.device)
    others[classes] = False
    rest = logits[:, others].logsumexp(1, keepdim=True)
    return torch.cat(
        [logits[:, classes], rest - math.log(oversampling(logits.shape[1], len(classes)))], 1
    )


def reconcile(
    general: Tensor,
    answers: list[Tensor],
    classes: list[Tensor],
    *,
    tolerance: float = 1e-6,
    max_steps: int = 10_000,
) -> Tensor:
    r"""Find the one distribution that lies nearest to a generalist's and its specialists'.

    $q = \arg\min_q \mathrm{KL}(p_g\|q) + \sum_m \mathrm{KL}(p_m\|q)$, where the dustbin of
    specialist m stands against the sum of q over all classes that are not its own.

    The paper follows the gradient of the logits of q, which is (1 + M) q minus
    $p_g + \sum_m p_m$, with each dustbin shared among its classes as q shares them. Each step
    here sets q to where that would be zero (expectation maximization, Dempster et al., 1977):
    the sum of divergences never grows, and for one specialist a single step is exact. Classes
    that belong to the same specialists keep their proportions, so it is enough to do this with
    their sums.

    Args:
        general: (N, C) probabilities p_g.
        answers: for each of M specialists (N, S + 1) probabilities p_m, the dustbin last.
        classes: the classes of each, (S,) int64.
        tolerance: it ends when no sum of q moves by more than this in a step.
        max_steps: or after so many steps.

    Returns:
        (N, C) probabilities q; ``general`` without a specialist.

    Source: Hinton, Vinyals and Dean (2015), equation 5.
    """
    if not answers:
        return general
    inside = torch.zeros(len(classes), general.shape[1], dtype=torch.bool)
    weight = general.clone()
    for row, own, answer in zip(inside, classes, answers, strict=True):
        row[own] = True
        weight[:, own] += answer[:, :-1]
    dustbin = torch.stack([answer[:, -1] for answer in answers], 1)  # (N, M)
    groups, group = inside.unique(dim=1, return_inverse=True)  # of the same specialists
    outside = (~groups).to(general.dtype)  # (M, G)
    weights = torch.zeros(len(general), groups.shape[1], dtype=general.dtype)
    weights.index_add_(1, group, weight).clamp_min_(torch.finfo(general.dtype).tiny)
    q = weights / weights.sum(1, keepdim=True)
    for _ in range(max_steps):
        last = q
        q = (weights + q * ((dustbin / (q @ outside.T)) @ outside)) / (1 + len(answers))
        if (q - last).abs().max() < tolerance:
            break
    return weight * (q / weights)[:, group]


def multiplied(general: Tensor, answers: list[Tensor], classes: list[Tensor]) -> Tensor:
    """Return the crude product: what a specialist says of a class, times what the others say.

    Each specialist's dustbin is shared among its classes as the generalist shares them; then
    all M + 1 distributions are multiplied and scaled to sum 1. The minimum of the reversed
    divergences, KL(q || p), is their geometric mean, so this but for a root.

    Args and returns as :func:`reconcile`.
    """
    log = general.clamp_min(torch.finfo(general.dtype).tiny).log()
    total = log.clone()
    for own, answer in zip(classes, answers, strict=True):
        answer = answer.clamp_min(torch.finfo(general.dtype).tiny).log()
        rest = log.clone()
        rest[:, own] = -math.inf
        said = log + answer[:, -1:] - rest.logsumexp(1, keepdim=True)
        said[:, own] = answer[:, :-1]
        total += said
    return total.softmax(1)
