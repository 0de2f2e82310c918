from itertools import pairwise

import pytest
import torch

from kdutils import models, specialists
from kdutils.data import Split
from kdutils.models.composites import Specialist, WithSpecialists


@pytest.fixture
def confused():
    """Predictions for 600 pictures of 12 classes, each confused with the others of its four."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(12).repeat(50)
    logits = torch.randn(600, 12, generator=generator)
    logits[labels[:, None] // 4 == torch.arange(12) // 4] += 4
    return logits.softmax(1)


@pytest.mark.parametrize("way", ["k-means", "spectral"])
def test_clusters_are_the_classes_that_are_predicted_together(confused, way):
    found = {tuple(c.tolist()) for c in specialists.clusters(confused, 3, way)}
    assert found == {(0, 1, 2, 3), (4, 5, 6, 7), (8, 9, 10, 11)}


def test_covers_have_one_size_overlap_and_begin_with_the_nearest(confused):
    found = specialists.covers(confused, 3, 6)
    assert found.shape == (3, 6) and found.dtype == torch.int64
    assert {tuple(sorted(row[:4].tolist())) for row in found} == {
        (0, 1, 2, 3),
        (4, 5, 6, 7),
        (8, 9, 10, 11),
    }
    assert torch.equal(found, specialists.covers(confused, 3, 6))


def test_random_covers_overlap_as_the_others_do(confused):
    def overlaps(covers):
        sets = [set(row.tolist()) for row in covers]
        return [[len(a & b) for b in sets] for a in sets]

    real = specialists.covers(confused, 3, 6, seed=1)
    drawn = specialists.covers(confused, 3, 6, "random", seed=1)
    assert overlaps(real) == overlaps(drawn) and not torch.equal(real, drawn)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1, 4), "count must be in .2, 12., got 1"),
        ((3, 12), "size must be in .1, 11., got 12"),
        ((3, 4, "guess"), "way must be one of .*, got 'guess'"),
    ],
)
def test_covers_refuse(confused, arguments, message):
    with pytest.raises(ValueError, match=message):
        specialists.covers(confused, *arguments)


def test_clusters_refuse_another_way(confused):
    with pytest.raises(ValueError, match=r"way must be one of .*got 'random'"):
        specialists.clusters(confused, 3, "random")


def test_a_specialty_is_one_of_those_there_are():
    with pytest.raises(ValueError, match="number must be 0 to 2, got 3"):
        specialists.Specialty(3, 3, 4)


def test_half_of_what_a_specialist_learns_from_is_its_own():
    labels = torch.arange(10).repeat_interleave(20)
    split = Split(labels.view(-1, 1, 1, 1).to(torch.uint8), labels)
    classes = torch.tensor([7, 2])
    shown = specialists.enriched(split, classes, seed=0)
    assert shown.labels.bincount().tolist() == [20, 20, 40]
    values = shown.images.flatten().long()
    assert (values[shown.labels == 0] == 7).all() and (values[shown.labels == 1] == 2).all()
    assert not torch.isin(values[shown.labels == 2], classes).any()
    other = specialists.enriched(split, classes, seed=1)
    assert not torch.equal(shown.images, other.images)
    own = specialists.only_own(split, classes)
    assert own.labels.bincount().tolist() == [20, 20]
    assert specialists.oversampling(10, 2) == 4.0


def test_a_generalist_s_answer_is_narrowed_without_changing_a_probability():
    logits = torch.randn(5, 10, generator=torch.Generator().manual_seed(0)).double()
    classes = torch.tensor([7, 2])
    narrow = specialists.narrowed(logits, classes)
    narrow[:, -1] += torch.tensor(specialists.oversampling(10, 2)).log()  # as after training
    probs, whole = narrow.softmax(1), logits.softmax(1)
    torch.testing.assert_close(probs[:, :2], whole[:, classes])
    torch.testing.assert_close(probs[:, 2], 1 - whole[:, classes].sum(1))


# ---- one answer from all


def test_one_specialist_is_reconciled_in_closed_form():
    general = torch.tensor([[0.4, 0.3, 0.2, 0.1]], dtype=torch.float64)
    answer = torch.tensor([[0.1, 0.5, 0.4]], dtype=torch.float64)
    q = specialists.reconcile(general, [answer], [torch.tensor([0, 1])])
    # Inside the mean of both; outside the mean of 0.3 and 0.4, shared as 2 to 1.
    expected = torch.tensor([[0.25, 0.4, 0.35 * 2 / 3, 0.35 / 3]], dtype=torch.float64)
    torch.testing.assert_close(q, expected)
    torch.testing.assert_close(specialists.reconcile(general, [], []), general)


@pytest.fixture
def opinions():
    generator = torch.Generator().manual_seed(1)
    general = torch.randn(20, 9, generator=generator).double().softmax(1)
    classes = [torch.tensor(c) for c in ([0, 1, 2, 3], [2, 3, 4, 5], [0, 3, 7, 8])]
    answers = [torch.randn(20, 5, generator=generator).double().softmax(1) for _ in classes]
    return general, answers, classes


def divergences(logits, general, answers, classes):
    """The paper's equation 5, but for constants, per picture."""
    q = logits.softmax(1)
    total = -(general * q.log()).sum(1)
    for own, answer in zip(classes, answers, strict=True):
        rest = 1 - q[:, own].sum(1)
        total = total - (answer[:, :-1] * q[:, own].log()).sum(1) - answer[:, -1] * rest.log()
    return total


