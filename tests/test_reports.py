import json

import pytest
import torch

from kdutils import metrics, models
from kdutils.data import Dataset, Split, embedded_digits
from kdutils.experiments import reports
from kdutils.models import composites
from kdutils.snapshots import History
from kdutils.training import predict_logits


@pytest.fixture(scope="module")
def measured():
    torch.manual_seed(0)
    split = Split(torch.randint(0, 256, (60, 3, 32, 32), dtype=torch.uint8), torch.arange(60) % 10)
    net = models.create("resnet-exits", depth=8)
    logits = predict_logits(net, split.images)
    dataset = Dataset("", "", tuple("0123456789"), split, split, split)
    history = History(loss=[2.0, 1.0], val_errors=[None, 5], train_errors=[None, 3])
    return reports.Measured(net, split, logits, net, dataset, history, lambda: net)


@pytest.mark.parametrize("name", reports.REPORTS)
def test_every_report_can_be_written_as_json(measured, name):
    if name == "hesitant":  # asks about digits, not about colour pictures
        measured = measured._replace(student=models.create("mlp", hidden=8))
    if name == "held_out_face":
        measured = measured._replace(student=models.create("letters-mlp", hidden=4, bottleneck=2))
    if name == "specialists":
        measured = with_specialists(measured)
    if name in ("linear_reader", "swapped_heads", "displacement"):
        measured = with_auxiliary(measured)
    if name in ("members_agree", "first_members", "diversity", "hesitant"):
        measured = measured._replace(student=composites.Ensemble(2 * [measured.student]))
    assert json.loads(json.dumps(reports.REPORTS[name](measured))) is not None


def with_auxiliary(measured):
    """A teacher that is its start plus one and a student that went half of that way."""
    start, teacher, student = (models.create("auxiliary-mlp", hidden=8) for _ in range(3))
    for net, step in ((teacher, 1.0), (student, 0.5)):
        net.load_state_dict({name: w + step for name, w in start.state_dict().items()})
    digits = embedded_digits()
    split = digits.subset(torch.arange(0, 5000, 20))
    logits = predict_logits(student, split.images)
    dataset = Dataset("", "", tuple("0123456789"), digits, split, split)
    return reports.Measured(student, split, logits, teacher, dataset, History(), lambda: start)


def test_displacement_is_relative_to_the_start_and_has_an_angle(measured):
    measured = with_auxiliary(measured)
    found = reports.REPORTS["displacement"](measured)
    layers = ("trunk.first", "trunk.second", "class_head", "auxiliary_head", "all")
    assert tuple(found) == layers
    for layer in found.values():
        assert layer["cosine"] == pytest.approx(1, abs=1e-4)
        assert layer["teacher"] == pytest.approx(2 * layer["student"], rel=1e-3)
    weights = torch.cat([w.detach().flatten() for w in measured.start().parameters()])
    assert found["all"]["teacher"] == pytest.approx(
        (len(weights) ** 0.5 / weights.norm()).item(), rel=1e-3
    )


def test_a_linear_reader_finds_digits_behind_a_head_that_does_not(measured):
    torch.manual_seed(0)
    net = models.create("auxiliary-mlp", hidden=64)
    asked = with_auxiliary(measured)._replace(student=net)
    wrong = metrics.errors(predict_logits(net, asked.split.images), asked.split.labels)
    found = reports.REPORTS["linear_reader"](asked)
    assert found["val"] == found["test"] < 0.3 * len(asked.split) < 0.7 * len(asked.split) < wrong


def test_heads_are_swapped_between_student_and_teacher(measured):
    measured = with_auxiliary(measured)
    twin = measured._replace(teacher=measured.student)
    wrong = metrics.errors(measured.logits, measured.split.labels)
    found = reports.REPORTS["swapped_heads"](twin)
    assert found == {"student_trunk": wrong, "student_head": wrong}
    teacher = measured.teacher
    torch.nn.init.zeros_(teacher.class_head.weight)
    teacher.class_head.bias.data = 5 * torch.eye(10)[3]
    says_three = int((measured.split.labels != 3).sum())
    assert reports.REPORTS["swapped_heads"](measured)["student_trunk"] == says_three


def with_specialists(measured):
    generalist = models.create("resnet", depth=8)
    generalist = torch.nn.Sequential(*generalist)  # its head is the last layer, as it must be
    nets = [composites.Specialist.of(generalist, torch.tensor(c)) for c in ([0, 1, 2], [2, 3])]
    together = composites.WithSpecialists(generalist, nets)
    logits = predict_logits(together, measured.split.images)
    return measured._replace(student=together, logits=logits)


