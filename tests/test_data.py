import numpy as np
import pytest
import torch

from kdutils import data
from kdutils.data.street_digits import draw

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


def test_validation_is_exactly_the_embedded_digits(folder, unverified):
    write_mnist(folder)
    mnist = data.load("mnist")
    assert (len(mnist.train), len(mnist.val), len(mnist.test)) == (1000, 5000, 500)
    found = sorted(image.numpy().tobytes() for image in mnist.val.images)
    assert found == sorted(i.numpy().tobytes() for i in data.embedded_digits().images)
    assert torch.bincount(mnist.val.labels).tolist() == [500] * 10
    assert mnist.train.labels.sum() == 0


def test_the_whole_training_file_has_nothing_held_out(folder, unverified):
    write_mnist(folder)
    whole, mnist = data.load("mnist-60k"), data.load("mnist")
    assert (len(whole.train), whole.val, len(whole.test)) == (6000, None, 500)
    assert whole.origin == mnist.origin and torch.equal(whole.test.images, mnist.test.images)


def test_absent_file_names_the_command_and_nothing_is_downloaded(folder):
    with pytest.raises(FileNotFoundError, match=r"11 MB.*python -m kdutils\.data mnist"):
        data.load("mnist")


def test_unknown_name_lists_the_close_ones():
    with pytest.raises(ValueError, match="close: mnist"):
        data.load("minst")
    for name in (None, ["mnist"]):
        with pytest.raises(ValueError, match="name must be one of"):
            data.load(name)


def test_truncated_file_is_refused(folder):
    write_mnist(folder)
    whole = (folder / "mnist.npz").read_bytes()
    for length in (0, 100, len(whole) // 2, len(whole) - 1):
        (folder / "mnist.npz").write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"damaged or not an \.npz.*kdutils\.data mnist"):
            data.load("mnist")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train_labels": None}, "train_labels must be in the file"),
        ({"test_images": np.zeros((500, 28), np.uint8)}, "test_images must be .N, 28, 28"),
        ({"test_images": np.uint8(0)}, r"test_images must be .N, 28, 28.*got \(\)"),
        ({"test_labels": np.uint8(0)}, r"test_labels must be \(500,\), got \(\)"),
        ({"test_labels": np.array([None])}, "test_labels must be uint8, got object"),
        ({"test_images": np.zeros((0, 28, 28), np.uint8)}, "test_images must be"),
        ({"test_images": np.zeros((500, 28, 28), np.float32)}, "must be uint8, got float32"),
        ({"test_labels": np.zeros(500, np.int64)}, "test_labels must be uint8, got int64"),
        ({"test_labels": np.zeros(499, np.uint8)}, r"test_labels must be \(500,\), got \(499,\)"),
        ({"test_labels": np.full(500, 10, np.uint8)}, r"in 0\.\.9, got up to 10"),
        ({"train_images": np.zeros((6000, 28, 28), np.uint8)}, "real MNIST training file"),
    ],
)
def test_every_way_a_file_can_be_wrong_has_its_message(folder, unverified, changes, message):
    write_mnist(folder, **changes)
    with pytest.raises(ValueError, match=message) as error:
        data.load("mnist")
    assert "get it anew" in str(error.value) or "real MNIST" in message


def test_what_is_always_there_is_verified():
    assert data.load("mnist-sample").verified and data.load("street-digits").verified


# ---- splits


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (torch.zeros(2, 1, 1, 1), torch.zeros(3, dtype=torch.long), "got 2 and 3"),
        (np.zeros((2, 1, 1, 1)), torch.zeros(2, dtype=torch.long), "images must be a torch tensor"),
        (torch.zeros(2, 1, 1, 1), np.zeros(2), "labels must be a torch tensor, got ndarray"),
        (torch.zeros(2, 1, 1, 1), [0, 1], "labels must be a torch tensor, got list"),
        (torch.tensor(0.0), torch.zeros(1, dtype=torch.long), "images must be .*got a scalar"),
        (torch.zeros(2, 1, 1, 1), torch.tensor(1), r"labels must be int64 .*shape \(\)"),
        (torch.zeros(2, 1, 1, 1), torch.zeros(2), "labels must be int64 .*float32"),
        (torch.zeros(2, 1, 1, 1), torch.zeros(2, 10).long(), r"labels must be int64 .*\(2, 10\)"),
    ],
)
def test_splits_must_pair_images_and_labels(images, labels, message):
    with pytest.raises(ValueError, match=message):
        data.Split(images, labels)


def test_where_a_split_is_expected_a_data_set_is_told_to_name_its_part():
    sample = data.load("mnist-sample")
    data.check_split("split", sample.test)
    with pytest.raises(ValueError, match=r"split must be a Split, got Dataset: give its \.train"):
        data.check_split("split", sample)
    with pytest.raises(ValueError, match=r"split must be a Split, got NoneType$"):
        data.check_split("split", sample.val)
    with pytest.raises(ValueError, match="digits must be a Split, got Dataset"):
        draw(sample, torch.Generator())
