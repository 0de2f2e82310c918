"""Prepared files: which arrays they hold, what they declare, and every way they can be wrong."""

import io
import zipfile

import numpy as np
import pytest
import torch

from kdutils import data
from kdutils.data import prepared


def photos(count=40):
    """Return small arrays in the layout of cifar10.npz and svhn.npz."""
    images = np.random.default_rng(0).integers(0, 256, (2 * count, 32, 32, 3), dtype=np.uint8)
    labels = (np.arange(2 * count) % 10).astype(np.uint8)
    parts = (images[:count], labels[:count], images[count:], labels[count:])
    return dict(zip(prepared.ARRAYS, parts, strict=True))


def test_colour_images_become_channels_first_and_the_end_is_held_out(folder, unverified):
    arrays = photos()
    np.savez(folder / "cifar10.npz", **arrays)
    cifar = data.load("cifar10")
    assert cifar.train.images.shape == (35, 3, 32, 32) and len(cifar.val) == 5
    assert np.array_equal(cifar.test.images[7, 2].numpy(), arrays["test_images"][7, :, :, 2])


# ---- known files, and the others


@pytest.fixture
def known(folder, monkeypatch):
    """A cifar10.npz in ``folder`` that the project knows; returns its arrays."""
    arrays = photos()
    monkeypatch.setitem(prepared.CHECKSUMS, "cifar10", prepared.checksum("cifar10", arrays))
    np.savez_compressed(folder / "cifar10.npz", **arrays)
    return arrays


def test_unknown_arrays_are_loaded_only_when_asked_for_and_are_called_so(folder, monkeypatch):
    np.savez(folder / "cifar10.npz", **photos())
    for value in ("", "0", "yes"):
        monkeypatch.setenv("KDUTILS_UNVERIFIED", value)
        message = r"cifar10\.npz holds other arrays.*kdutils\.data cifar10\. .*KDUTILS_UNVERIFIED=1"
        with pytest.raises(ValueError, match=message):
            data.load("cifar10")
    monkeypatch.setenv("KDUTILS_UNVERIFIED", "1")
    cifar = data.load("cifar10")
    assert not cifar.verified and cifar.origin == f"{folder / 'cifar10.npz'} (unverified)"


def test_every_file_with_a_checksum_is_one_that_can_be_downloaded():
    assert set(prepared.CHECKSUMS) == {"mnist", "cifar10", "svhn10k"} < set(prepared.SOURCES)


def other_pixel(arrays):
    arrays["train_images"][3, 4, 5, 1] ^= 1


def shuffled_labels(arrays):
    np.random.default_rng(1).shuffle(arrays["train_labels"])


def shuffled_test_labels(arrays):
    np.random.default_rng(1).shuffle(arrays["test_labels"])


def swapped_parts(arrays):
    for what in ("images", "labels"):
        train, test = arrays[f"train_{what}"], arrays[f"test_{what}"]
        arrays |= {f"train_{what}": test, f"test_{what}": train}


def train_twice(arrays):
    arrays |= {f"test_{what}": arrays[f"train_{what}"] for what in ("images", "labels")}


def one_less(arrays):
    arrays |= {key: arrays[key][:-1] for key in ("test_images", "test_labels")}


def other_order(arrays):
    arrays |= {key: arrays[key][::-1] for key in ("train_images", "train_labels")}


@pytest.mark.parametrize(
    "injure",
    [
        other_pixel,
        shuffled_labels,
        shuffled_test_labels,
        swapped_parts,
        train_twice,
        one_less,
        other_order,
    ],
)
def test_whatever_changes_a_known_file_is_found(folder, known, injure):
    assert data.load("cifar10").verified
    injure(known)
    np.savez_compressed(folder / "cifar10.npz", **known)
    with pytest.raises(ValueError, match="holds other arrays than the cifar10"):
        data.load("cifar10")


def test_what_does_not_change_the_data_is_allowed(folder, known, monkeypatch):
    order = np.random.default_rng(0).permutation(40)
    reordered = known | {key: known[key][order] for key in ("test_images", "test_labels")}
    fortran = {key: np.asfortranarray(array) for key, array in known.items()}
    more = known | {"notes": np.array("mine")}
    for arrays in (known, dict(reversed(known.items())), reordered, fortran, more):
        np.savez(folder / "cifar10.npz", **arrays)  # not compressed: other bytes around them
        assert data.load("cifar10").verified
    (folder / "other").mkdir()
    (folder / "cifar10.npz").rename(folder / "other" / "cifar10.npz")
    monkeypatch.setenv("KDUTILS_DATA", str(folder / "other"))
    assert data.load("cifar10").verified