def test_specialists_are_counted_by_how_many_cover_a_class(measured):
    measured = with_specialists(measured)
    found = reports.REPORTS["specialists"](measured)
    assert found["classes"] == [[0, 1, 2], [2, 3]]
    assert found["cover"]["n"] == [36, 18, 6]  # six pictures of each of ten classes
    assert sum(found["cover"]["together"]) == metrics.errors(measured.logits, measured.split.labels)
    general = predict_logits(measured.student.generalist, measured.split.images)
    assert sum(found["cover"]["generalist"]) == metrics.errors(general, measured.split.labels)
    assert found["own"]["n"] == 30
    # A specialist starts with the generalist's own answers among its classes.
    assert found["own"]["specialists"] == found["own"]["generalist"]
    assert 0 <= found["asked"] <= 2 and 0 <= found["errors_held"] <= 60


def test_rows_of_a_confusion_matrix_are_the_labels(measured):
    table = torch.tensor(reports.REPORTS["confusion"](measured))
    assert table.sum(1).tolist() == [6] * 10
    assert 60 - table.diag().sum() == metrics.errors(measured.logits, measured.split.labels)


def test_the_last_exit_makes_the_net_s_errors(measured):
    exits = reports.REPORTS["exits"](measured)
    assert len(exits) == 3
    assert exits[-1] == metrics.errors(measured.logits, measured.split.labels)


@pytest.fixture
def opinions(measured):
    """Constant nets: two always say 0, one says 1."""
    members = [models.create("resnet", depth=8) for _ in range(3)]
    for net, answer in zip(members, (0, 0, 1), strict=True):
        torch.nn.init.zeros_(net.head.weight)
        net.head.bias.data = 5 * torch.eye(10)[answer]
    return measured._replace(student=composites.Ensemble(members))


def test_members_agree_pair_by_pair(opinions):
    assert reports.REPORTS["members_agree"](opinions) == 0.3333
    for found in reports.REPORTS["diversity"](opinions).values():
        assert found["disagreement"] == pytest.approx(2 / 3, abs=1e-4)
        assert found["divergence"] > 0.1


def test_the_first_members_are_one_two_and_all_of_them(opinions):
    found = reports.REPORTS["first_members"](opinions)
    labels = opinions.split.labels
    assert found["test_errors"] == found["val_errors"] == 3 * [int((labels != 0).sum())]
    logits = predict_logits(opinions.student, opinions.split.images)
    assert found["test_nll"][-1] == pytest.approx(
        metrics.negative_log_likelihood(logits, labels), abs=1e-4
    )
    assert found["test_nll"][0] == found["test_nll"][1] != found["test_nll"][2]


def test_divergence_is_nothing_where_all_say_the_same_and_the_entropy_where_none_does():
    same, sure = torch.randn(2, 5), torch.tensor([[50.0, 0.0], [0.0, 50.0]])
    assert reports.divergence([same, same]).abs().max() < 1e-12
    torch.testing.assert_close(
        reports.divergence([sure, sure.flip(1)]), torch.full((2,), 2.0).log().double()
    )


def test_hesitant_digits_are_those_on_which_members_differ_most(measured):
    torch.manual_seed(0)
    members = [models.create("mlp", hidden=8).eval() for _ in range(2)]
    found = reports.REPORTS["hesitant"](measured._replace(student=composites.Ensemble(members)))
    far = reports.divergence([predict_logits(m, embedded_digits().images) for m in members])
    assert found["digits"] == far.argsort(descending=True)[:12].tolist()
    assert torch.tensor(found["probs"]).shape == (2, 12, 10)
    first = predict_logits(members[1], embedded_digits().images[found["digits"][:1]]).softmax(1)
    torch.testing.assert_close(torch.tensor(found["probs"][1][0]), first[0], atol=6e-4, rtol=0)


def test_the_curve_has_the_epochs_that_were_validated(measured):
    assert reports.REPORTS["curve"](measured) == {
        "epoch": [2],
        "loss": [1.0],
        "val_errors": [5],
        "train_errors": [3],
        "train_n": 60,
    }


def test_class_soft_targets_average_within_the_label():
    z = torch.tensor([[2.0, 0.0], [0.0, 2.0], [0.0, 0.0]])
    found = reports.class_soft_targets(z, torch.tensor([0, 0, 1]), 1.0)
    torch.testing.assert_close(found, torch.full((2, 2), 0.5))


def test_what_was_learned_from_is_measured_as_the_test_pictures_are(measured):
    train = reports.REPORTS["train"](measured)
    assert train["samples"] == 60
    assert train["errors"] == metrics.errors(measured.logits, measured.split.labels)
    assert 0.1 <= train["confidence"] <= 1
