import pytest
import torch

from kdutils.data import augment


def test_jitter_shifts_each_image_by_whole_pixels_and_fills_with_zeros():
    images = torch.arange(1, 26, dtype=torch.uint8).view(1, 1, 5, 5).repeat(200, 1, 1, 1)
    shifted = augment.jitter(images, 1, torch.Generator().manual_seed(0))
    padded = torch.nn.functional.pad(images[0, 0], (1, 1, 1, 1))
    possible = {
        (r, c): padded[r : r + 5, c : c + 5].numpy().tobytes() for r in range(3) for c in range(3)
    }
    seen = {image[0].numpy().tobytes() for image in shifted}
    assert seen == set(possible.values())
    assert shifted.shape == images.shape and shifted.dtype == torch.uint8


def test_jitter_by_nothing_is_the_image_and_channels_move_together():
    images = torch.rand(8, 1, 6, 6).repeat(1, 3, 1, 1)
    assert torch.equal(augment.jitter(images, 0), images)
    shifted = augment.jitter(images, 2, torch.Generator().manual_seed(0))
    assert torch.equal(shifted[:, 0], shifted[:, 2])


@pytest.mark.parametrize(("shape", "shift"), [((2, 28, 28), 2), ((2, 1, 28, 28), -1)])
def test_jitter_refuses(shape, shift):
    with pytest.raises(ValueError, match="got"):
        augment.jitter(torch.zeros(shape), shift)


def test_flip_mirrors_about_half_of_the_images_and_leaves_the_others():
    images = torch.arange(200 * 3 * 2 * 4).view(200, 3, 2, 4)
    flipped = augment.flip(images, torch.Generator().manual_seed(0))
    same = (flipped == images).flatten(1).all(1)
    mirrored = (flipped == images.flip(3)).flatten(1).all(1)
    assert (same ^ mirrored).all() and 70 < same.sum() < 130
    with pytest.raises(ValueError, match="must be"):
        augment.flip(images[0])


@pytest.mark.parametrize("name", sorted({*augment.PICTURES} - {"shuffled", "unchanged"}))
def test_pictures_of_something_else_keep_the_shape_and_nothing_else(name):
    draw, images = augment.PICTURES[name], torch.zeros(64, 1, 28, 28, dtype=torch.uint8)

    def drawn(seed):
        return draw(images, torch.Generator().manual_seed(seed))

    assert drawn(0).shape == images.shape and drawn(0).dtype == torch.uint8
    assert torch.equal(drawn(0), drawn(0)) and not torch.equal(drawn(0), drawn(1))
    assert len({image.numpy().tobytes() for image in drawn(0)}) == 64
    assert drawn(0).min() == 0 and drawn(0).max() > 240


def test_kinds_of_noise_have_the_same_grey_and_only_blurred_noise_is_smooth():
    images = torch.zeros(64, 1, 28, 28)
    rough, normal, smooth = (
        draw(images, torch.Generator().manual_seed(0)).float()
        for draw in (augment.noise, augment.normal_noise, augment.blurred_noise)
    )
    for drawn in (rough, normal, smooth):
        assert drawn.mean() == pytest.approx(127.5, abs=3)
        assert drawn.std() == pytest.approx(71, abs=4)
    assert normal.diff(dim=3).abs().mean() > 0.8 * rough.diff(dim=3).abs().mean()
    assert smooth.diff(dim=3).abs().mean() < 0.5 * rough.diff(dim=3).abs().mean()


def test_shuffled_images_keep_their_pixels_each_in_an_order_of_its_own():
    images = torch.arange(48, dtype=torch.uint8).view(1, 3, 4, 4).repeat(2, 1, 1, 1)
    mixed = augment.shuffled(images, torch.Generator().manual_seed(0))
    assert mixed.dtype == torch.uint8 and mixed.shape == images.shape
    assert torch.equal(mixed.flatten(2).sort(2).values, images.flatten(2))
    assert torch.equal(mixed[:, 1] - mixed[:, 0], torch.full((2, 4, 4), 16, dtype=torch.uint8))
    assert not torch.equal(mixed[0], mixed[1]) and not torch.equal(mixed[0], images[0])


@pytest.mark.parametrize("shape", [(1, 1, 28, 32), (1, 1, 22, 22), (1, 1, 27, 27)])
def test_letters_ask_for_squares_with_room_on_all_sides(shape):
    with pytest.raises(ValueError, match="squares of even size, at least 24"):
        augment.drawn_letters(torch.zeros(shape))


def test_blobs_are_smooth_and_noise_is_not():
    images = torch.zeros(64, 1, 28, 28)
    smooth, rough = (draw(images).float() for draw in (augment.blobs, augment.noise))
    assert smooth.diff(dim=3).abs().mean() < rough.diff(dim=3).abs().mean() / 3
