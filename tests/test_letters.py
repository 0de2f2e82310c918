import hashlib
import unicodedata
from collections import Counter, defaultdict
from itertools import combinations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from kdutils import data, objectives, training
from kdutils.data import letters as module
from kdutils.data.letters import ALPHABETS, clean_letters, held_out_face, letters
from kdutils.models.layers import Standardize

# Of A, g, ж and λ in the first face; and the middle rows of the first and the last test picture.
CLEAN = "861ac4e4e7174ca6cc5ebdc3545458e84c2ea32b6103a83efed8b99a21ba2f22"
ROWS = (
    [0, 0, 7, 2, 10, 2, 75, 120, 83, 0, 0, 29, 117, 107, 48, 0, 6, 0, 0, 0, 0, 3, 17, 1],
    [7, 7, 12, 10, 11, 13, 34, 190, 216, 142, 23, 57, 177, 176, 106, 10, 8, 7, 11, 9, 8, 7, 9, 8],
)


def pictures(split):
    return {image.numpy().tobytes() for image in split.images}


def digest(images):
    return hashlib.sha256(images.numpy().tobytes()).hexdigest()


def test_there_are_1212_letters_of_five_alphabets_and_five_signs():
    classes, drawings = clean_letters()
    assert drawings.shape == (1212, 12, 48, 48) and drawings.dtype == torch.uint8
    assert list(classes) == sorted(set(classes))
    sizes = [len(clean_letters(alphabet)[0]) for alphabet in ALPHABETS]
    assert sizes == [725, 242, 123, 74, 43] and sum(sizes) + 5 == 1212
    assert unicodedata.name(clean_letters("greek")[0][0]).startswith("GREEK")
    at = classes.index("ж")
    cyrillic, drawn = clean_letters("cyrillic")
    assert torch.equal(drawn[cyrillic.index("ж")], drawings[at])


def test_look_alikes_are_one_class_and_no_two_classes_are_alike_in_most_faces():
    classes, drawings = clean_letters()
    assert set("AOeéÐ") <= set(classes)  # of which the others are look-alikes: Greek, Cyrillic …
    assert not set("\N{GREEK CAPITAL LETTER ALPHA}\N{CYRILLIC CAPITAL LETTER A}ОеĐ") & set(classes)
    cosines = []
    for face in drawings.float().unbind(1):
        unit = F.normalize(F.avg_pool2d(face, 2).flatten(1))
        cosines.append(unit @ unit.T)
    seventh = torch.stack(cosines).kthvalue(6, dim=0).values.triu(1).max()
    assert 0.99 < seventh < module.ALIKE - 5e-4  # far enough that rounding decides nothing


def test_no_two_classes_share_a_picture_in_most_faces():
    _, drawings = clean_letters()
    shared = Counter()
    for face in drawings.unbind(1):
        same = defaultdict(list)
        for row, drawing in enumerate(face):
            same[drawing.numpy().tobytes()].append(row)
        shared.update(pair for rows in same.values() for pair in combinations(rows, 2))
    assert shared and max(shared.values()) <= 6


def test_every_class_is_in_every_split_in_its_place():
    georgian = letters("georgian", per_class=25)
    assert (georgian.name, len(georgian.classes)) == ("letters-georgian", 43)
    sizes = {"train": 25, "val": 20, "test": 20}
    splits = {part: getattr(georgian, part) for part in sizes}
    splits["face"], sizes["face"] = held_out_face("georgian", per_class=3), 3
    for part, split in splits.items():
        assert split.images.shape == (43 * sizes[part], 1, 24, 24)
        assert split.images.dtype == torch.uint8 and split.labels.dtype == torch.int64
        assert torch.bincount(split.labels).tolist() == [sizes[part]] * 43
    # Their mean looks like the letter that the label names.
    means = georgian.train.images.float().view(43, 25, -1).mean(1)
    clean = F.avg_pool2d(clean_letters("georgian")[1].float().mean(1), 2).flatten(1)
    means, clean = (F.normalize(x - x.mean(0)) for x in (means, clean))
    named = georgian.train.labels.view(43, 25)[:, 0]
    assert ((means @ clean.T).argmax(1) == named).float().mean() > 0.95


def test_the_same_seed_draws_the_same_bytes_and_another_seed_others():
    first, again = letters("georgian", 3), letters("georgian", 3)
    other = letters("georgian", 3, seed=1)
    for part in ("train", "val", "test"):
        assert digest(getattr(first, part).images) == digest(getattr(again, part).images)
        assert not pictures(getattr(first, part)) & pictures(getattr(other, part))
    faces = [held_out_face("georgian", 3, seed) for seed in (0, 0, 1)]
    assert torch.equal(faces[0].images, faces[1].images)
    assert not pictures(faces[0]) & pictures(faces[2])


def test_validation_and_test_stay_when_more_is_drawn_to_learn_from():
    few, many = letters("georgian", 2), letters("georgian", 40)
    assert torch.equal(few.val.images, many.val.images)
    assert torch.equal(few.test.images, many.test.images)


