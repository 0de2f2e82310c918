"""Pictures of 1,212 letters, drawn on demand: many classes, plenty of data, no download.

The twelve DejaVu faces inside matplotlib (Sans, Sans Mono and Serif; regular, bold, oblique and
both) have 1,338 letters in common, Latin, Greek, Cyrillic, Armenian, Georgian and five signs.
Look-alikes such as Latin A and Greek Α are one class. Each letter is drawn once per face with
Pillow; every sample is one of these drawings, distorted by lot in the manner of MNIST.
"""

import hashlib
import unicodedata
from functools import lru_cache
from pathlib import Path

import matplotlib
import PIL
import torch
from matplotlib.ft2font import FT2Font
from PIL import Image, ImageDraw, ImageFont
from torch import Generator, Tensor
from torch.nn import functional as F

from kdutils.data.splits import Dataset, Split

SIDE = 24  # of a picture, in pixels
CELL, ROOM, SIZE = 48, 44, 40  # of a clean drawing: its side, that of the ink, the type's size
ALPHABETS = ("latin", "greek", "cyrillic", "armenian", "georgian")
# Families take turns, so that a few drawings per letter are varied. The last face is held out:
# of all twelve, its letters are least like those of any other face.
FACES = tuple(
    "Sans Serif SansMono Sans-Bold Serif-Bold SansMono-Bold Sans-Oblique SansMono-Oblique "
    "Sans-BoldOblique Serif-BoldItalic SansMono-BoldOblique Serif-Italic".split()
)
# Two letters are look-alikes if the cosine of their drawings, at the size of a picture, is at least
# this in more than half of the faces. It lies in a gap: no pair's seventh best face has between
# 0.9936 and 0.9952.
ALIKE = 0.9945
# SHA-256 of the twelve files (version 2.35), and of the classes that are found in them.
FONTS = "82a85208bda910c3268f04e56f7e77db712c9e288f7b5406ddbf2b232cf944ec"
CLASSES = "6d2368a28cfbe20f1d2a4fbe32b2cee4ceec508ca6bf74400d0539837e035899"
EVALUATED = 20  # drawings per class in validation and test


def letters(alphabet: str = "all", per_class: int = 300, seed: int = 0) -> Dataset:
    """Draw a data set of letters in eleven faces.

    The faces take turns; scale, turn, shear, shift, contrast, blur and noise are drawn by lot,
    separately for the three splits.

    Args:
        alphabet: ``latin``, ``greek``, ``cyrillic``, ``armenian``, ``georgian`` or ``all``. A
            look-alike belongs to the alphabet that comes first: A is Latin only.
        per_class: drawings of each letter to learn from, >= 1.
        seed: of everything drawn by lot, 0 to 2**30 - 1. The same seed gives the same bytes;
            another processor or version of Pillow may change a few grey levels a little.

    Returns:
        ``per_class`` / 20 / 20 drawings of each letter, sorted by class: images uint8
        (N, 1, 24, 24), white on black, labels int64 (N,); ``classes`` are the letters.

    Raises:
        ValueError: an argument is out of range, or the fonts are not those of version 2.35.

    Source: Fonts of Bitstream Vera, extended by the DejaVu project, as shipped with matplotlib.

    >>> letters("armenian", per_class=30).train.images.shape
    torch.Size([2220, 1, 24, 24])
    """
    classes, drawings = clean_letters(alphabet)
    counts = (per_class, EVALUATED, EVALUATED)
    splits = [_split(drawings[:, :-1], n, seed, part) for part, n in enumerate(counts)]
    name = "letters" if alphabet == "all" else f"letters-{alphabet}"
    return Dataset(name, "drawn from the DejaVu fonts in matplotlib", classes, *splits)


def held_out_face(alphabet: str = "all", per_class: int = EVALUATED, seed: int = 0) -> Split:
    """Draw letters in the one face that :func:`letters` never uses, DejaVu Serif Italic.

    Args:
        alphabet: as for :func:`letters`; the labels are the same.
        per_class: drawings of each letter, >= 1.
        seed: 0 to 2**30 - 1.

    Returns:
        uint8 images (N, 1, 24, 24) and int64 labels, sorted by class.

    Raises:
        ValueError: as for :func:`letters`.

    >>> len(held_out_face("greek", per_class=2))
    484
    """
    return _split(clean_letters(alphabet)[1][:, -1:], per_class, seed, 3)


def clean_letters(alphabet: str = "all") -> tuple[tuple[str, ...], Tensor]:
    """Return the letters of an alphabet and their clean drawings in all faces.

    Args:
        alphabet: as for :func:`letters`.

    Returns:
        The C letters by code point, and uint8 drawings (C, 12, 48, 48) in the order of ``FACES``.

    Raises:
        ValueError: unknown alphabet, or the fonts are not those of version 2.35.
    """
    if alphabet != "all" and alphabet not in ALPHABETS:
        raise ValueError(f"alphabet must be one of {('all', *ALPHABETS)}, got {alphabet!r}")
    classes, drawings = _distinct_letters()
    start = "" if alphabet == "all" else alphabet.upper()  # of a letter's name in Unicode
    rows = [i for i, letter in enumerate(classes) if unicodedata.name(letter).startswith(start)]
    return tuple(classes[i] for i in rows), drawings[rows]


