import pytest
import torch

from kdutils.data import Split
from kdutils.losses import soften
from kdutils.transfer import Transfer, carried

LABELS = torch.arange(400) % 4
SPLIT = Split(torch.arange(400).view(-1, 1, 1, 1), LABELS)
LOGITS = torch.randn(400, 4, generator=torch.Generator().manual_seed(0)) * 5


def apply(transfer, logits=LOGITS, seed=0):
    return transfer.apply(SPLIT, logits, temperature=20.0, seed=seed)


def test_unseen_classes_are_gone_and_each_sample_keeps_its_own_logits():
    split, logits = apply(Transfer(unseen=(1, 3)))
    assert set(split.labels.tolist()) == {0, 2} and len(split) == 200
    torch.testing.assert_close(logits, LOGITS[split.images.flatten()])


def test_without_a_teacher_the_samples_are_the_same():
    split, logits = apply(Transfer(unseen=(3,)), logits=None)
    assert logits is None and torch.equal(split.labels, apply(Transfer(unseen=(3,)))[0].labels)


def test_a_fraction_is_drawn_anew_per_seed_with_as_many_of_each_class():
    few = Transfer(fraction=0.1)
    draws = [apply(few, seed=seed) for seed in (0, 0, 1)]
    assert [torch.bincount(split.labels).tolist() for split, _ in draws] == 3 * [[10] * 4]
    ids = [split.images.flatten() for split, _ in draws]
    assert torch.equal(ids[0], ids[1]) and not torch.equal(ids[0], ids[2])
    torch.testing.assert_close(draws[2][1], LOGITS[ids[2]])
    without_teacher = apply(few, logits=None)[0]
    assert torch.equal(without_teacher.images.flatten(), ids[0])


def test_the_rest_is_what_a_fraction_of_the_same_seed_leaves_out():
    drawn, _ = apply(Transfer(fraction=0.25), seed=3)
    rest, logits = apply(Transfer(fraction=0.25, rest=True), seed=3)
    ids = rest.images.flatten()
    assert sorted([*drawn.images.flatten().tolist(), *ids.tolist()]) == list(range(400))
    torch.testing.assert_close(logits, LOGITS[ids])


def test_a_fraction_takes_one_of_each_class_at_least_and_all_as_they_are():
    assert apply(Transfer(fraction=0.001))[0].labels.sort().values.tolist() == [0, 1, 2, 3]
    assert torch.equal(apply(Transfer())[0].images, SPLIT.images)


def test_top_leaves_out_those_that_speak_most_of_the_unseen_class():
    split, logits = apply(Transfer(unseen=(3,), leave_out="top", share=0.25))
    assert len(split) == 225
    kept = carried(logits, (3,), 20.0)
    everyone = carried(LOGITS[LABELS != 3], (3,), 20.0)
    torch.testing.assert_close(kept.max(), everyone.sort().values[224])
    torch.testing.assert_close(logits, LOGITS[split.images.flatten()])


def test_random_leaves_out_as_many_by_the_lot_of_the_seed():
    random = Transfer(unseen=(3,), leave_out="random", share=0.25)
    ids = [apply(random, seed=seed)[0].images.flatten() for seed in (0, 0, 1)]
    assert len(ids[0]) == 225 and torch.equal(ids[0], ids[1]) and not torch.equal(ids[0], ids[2])


def test_flat_hides_the_unseen_logit_and_nothing_else():
    split, logits = apply(Transfer(unseen=(3,), hidden="flat"))
    before = LOGITS[split.images.flatten()]
    assert logits[:, 3].unique().numel() == 1
    torch.testing.assert_close(logits[0, 3], before[:, 3].mean())
    assert torch.equal(logits[:, :3], before[:, :3])


def test_shuffled_keeps_what_each_label_says_and_loses_what_each_sample_says():
    split, logits = apply(Transfer(unseen=(3,), hidden="shuffled"))
    before = LOGITS[split.images.flatten()]
    for label in range(3):
        mine = split.labels == label
        assert torch.equal(logits[mine, 3].sort().values, before[mine, 3].sort().values)
    assert (logits[:, 3] != before[:, 3]).float().mean() > 0.9
    assert torch.equal(logits[:, :3], before[:, :3])


def test_the_split_s_own_logits_are_left_alone():
    before = LOGITS.clone()
    apply(Transfer(unseen=(3,), hidden="flat"))
    assert torch.equal(LOGITS, before)


def test_carried_is_the_soft_target_s_share():
    torch.testing.assert_close(
        carried(LOGITS, (1, 3), 4.0), soften(LOGITS, 4.0)[:, 1] + soften(LOGITS, 4.0)[:, 3]
    )


def test_shuffled_labels_are_as_many_of_each_and_next_labels_go_round():
    mixed, logits = apply(Transfer(labels="shuffled"))
    assert torch.equal(mixed.images, SPLIT.images) and torch.equal(logits, LOGITS)
    assert torch.equal(mixed.labels.bincount(), LABELS.bincount())
    assert 0.15 < (mixed.labels == LABELS).float().mean() < 0.35
    assert not torch.equal(apply(Transfer(labels="shuffled"), seed=1)[0].labels, mixed.labels)
    assert apply(Transfer(labels="next"))[0].labels[:5].tolist() == [1, 2, 3, 0, 1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"leave_out": "best", "share": 0.1}, "leave_out must be one of"),
        ({"hidden": "blank"}, "hidden must be one of"),
        ({"labels": "none"}, "labels must be one of"),
        ({"leave_out": "top"}, "share must be in"),
        ({"share": 0.1}, "share must be in"),
        ({"leave_out": "top", "share": 1.0}, "share must be in"),
        ({"fraction": 0.0}, "fraction must be > 0 and <= 1, got 0.0"),
        ({"rest": True}, "fraction must be below 1 with rest, got 1.0"),
        ({"fraction": 0.5, "rest": 2}, "rest must be one of"),
        ({"fraction": 1.5}, "fraction must be > 0 and <= 1, got 1.5"),
    ],
)
def test_bad_choices_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Transfer(unseen=(3,), **options)


@pytest.mark.parametrize(
    ("transfer", "logits"),
    [
        (Transfer(unseen=(3,), hidden="flat"), None),
        (Transfer(unseen=(3,), leave_out="top", share=0.5), None),
        (Transfer(unseen=(3,)), LOGITS[:10]),
    ],
)
def test_missing_logits_are_refused(transfer, logits):
    with pytest.raises(ValueError, match="teacher_logits must hold 400 rows, got"):
        apply(transfer, logits)
