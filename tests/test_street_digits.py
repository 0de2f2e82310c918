from unittest.mock import patch

import pytest
import torch

from kdutils import data, models, objectives, training
from kdutils.data.street_digits import draw, street_digits


def test_sizes_and_types_are_those_of_the_colour_data_sets():
    street = data.load("street-digits")
    assert (street.name, street.val) == ("street-digits", None)
    assert street.train.images.shape == (4000, 3, 32, 32)
    assert street.train.images.dtype == torch.uint8 and street.train.labels.dtype == torch.int64
    assert torch.bincount(street.test.labels).tolist() == [100] * 10


def test_the_same_seed_draws_the_same_pictures_and_another_seed_others():
    digits = data.load("mnist-sample").test.subset(torch.arange(20))
    first, again, other = (
        draw(digits, torch.Generator().manual_seed(seed)).images for seed in (0, 0, 1)
    )
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_only_small_grey_digits_can_be_drawn():
    colour = data.load("street-digits").test
    with pytest.raises(ValueError, match=r"digits.images must be uint8 .*\(1000, 3, 32, 32\)"):
        draw(colour, torch.Generator())


def test_test_pictures_are_drawn_from_test_digits_only():
    sources = []

    def spy(split, generator):
        sources.append(split)
        return split

    street_digits.cache_clear()
    with patch("kdutils.data.street_digits.draw", spy):
        street_digits()
    street_digits.cache_clear()
    sample = data.load("mnist-sample")
    assert torch.equal(sources[0].images, sample.train.images)
    assert torch.equal(sources[1].images, sample.test.images)


def test_every_picture_shows_something_and_has_colour():
    images = data.load("street-digits").test.images.float()
    assert images.std((1, 2, 3)).min() > 8
    assert (images[:, 0] - images[:, 1]).abs().mean() > 10


def test_a_small_net_learns_them():
    street = data.load("street-digits")
    training.set_seed(0)
    net = models.create("tfkd-cnn")
    objective = objectives.hard_labels()
    training.fit(net, street.train, objective, epochs=3, batch_size=50, lr=2e-3, progress=False)
    wrong = training.evaluate(net, street.test)
    assert wrong < 400, wrong  # 900 by guessing