def test_what_is_reconciled_has_no_gradient_left_and_is_a_minimum(opinions):
    q = specialists.reconcile(*opinions, tolerance=1e-10)
    torch.testing.assert_close(q.sum(1), torch.ones(20, dtype=torch.float64))
    logits = q.log().requires_grad_()
    found = divergences(logits, *opinions)
    (gradient,) = torch.autograd.grad(found.sum(), logits)
    assert gradient.abs().max() < 1e-7
    for seed in range(3):
        step = torch.randn(q.shape, generator=torch.Generator().manual_seed(seed)) / 10
        assert (divergences(logits + step, *opinions) > found).all()


def test_more_steps_never_make_it_worse(opinions):
    totals = [
        divergences(specialists.reconcile(*opinions, max_steps=n).log(), *opinions)
        for n in (1, 2, 4, 8)
    ]
    for before, after in pairwise(totals):
        assert (after <= before + 1e-12).all()


def test_the_product_is_that_of_the_probabilities():
    general = torch.tensor([[0.4, 0.3, 0.2, 0.1]], dtype=torch.float64)
    answer = torch.tensor([[0.1, 0.5, 0.4]], dtype=torch.float64)
    q = specialists.multiplied(general, [answer], [torch.tensor([0, 1])])
    expected = torch.tensor([[0.04, 0.15, 0.2 * 0.4 * 2 / 3, 0.1 * 0.4 / 3]], dtype=torch.float64)
    torch.testing.assert_close(q, expected / expected.sum())


# ---- as nets


@pytest.fixture
def generalist():
    torch.manual_seed(0)
    return models.create("letters-mlp", hidden=8, bottleneck=6, classes=10).eval()


PICTURES = torch.randint(
    0, 256, (50, 1, 24, 24), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
)


def test_a_specialist_starts_as_the_generalist(generalist):
    classes = torch.tensor([3, 8, 1])
    net = Specialist.of(generalist, classes)
    logits = net(PICTURES)
    assert logits.shape == (50, 4)
    torch.testing.assert_close(logits[:, :3], generalist(PICTURES)[:, classes])
    with torch.no_grad():
        net.net[2].weight.zero_()  # its weights are its own
    assert generalist[2].weight.abs().sum() > 0
    with pytest.raises(ValueError, match="net must have 3 outputs, got 4"):
        Specialist(net.net, torch.tensor([0, 1]))


def test_only_the_specialists_of_the_first_choice_are_asked(generalist):
    first = generalist(PICTURES).argmax(1)
    often = int(first.mode().values)
    other = next(c for c in range(10) if c not in first.tolist())
    asked = Specialist.of(generalist, torch.tensor([often, other]))
    never = Specialist.of(generalist, torch.tensor([other]))
    together = WithSpecialists(generalist, [asked, never])
    general, q = generalist(PICTURES).softmax(1), together(PICTURES).exp()
    torch.testing.assert_close(q.sum(1), torch.ones(50))
    torch.testing.assert_close(q[first != often], general[first != often])
    rows = first == often
    answer = asked(PICTURES[rows])
    answer[:, -1] += torch.tensor(specialists.oversampling(10, 2)).log()
    expected = specialists.reconcile(general[rows], [answer.softmax(1)], [asked.classes])
    torch.testing.assert_close(q[rows], expected)


def test_the_dustbin_is_raised_only_if_it_is_to_be(generalist):
    nets = [Specialist.of(generalist, torch.tensor([c, (c + 1) % 10])) for c in range(0, 10, 2)]
    raised, as_it_is = (WithSpecialists(generalist, nets, corrected=c) for c in (True, False))
    first = generalist(PICTURES).argmax(1)
    inside = torch.stack([first, first + 1 - 2 * (first % 2)], 1)
    more, less = (net(PICTURES).exp().gather(1, inside).sum(1) for net in (as_it_is, raised))
    assert (more > less).all()


def test_what_is_saved_comes_back_with_its_classes(generalist):
    nets = [Specialist.of(generalist, torch.tensor([5, 2])) for _ in range(2)]
    together = WithSpecialists(generalist, nets)
    size = {"of": "letters-mlp", "hidden": 8, "bottleneck": 6}
    empty = models.create("with-specialists", count=2, own=2, total=10, **size)
    empty.load_state_dict(together.state_dict())
    torch.testing.assert_close(empty.eval()(PICTURES), together(PICTURES))
    assert empty.specialists[1].classes.tolist() == [5, 2]


def test_nets_of_nothing_or_by_another_rule_are_refused(generalist):
    with pytest.raises(ValueError, match="nets must hold at least one specialist"):
        WithSpecialists(generalist, [])
    net = Specialist.of(generalist, torch.tensor([1]))
    with pytest.raises(ValueError, match=r"rule must be one of .*, got 'vote'"):
        WithSpecialists(generalist, [net], rule="vote")
