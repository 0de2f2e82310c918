import math

import pytest
import torch
from torch import nn

from kdutils import homework, losses
from kdutils.data import Batch

Z = torch.tensor([[0.0, 0.0], [math.log(3), 0.0]])
LABELS = torch.tensor([0, 0])
TEACHER = torch.tensor([[2 * math.log(3), 0.0], [0.0, 0.0]])


def value(question, **changes):
    arguments = {"temperature": 2.0, "weight": 4.0, **changes}
    return question(Z, LABELS, TEACHER, *arguments.values())


def test_the_four_losses_by_hand():
    hard = (math.log(2) + math.log(4 / 3)) / 2  # -log ½ and -log ¾
    torch.testing.assert_close(value(homework.q1), torch.tensor(hard))
    # At T = 2 the teacher says (¾, ¼), then (½, ½); the student (½, ½), then (√3 : 1).
    root = math.sqrt(3)
    second = -0.5 * (math.log(root / (1 + root)) + math.log(1 / (1 + root)))
    soft = (math.log(2) + second) / 2
    torch.testing.assert_close(value(homework.q2), torch.tensor(soft))
    torch.testing.assert_close(value(homework.q3), torch.tensor(hard + 4 * soft))
    tempered = (math.log(2) - math.log(root / (1 + root))) / 2
    torch.testing.assert_close(value(homework.q4), torch.tensor(hard + 4 * tempered))


def test_q3_with_t_squared_has_twice_the_gradient_of_our_loss_at_alpha_one_half():
    def gradient(loss):
        z = Z.clone().requires_grad_()
        loss(z).backward()
        return z.grad

    ours = gradient(
        lambda z: losses.hard_and_soft_loss(z, TEACHER, LABELS, temperature=3.0, alpha=0.5)
    )
    theirs = gradient(lambda z: homework.q3(z, LABELS, TEACHER, 3.0, 9.0))
    torch.testing.assert_close(theirs, 2 * ours)


def test_an_objective_asks_the_teacher_by_sample_id():
    student = nn.Linear(2, 2)
    batch = Batch(torch.eye(2), LABELS, torch.tensor([1, 0]))
    found = homework.objective(homework.q2, TEACHER, temperature=2.0)(student, batch)
    expected = homework.q2(student(batch.images), LABELS, TEACHER.flip(0), 2.0, 1.0)
    torch.testing.assert_close(found, expected)
    hard = homework.objective(homework.q1)(student, batch)
    torch.testing.assert_close(hard, nn.functional.cross_entropy(student(batch.images), LABELS))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"question": homework.q1, "teacher": TEACHER},
            "teacher must be given with q2 and q3 only",
        ),
        ({"question": homework.q2}, "teacher must be given with q2 and q3 only, got None"),
        (
            {"question": homework.q4, "temperature": 0.5},
            r"temperature must be in \[1, 1e\+06\], got 0.5",
        ),
        ({"question": homework.q4, "weight": -1.0}, "weight must be >= 0"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        homework.objective(**arguments)
