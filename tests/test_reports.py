import json

import pytest
import torch

from kdutils import metrics, models
from kdutils.data import Split
from kdutils.experiments import reports
from kdutils.models import composites
from kdutils.training import predict_logits


@pytest.fixture(scope="module")
def measured():
    torch.manual_seed(0)
    split = Split(torch.randint(0, 256, (60, 3, 32, 32), dtype=torch.uint8), torch.arange(60) % 10)
    net = models.create("resnet-exits", depth=8)
    logits = predict_logits(net, split.images)
    return reports.Measured(net, split, logits, logits.roll(1, 0), split)


@pytest.mark.parametrize("name", reports.REPORTS)
def test_every_report_can_be_written_as_json(measured, name):
    if name == "members_agree":
        measured = measured._replace(student=composites.Ensemble(2 * [measured.student]))
    assert json.loads(json.dumps(reports.REPORTS[name](measured))) is not None


def test_rows_of_a_confusion_matrix_are_the_labels(measured):
    table = torch.tensor(reports.REPORTS["confusion"](measured))
    assert table.sum(1).tolist() == [6] * 10
    assert 60 - table.diag().sum() == metrics.errors(measured.logits, measured.split.labels)


def test_the_last_exit_makes_the_net_s_errors(measured):
    exits = reports.REPORTS["exits"](measured)
    assert len(exits) == 3
    assert exits[-1] == metrics.errors(measured.logits, measured.split.labels)


def test_members_agree_pair_by_pair(measured):
    # Constant nets: two always say 0, one says 1; one pair of three agrees.
    members = [models.create("resnet", depth=8) for _ in range(3)]
    for net, answer in zip(members, (0, 0, 1), strict=True):
        torch.nn.init.zeros_(net.head.weight)
        net.head.bias.data = torch.eye(10)[answer]
    run = measured._replace(student=composites.Ensemble(members))
    assert reports.REPORTS["members_agree"](run) == 0.3333


def test_class_soft_targets_average_within_the_label():
    z = torch.tensor([[2.0, 0.0], [0.0, 2.0], [0.0, 0.0]])
    found = reports.class_soft_targets(z, torch.tensor([0, 0, 1]), 1.0)
    torch.testing.assert_close(found, torch.full((2, 2), 0.5))


def test_what_was_learned_from_is_measured_as_the_test_pictures_are(measured):
    train = reports.REPORTS["train"](measured)
    assert train["samples"] == 60
    assert train["errors"] == metrics.errors(measured.logits, measured.split.labels)
    assert 0.1 <= train["confidence"] <= 1
