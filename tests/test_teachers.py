import pytest
import torch

from kdutils import models, teachers
from kdutils.data import Batch

PICTURES = torch.randint(
    0, 256, (4, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
)
LABELS = torch.arange(4)


def test_a_remembering_teacher_is_asked_about_each_picture_once():
    torch.manual_seed(0)
    net, asked = models.resnet(depth=8).eval(), []
    net.register_forward_pre_hook(lambda module, inputs: asked.append(len(inputs[0])))
    teacher = teachers.Remembering(net)
    with torch.no_grad():
        expected = net(PICTURES)
    asked.clear()
    net.train()  # somebody flips it back: it must answer in eval mode all the same
    torch.testing.assert_close(teacher(PICTURES[:2]), expected[:2])
    twice = teachers.ask(teacher)(Batch(PICTURES[[3, 3, 1]], LABELS[:3], LABELS[:3]))
    torch.testing.assert_close(twice, expected[[3, 3, 1]])
    assert asked == [2, 1] and len(teacher.answers) == 3 and not net.training


@pytest.mark.parametrize("teacher", ["resnet", torch.zeros(3), None])
def test_a_teacher_of_another_type_is_refused(teacher):
    with pytest.raises(ValueError, match="teacher must be a module or cached logits"):
        teachers.ask(teacher)