def test_a_flipped_bit_is_found_or_harmless(folder, known):
    path, rng = folder / "cifar10.npz", np.random.default_rng(0)
    whole, before = path.read_bytes(), data.load("cifar10")
    found = 0
    # Half of the places are in the labels and the zip's directory, at the end.
    places = [*rng.integers(0, len(whole), 40), *rng.integers(len(whole) - 600, len(whole), 40)]
    for place in places:
        flipped = bytearray(whole)
        flipped[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(flipped)
        try:
            after = data.load("cifar10")
        except ValueError:
            found += 1
        else:
            assert torch.equal(after.train.images, before.train.images)
            assert torch.equal(after.test.labels, before.test.labels)
    assert found >= 40


def test_a_file_without_a_shipped_checksum_goes_by_the_one_in_it(folder, monkeypatch):
    path, arrays = folder / "svhn.npz", photos()
    prepared.write_prepared(path, "svhn", arrays)
    svhn = data.load("svhn")
    assert svhn.verified and svhn.origin == str(path)
    with zipfile.ZipFile(path) as archive:
        recorded = archive.comment
    other_pixel(arrays)
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match=r"svhn\.npz is not as .*kdutils\.data svhn. wrote it"):
        data.load("svhn")
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = recorded
    with pytest.raises(ValueError, match="KDUTILS_UNVERIFIED=1"):
        data.load("svhn")
    monkeypatch.setenv("KDUTILS_UNVERIFIED", "1")
    assert not data.load("svhn").verified


def test_a_renamed_file_is_found(folder, known):
    prepared.write_prepared(folder / "cifar10.npz", "cifar10", known)
    assert data.load("cifar10").verified
    (folder / "cifar10.npz").rename(folder / "svhn.npz")
    with pytest.raises(ValueError, match="is not as"):
        data.load("svhn")


# ---- declared sizes, before anything is unpacked


def npy(shape, descr="'|u1'", content=b"", version=(1, 0)):
    """Return an .npy file that declares ``shape`` and holds ``content``."""
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    length = len(header).to_bytes(2 if version == (1, 0) else 4, "little")
    return b"\x93NUMPY" + bytes(version) + length + header + content


def plain(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("member", "message"),
    [
        (npy((10**9, 32, 32, 3)), "0 < N <= 50000, got .1000000000, 32"),
        (npy((50_001, 32, 32, 3)), "0 < N <= 50000, got .50001, 32"),
        (npy((-40, 32, 32, 3)), "0 < N <= 50000, got .-40, 32"),
        (npy((40, 32, 32, 3), content=bytes(10**7)), "122880 bytes unpacked, got 10000000 decl"),
        (npy((40, 32, 32, 3), content=b"few"), "122880 bytes unpacked, got 3 declared"),
        (npy((40, 32, 32, 3), "'|O'"), "must be uint8, got object"),
        (npy((40, 32, 32, 3), "[('a', '|u1')]"), "must be uint8, got"),
        (npy((40, 32, 32, 3), "'nonsense'"), "damaged"),
        (npy((40, 32, 32, 3), version=(2, 0)), "damaged.*not in .npy format 1.0"),
        (npy("(" * 5000), "damaged"),
        (npy("-" * 9000 + "1"), "damaged"),
        (npy("["), "damaged"),
        (b"", "damaged"),
        (b"hello", "damaged"),
    ],
)
def test_forged_sizes_are_refused_before_they_are_unpacked(folder, monkeypatch, member, message):
    with zipfile.ZipFile(folder / "cifar10.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("train_images.npy", member)
        for key, array in list(photos().items())[1:]:
            archive.writestr(f"{key}.npy", plain(array))
    monkeypatch.setattr(np, "load", lambda *_, **__: pytest.fail("unpacked"))
    with pytest.raises(ValueError, match=message):
        data.load("cifar10")


def test_members_packed_in_another_way_are_refused(folder):
    with zipfile.ZipFile(folder / "cifar10.npz", "w", zipfile.ZIP_BZIP2) as archive:
        for key, array in photos().items():
            archive.writestr(f"{key}.npy", plain(array))
    with pytest.raises(ValueError, match=r"damaged.*not packed as numpy does"):
        data.load("cifar10")


def test_a_zip_that_understates_a_size_unpacks_no_more_than_it_states(folder, known):
    path, size = folder / "cifar10.npz", len(plain(known["train_images"]))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("train_images.npy", plain(known["train_images"]) + bytes(10**7))
        for key in prepared.ARRAYS[1:]:
            archive.writestr(f"{key}.npy", plain(known[key]))
    true, stated = ((size + more).to_bytes(4, "little") for more in (10**7, 0))
    path.write_bytes(path.read_bytes().replace(true, stated))
    with pytest.raises(ValueError, match=r"damaged.*CRC"):
        data.load("cifar10")


def test_what_was_checked_is_what_is_read(folder, known):
    with zipfile.ZipFile(folder / "cifar10.npz", "a") as archive:
        archive.writestr("train_images", npy((10**9, 32, 32, 3)))  # np.load prefers this name
    assert data.load("cifar10").verified


def test_an_array_renamed_to_npz_is_no_prepared_file(folder):
    (folder / "cifar10.npz").write_bytes(plain(photos()["train_images"]))
    with pytest.raises(ValueError, match=r"damaged or not an \.npz"):
        data.load("cifar10")
