import json

import pytest
import torch
from safetensors import safe_open

from kdutils import checkpoints, data, models, training
from kdutils.data import Split


def split(count=400):
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, 1, 28, 28), generator=generator, dtype=torch.uint8)
    return Split(images, torch.arange(count) % 10)


def save(folder, model=None, name="mnist/student", **changes):
    torch.manual_seed(0)
    arguments = {
        "architecture": ("mlp", {"hidden": 12}),
        "history": training.History(loss=[0.5], lr=[0.0], val_errors=[None], seconds=1.5),
        "metadata": {"seed": 0, "dataset": "mnist"},
        "check": {"val": split()},
    }
    model = model or models.mlp(hidden=12)
    return checkpoints.save(model, name, folder=folder, **{**arguments, **changes})


def test_what_was_saved_comes_back(tmp_path):
    model = models.mlp(hidden=12).eval()
    entry = save(tmp_path, model)
    loaded = checkpoints.load("mnist/student", tmp_path)
    assert not loaded.training and entry["dtype"] == "float16"
    assert next(loaded.parameters()).dtype == torch.float32
    torch.testing.assert_close(
        training.predict_logits(loaded, split().images),
        training.predict_logits(model, split().images),
        atol=1e-2,
        rtol=0,
    )
    assert entry["metrics"]["val"]["errors"] == training.evaluate(loaded, split())
    assert checkpoints.load_history("mnist/student", tmp_path).loss == [0.5]
    with safe_open(tmp_path / "mnist/student.safetensors", framework="pt") as file:
        assert json.loads(file.metadata()["dataset"]) == "mnist"


def test_half_precision_is_refused_where_it_changes_predictions(tmp_path):
    # Two logits that differ by less than half precision resolves: rounding makes ties and flips.
    model = models.mlp(hidden=12)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model[-1].bias.copy_(100 + 1e-3 * torch.arange(10.0))
    nines = Split(split().images, torch.full((400,), 9))
    assert save(tmp_path, model, check={"val": nines})["dtype"] == "float32"
    assert training.evaluate(checkpoints.load("mnist/student", tmp_path), nines) == 0


def test_one_flipped_bit_anywhere_is_detected(tmp_path):
    save(tmp_path)
    path = tmp_path / "mnist/student.safetensors"
    whole = path.read_bytes()
    for position in [0, 9, len(whole) // 2, len(whole) - 1]:
        for bit in (0, 7):
            damaged = bytearray(whole)
            damaged[position] ^= 1 << bit
            path.write_bytes(damaged)
            with pytest.raises(ValueError, match=r"is damaged: sha256 must be"):
                checkpoints.load("mnist/student", tmp_path)
    path.write_bytes(whole)
    checkpoints.load("mnist/student", tmp_path)


def test_unknown_name_lists_the_close_ones(tmp_path):
    save(tmp_path)
    with pytest.raises(ValueError, match="got 'mnist/studnet'; close: mnist/student"):
        checkpoints.load("mnist/studnet", tmp_path)
    with pytest.raises(ValueError, match="none recorded"):
        checkpoints.load("mnist/student", tmp_path / "empty")


def test_missing_file_is_named(tmp_path):
    save(tmp_path)
    (tmp_path / "mnist/student.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match="restore it with git"):
        checkpoints.load("mnist/student", tmp_path)


@pytest.mark.parametrize("name", ["student", "a/b/c", "/a", "../a"])
def test_names_outside_the_folder_are_refused(tmp_path, name):
    with pytest.raises(ValueError, match="name must be '<dataset>/<run>'"):
        save(tmp_path, name=name)


@pytest.mark.parametrize("name", ["student", "../a", "/a/b", "mnist/../../a", None])
def test_names_outside_the_folder_are_not_read(tmp_path, name):
    save(tmp_path)
    with pytest.raises(ValueError, match="name must be '<dataset>/<run>'"):
        checkpoints.load(name, tmp_path)


def test_weights_beyond_half_precision_stay_as_they_are(tmp_path):
    model = models.mlp(hidden=12).eval()
    model[-1].bias.data += 1e6
    entry = save(tmp_path, model, check={})
    assert entry["dtype"] == "float32"
    loaded = checkpoints.load("mnist/student", tmp_path)
    assert torch.equal(loaded[-1].bias, model[-1].bias)


def test_weights_that_are_no_numbers_are_not_saved(tmp_path):
    model = models.mlp(hidden=12)
    model[2].weight.data[3, 5] = torch.nan
    with pytest.raises(ValueError, match=r"model's 2\.weight must be finite"):
        save(tmp_path, model)
    assert list(tmp_path.iterdir()) == []


def test_a_manifest_must_say_what_the_file_says(tmp_path):
    save(tmp_path, metadata={"seed": 0, "recipe": {"alpha": 0.5}})
    path = tmp_path / "manifest.json"
    whole = path.read_text()
    for right, wrong, named in (
        ('"seed": 0', '"seed": 1', "seed"),
        ('"alpha": 0.5', '"alpha": 0.7', "recipe"),
        ('"errors": ', '"errors": 1', "metrics"),
        ('"recipe"', '"recipf"', "recipe, recipf"),
    ):
        assert right in whole
        path.write_text(whole.replace(right, wrong))
        with pytest.raises(ValueError, match=rf"manifest\.json is damaged: {named} of mnist/"):
            checkpoints.load("mnist/student", tmp_path)
    for wrong in (whole[:-3], "", "[]", '{"mnist/student": 3}', '{"mnist/student": {}}'):
        path.write_text(wrong)
        with pytest.raises(ValueError, match=r"manifest\.json is damaged.*restore it with git"):
            checkpoints.load("mnist/student", tmp_path)


# ---- what the project ships

SHIPPED = sorted(checkpoints.read_manifest())


def test_the_shipped_ones_are_there_and_small():
    assert {f"mnist/{run}" for run in ("teacher", "student-hard", "student-kd")} <= set(SHIPPED)
    files = [p for p in checkpoints.FOLDER.rglob("*") if p.is_file()]
    assert sum(p.stat().st_size for p in files) <= 61e6
    weights = {
        str(p.relative_to(checkpoints.FOLDER).with_suffix(""))
        for p in files
        if p.suffix == ".safetensors"
    }
    assert weights == set(SHIPPED)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_checkpoint_repeats_its_validation_errors(name):
    if not name.startswith("mnist/"):
        pytest.skip("validation split not embedded")
    counts = checkpoints.verify(name)["metrics"]["val"]
    measured = training.evaluate(checkpoints.load(name), data.embedded_digits())
    assert counts["samples"] == 5000 and abs(measured - counts["errors"]) <= 1
    assert checkpoints.load_history(name).epochs > 0


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_checkpoint_repeats_its_test_errors(name):
    try:
        test = data.load(name.split("/")[0]).test
    except FileNotFoundError as error:
        pytest.skip(f"needs the full data set: {error}")
    counts = checkpoints.verify(name)["metrics"]["test"]
    measured = training.evaluate(checkpoints.load(name), test)
    # Letters are drawn anew, and another processor may draw a few grey levels differently.
    allowed = 10 if name.startswith("letters/") else 1
    assert counts["samples"] == len(test) and abs(measured - counts["errors"]) <= allowed
