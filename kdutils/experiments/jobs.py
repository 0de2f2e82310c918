"""A job is one run of one seed: what it needs, and the files that it leaves behind."""

import hashlib
import itertools
from pathlib import Path
from typing import NamedTuple

from kdutils import checkpoints
from kdutils.checkpoints import FOLDER
from kdutils.experiments.recipe import Recipe
from kdutils.files import ROOT

# Beside the project's own checkpoints; another folder has both inside, see _place.
SNAPSHOTS = ROOT / "data" / "snapshots"
# Weights that later runs learn from but that do not ship.
KEPT = ROOT / "data" / "kept"


class Job(NamedTuple):
    """One run of one seed."""

    experiment: str
    recipe: Recipe
    seed: int

    @property
    def checkpoint(self) -> str | None:
        """Name of the checkpoint that this run leaves behind, if it does."""
        name = of_seed(f"{self.recipe.dataset}/{self.recipe.run}", self.seed)
        return name if self.ships or self.recipe.keep else None

    @property
    def ships(self) -> bool:
        """Whether that checkpoint is part of the repository."""
        return self.seed < self.recipe.ship

    @property
    def teacher(self) -> str | None:
        """Name of the checkpoint that this run learns from, if it does."""
        if not self.recipe.teacher:
            return None
        return of_seed(self.recipe.teacher, self.seed if self.recipe.own_teacher else 0)

    @property
    def needs(self) -> set[str]:
        """Names of the checkpoints that must be there before this run can start."""
        start = (self.recipe.start,) if self.recipe.start else ()
        own = {of_seed(name, self.seed) for name in start}
        return own.union(self.members, {self.teacher} if self.teacher else ())

    @property
    def drawn_from(self) -> int:
        """Seed of the starting weights, of batches and of what changes the images."""
        return self.seed + self.recipe.draws_from

    @property
    def members(self) -> list[str]:
        """Names of the checkpoints that this run puts together."""
        spread = self.recipe.spread
        seeds = itertools.count(spread * self.seed) if spread else itertools.repeat(self.seed)
        return [of_seed(name, s) for name, s in zip(self.recipe.members, seeds, strict=False)]

    def snapshot(self, folder: Path = FOLDER) -> Path:
        """Return the file that keeps the run's state while it trains.

        Args:
            folder: the checkpoints' folder.
        """
        # The recipe's digest keeps a run from going on where another recipe of that name stopped;
        # defaults are left out, so that a new field costs no state.
        choices = {k: v for k, v in vars(self.recipe).items() if v != getattr(Recipe, k, None)}
        digest = hashlib.sha256(repr(choices).encode()).hexdigest()[:8]
        name = f"{self.recipe.run}-s{self.seed}-{digest}.pt"
        return _place(SNAPSHOTS, folder) / self.experiment / name

    def home(self, folder: Path = FOLDER) -> Path:
        """Return the folder that the checkpoint goes to, for the checkpoints' folder."""
        return folder if self.ships else _place(KEPT, folder)

    def files(self, folder: Path = FOLDER) -> list[Path]:
        """Return the files that this run alone writes: its state and its weights, if it has any."""
        weights = self.checkpoint and self.home(folder) / f"{self.checkpoint}.safetensors"
        return [self.snapshot(folder), *([weights] if weights else [])]


def of_seed(checkpoint: str, seed: int) -> str:
    """Return the name of a run's checkpoint of that seed; seed 0 has the run's own."""
    return f"{checkpoint}-s{seed}" if seed else checkpoint


def _place(own: Path, folder: Path) -> Path:
    """Return where what does not ship lies: for the project's own folder as given, else inside."""
    return own if Path(folder).resolve() == FOLDER.resolve() else Path(folder) / own.name


def home_of(name: str, folder: Path) -> Path:
    """Return the folder that has a checkpoint: that of the shipped ones or of those kept."""
    kept = _place(KEPT, folder)
    for home in (folder, kept):
        if name in checkpoints.read_manifest(home):
            return home
    raise FileNotFoundError(
        f"{name} is neither in {folder} nor in {kept}: run reproduce for it first; if its row is "
        f"recorded already, delete that row from runs.csv before"
    )
