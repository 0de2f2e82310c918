import numpy as np
import pytest
import torch

from kdutils import data

# ---- embedded digits and prepared files


def test_sample_has_its_sizes_and_is_balanced():
    sample = data.load("mnist-sample")
    assert (len(sample.train), sample.val, len(sample.test)) == (4000, None, 1000)
    assert torch.bincount(sample.train.labels).tolist() == [400] * 10
    assert torch.bincount(sample.test.labels).tolist() == [100] * 10
    assert sample.train.images.dtype == torch.uint8 and sample.train.labels.dtype == torch.int64


def test_no_digit_of_the_sample_is_in_train_and_test():
    sample = data.load("mnist-sample")
    train = {image.numpy().tobytes() for image in sample.train.images}
    assert not any(image.numpy().tobytes() in train for image in sample.test.images)


def write_mnist(folder, **changes):
    """Write a prepared mnist.npz: the embedded digits hidden among 1,000 noise images."""
    rng = np.random.default_rng(0)
    digits = data.embedded_digits()
    images = np.concatenate(
        [digits.images[:, 0].numpy(), rng.integers(0, 256, (1000, 28, 28), dtype=np.uint8)]
    )
    labels = np.concatenate([digits.labels.numpy(), np.zeros(1000)]).astype(np.uint8)
    order = rng.permutation(6000)
    arrays = {
        "train_images": images[order],
        "train_labels": labels[order],
        "test_images": images[5500:],
        "test_labels": labels[5500:],
    } | changes
    np.savez(folder / "mnist.npz", **{k: v for k, v in arrays.items() if v is not None})


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("KDUTILS_DATA", str(tmp_path))
    monkeypatch.setattr("kdutils.data.prepared.ROOT", tmp_path / "elsewhere")
    return tmp_path


def test_validation_is_exactly_the_embedded_digits(folder):
    write_mnist(folder)
    mnist = data.load("mnist")
    assert (len(mnist.train), len(mnist.val), len(mnist.test)) == (1000, 5000, 500)
    found = sorted(image.numpy().tobytes() for image in mnist.val.images)
    assert found == sorted(i.numpy().tobytes() for i in data.embedded_digits().images)
    assert torch.bincount(mnist.val.labels).tolist() == [500] * 10
    assert mnist.train.labels.sum() == 0


def test_absent_file_names_the_command_and_nothing_is_downloaded(folder):
    with pytest.raises(FileNotFoundError, match=r"11 MB.*python -m kdutils\.data mnist"):
        data.load("mnist")


def test_unknown_name_lists_the_close_ones():
    with pytest.raises(ValueError, match="close: mnist"):
        data.load("minst")


def test_truncated_file_is_refused(folder):
    write_mnist(folder)
    whole = (folder / "mnist.npz").read_bytes()
    for length in (0, 100, len(whole) // 2, len(whole) - 1):
        (folder / "mnist.npz").write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"damaged or not an \.npz"):
            data.load("mnist")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train_labels": None}, "train_labels must be in the file"),
        ({"test_images": np.zeros((500, 28), np.uint8)}, "test_images must be .N, 28, 28"),
        ({"test_images": np.zeros((0, 28, 28), np.uint8)}, "test_images must be"),
        ({"test_images": np.zeros((500, 28, 28), np.float32)}, "must be uint8, got float32"),
        ({"test_labels": np.zeros(500, np.int64)}, "test_labels must be uint8, got int64"),
        ({"test_labels": np.zeros(499, np.uint8)}, r"test_labels must be \(500,\), got \(499,\)"),
        ({"test_labels": np.full(500, 10, np.uint8)}, r"in 0\.\.9, got up to 10"),
        ({"train_images": np.zeros((6000, 28, 28), np.uint8)}, "real MNIST training file"),
    ],
)
def test_every_way_a_file_can_be_wrong_has_its_message(folder, changes, message):
    write_mnist(folder, **changes)
    with pytest.raises(ValueError, match=message):
        data.load("mnist")


def test_colour_images_become_channels_first_and_the_end_is_held_out(folder):
    images = np.arange(40 * 32 * 32 * 3, dtype=np.uint32).astype(np.uint8).reshape(40, 32, 32, 3)
    labels = (np.arange(40) % 10).astype(np.uint8)
    arrays = {f"{part}_images": images for part in ("train", "test")}
    arrays |= {f"{part}_labels": labels for part in ("train", "test")}
    np.savez(folder / "cifar10.npz", **arrays)
    cifar = data.load("cifar10")
    assert cifar.train.images.shape == (35, 3, 32, 32) and len(cifar.val) == 5
    assert np.array_equal(cifar.test.images[7, 2].numpy(), images[7, :, :, 2])


def test_splits_must_pair_images_and_labels():
    with pytest.raises(ValueError, match="got 2 and 3"):
        data.Split(torch.zeros(2, 1, 1, 1), torch.zeros(3))
