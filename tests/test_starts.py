import pytest
import torch

from kdutils import models
from kdutils.models.starts import Unshared


def nets():
    torch.manual_seed(0)
    return [models.create("auxiliary-mlp", hidden=64, auxiliary=4) for _ in range(2)]


def changed(change):
    net, other = nets()
    before = {name: w.clone() for name, w in net.state_dict().items()}
    change.apply(net, other)
    return net, other, {n for n, w in net.state_dict().items() if not torch.equal(before[n], w)}


def test_redrawn_parts_are_the_other_net_s_and_the_rest_is_shared():
    net, other, names = changed(Unshared(redrawn=("trunk.second", "class_head")))
    # Biases start at 0 in both.
    assert names == {"trunk.second.weight", "class_head.weight"}
    assert torch.equal(net.trunk.second.weight, other.trunk.second.weight)


def test_a_share_that_is_drawn_anew_keeps_the_variance():
    (start, _), (net, other, _) = nets(), changed(Unshared(redrawn=("trunk",), share=0.6))
    weights, old, new = (n.trunk.first.weight.detach() for n in (net, start, other))
    torch.testing.assert_close(weights, 0.8 * old + 0.6 * new)
    assert weights.var() == pytest.approx(old.var().item(), rel=0.03)


def test_outputs_change_places():
    net, _, names = changed(Unshared(reordered=("auxiliary_head",)))
    assert names == {"auxiliary_head.weight"}
    before = nets()[0].auxiliary_head.weight
    assert torch.equal(net.auxiliary_head.weight, before[[1, 2, 3, 0]])


@pytest.mark.parametrize(
    "choices", [{}, {"redrawn": ("trunk",), "share": 1.5}, {"redrawn": ("trunk",), "share": -1}]
)
def test_nothing_and_too_much_are_refused(choices):
    with pytest.raises(ValueError, match="got"):
        Unshared(**choices)


def test_a_name_that_is_no_module_is_refused():
    net, other = nets()
    with pytest.raises(AttributeError, match="tail"):
        Unshared(redrawn=("tail",)).apply(net, other)