@lru_cache(maxsize=1)
def _distinct_letters() -> tuple[tuple[str, ...], Tensor]:
    folder = Path(matplotlib.get_data_path(), "fonts", "ttf")
    paths = [folder / f"DejaVu{face}.ttf" for face in FACES]
    _check("the fonts", FONTS, b"".join(p.read_bytes() for p in paths if p.is_file()))
    common = set.intersection(*(set(FT2Font(str(path)).get_charmap()) for path in paths))
    names = [c for c in map(chr, sorted(common)) if unicodedata.category(c) in ("Lu", "Ll", "Lo")]
    fonts = [ImageFont.truetype(p, SIZE, layout_engine=ImageFont.Layout.BASIC) for p in paths]
    pictures = b"".join(_clean(name, font) for name in names for font in fonts)
    drawings = torch.frombuffer(bytearray(pictures), dtype=torch.uint8)
    drawings = drawings.view(len(names), len(fonts), CELL, CELL)
    faces = 0  # in how many of them two letters are alike
    for face in drawings.unbind(1):
        small = F.normalize(F.avg_pool2d(face.float(), CELL // SIDE).flatten(1))
        faces += (small @ small.T >= ALIKE).int()
    kept = ~(faces.triu(1) > len(fonts) // 2).any(0)  # unless an earlier letter looks like it
    classes = tuple(name for name, keep in zip(names, kept, strict=True) if keep)
    _check("the letters drawn from them", CLASSES, "".join(classes).encode())
    return classes, drawings[kept]


def _check(what: str, expected: str, content: bytes) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise ValueError(
            f"{what} must be those of DejaVu 2.35 as in matplotlib 3.11 and Pillow 13 (SHA-256 "
            f"{expected[:12]}…), got {found[:12]}… from matplotlib {matplotlib.__version__} in "
            f"{matplotlib.get_data_path()} and Pillow {PIL.__version__}"
        )


def _clean(letter: str, font: ImageFont.FreeTypeFont) -> bytes:
    """Return the pixels of one letter, centred by its ink; the largest are made to fit."""
    sheet = Image.new("L", (2 * CELL, 2 * CELL))
    ImageDraw.Draw(sheet).text((CELL, CELL), letter, fill=255, font=font, anchor="mm")
    ink = sheet.crop(sheet.getbbox())
    ink.thumbnail((ROOM, ROOM))
    cell = Image.new("L", (CELL, CELL))
    cell.paste(ink, ((CELL - ink.width) // 2, (CELL - ink.height) // 2))
    return cell.tobytes()


def _split(drawings: Tensor, per_class: int, seed: int, part: int) -> Split:
    if not (isinstance(per_class, int) and per_class >= 1):
        raise ValueError(f"per_class must be a whole number >= 1, got {per_class!r}")
    if not (isinstance(seed, int) and 0 <= seed < 2**30):
        raise ValueError(f"seed must be a whole number from 0 to 2**30 - 1, got {seed!r}")
    generator = Generator().manual_seed(4 * seed + part)
    images = torch.cat([_distort(block, per_class, generator) for block in drawings.split(8)])
    return Split(images, torch.arange(len(drawings)).repeat_interleave(per_class))


def _distort(drawings: Tensor, per_class: int, generator: Generator) -> Tensor:
    """Return uint8 pictures (C * per_class, 1, 24, 24) of clean drawings (C, faces, 48, 48)."""
    classes, faces = drawings.shape[:2]
    rounds = -(-per_class // faces)  # the faces take turns; what is too much is cut off

    def uniform(low: float, high: float) -> Tensor:
        shape = (classes * faces, rounds, 1, 1)
        return low + (high - low) * torch.rand(shape, generator=generator)

    # A point of the plane is a complex number: its product with ``right`` turns and scales it.
    right = torch.polar(1 / uniform(0.8, 1.1), uniform(-0.25, 0.25))
    down = right * torch.complex(uniform(-0.25, 0.25), torch.tensor(1.0))
    shift = torch.complex(*(uniform(-1.5, 1.5) * 2 / SIDE for _ in range(2)))
    steps = (torch.arange(SIDE) + 0.5) * 2 / SIDE - 1
    grid = torch.view_as_real(right * steps + (down * steps[:, None] + shift))
    # All distortions of one drawing are sampled from it at once, as one tall picture.
    grid = grid.view(-1, rounds * SIDE, SIDE, 2)
    clean = drawings.reshape(-1, 1, CELL, CELL).float()
    sharp, soft = (
        F.grid_sample(source, grid, align_corners=False).view(-1, rounds, SIDE, SIDE)
        for source in (clean, F.avg_pool2d(clean, 3))
    )
    pictures = sharp.lerp(soft, uniform(0, 1)).mul_(uniform(0.5, 0.9)).add_(uniform(0, 25))
    # Each picture's noise is a window, at a place of its own, of one long strip.
    windows = torch.randn(100_000, generator=generator).unfold(0, SIDE**2, 1)
    starts = torch.randint(len(windows), (classes * faces * rounds,), generator=generator)
    pictures.addcmul_(windows[starts].view(pictures.shape), uniform(2, 20))
    pictures = pictures.clamp_(0, 255).to(torch.uint8)
    pictures = pictures.view(classes, faces, rounds, SIDE, SIDE).transpose(1, 2)
    return pictures.flatten(1, 2)[:, :per_class].reshape(-1, 1, SIDE, SIDE)