def test_no_picture_is_drawn_twice():
    armenian = letters("armenian", 40)
    splits = [armenian.train, armenian.val, armenian.test, held_out_face("armenian")]
    assert len(set.union(*map(pictures, splits))) == sum(map(len, splits))


def test_faces_take_turns_and_the_held_out_one_is_not_among_them(monkeypatch):
    """Each face's drawings become one flat grey, so that a picture tells which face it is in."""
    classes, drawings = clean_letters()
    grey = torch.arange(12, dtype=torch.uint8).mul(20).view(1, 12, 1, 1).expand_as(drawings)
    monkeypatch.setattr(module, "_distinct_letters", lambda: (classes, grey))

    def uniform(shape, generator):
        return torch.full(shape, 0.5)

    monkeypatch.setattr(torch, "rand", uniform)  # no turn, no shift, scale 0.95, no luck
    monkeypatch.setattr(torch, "randn", lambda count, generator: torch.zeros(count))
    drawn = letters("georgian", 24)
    shown = [split.images[:, 0, 12, 12].float() for split in (drawn.train, drawn.val, drawn.test)]
    expected = (torch.arange(24) % 11 * 20 * 0.7 + 12.5).floor()
    for found in shown:
        turns = found.view(43, -1)
        assert torch.equal(turns, expected[: turns.shape[1]].expand_as(turns))
    face = held_out_face("georgian", 2).images[:, 0, 12, 12]
    assert face.unique().tolist() == [int(11 * 20 * 0.7 + 12.5)]


def test_a_few_drawings_are_pinned():
    classes, drawings = clean_letters()
    clean = torch.stack([drawings[classes.index(letter), 0] for letter in "Agжλ"])
    assert digest(clean) == CLEAN, "another Pillow or FreeType draws the fonts otherwise"
    drawn = letters("georgian", 1).test.images[[0, -1], 0, 12]
    assert (drawn.int() - torch.tensor(ROWS)).abs().max() <= 1


def test_pictures_are_white_on_black_legible_and_varied():
    drawn = letters("armenian", 50).train.images[:, 0].float()
    edge = torch.cat([drawn[:, [0, -1]].flatten(1), drawn[:, :, [0, -1]].flatten(1)], 1)
    assert edge.mean() < 30 and drawn.amax((1, 2)).min() > 70
    assert drawn.view(-1, 50, 24, 24).std(1).mean() > 20


def test_a_small_net_learns_them_and_reads_a_new_face():
    georgian = letters("georgian", 60)
    training.set_seed(0)
    net = nn.Sequential(
        *[Standardize(0.17, 0.2), nn.Flatten()],
        *[nn.Linear(576, 128), nn.ReLU(), nn.Linear(128, 43)],
    )
    objective = objectives.hard_labels()
    training.fit(net, georgian.train, objective, epochs=8, batch_size=64, lr=2e-3, progress=False)
    assert training.evaluate(net, georgian.test) < 0.45 * 860  # 0.98 by guessing
    assert training.evaluate(net, held_out_face("georgian")) < 0.5 * 860


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"alphabet": "Greek"}, r"alphabet must be one of \('all', 'latin'.*got 'Greek'"),
        ({"alphabet": None}, "alphabet must be one of .* got None"),
        ({"per_class": 0}, "per_class must be a whole number >= 1, got 0"),
        ({"per_class": 1.5}, "per_class must be a whole number >= 1, got 1.5"),
        ({"seed": -1}, r"seed must be a whole number from 0 to 2\*\*30 - 1, got -1"),
        ({"seed": 2**30}, r"got 1073741824"),
        ({"seed": "0"}, r"got '0'"),
    ],
)
def test_what_is_asked_for_is_checked(arguments, message):
    for draw in (letters, held_out_face):
        with pytest.raises(ValueError, match=message):
            draw(**{"alphabet": "georgian", "per_class": 1} | arguments)


def test_other_fonts_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("matplotlib.get_data_path", lambda: str(tmp_path))
    with pytest.raises(ValueError, match=r"the fonts must be .*DejaVu 2\.35 .*82a85208bda9"):
        module._distinct_letters.__wrapped__()


def test_other_classes_than_those_of_the_shipped_weights_are_refused(monkeypatch):
    monkeypatch.setattr(module, "ALIKE", 1.1)  # nothing is a look-alike any more
    with pytest.raises(ValueError, match=r"the letters drawn from them must be .* got .* Pillow"):
        module._distinct_letters.__wrapped__()


def test_the_data_set_is_loaded_by_name(monkeypatch):
    few = clean_letters("georgian")
    monkeypatch.setattr(module, "_distinct_letters", lambda: few)
    loaded = data.load("letters")
    assert (loaded.name, loaded.classes) == ("letters", few[0])
    assert [len(split) for split in (loaded.train, loaded.val, loaded.test)] == [12900, 860, 860]
