"""All choices of one run in one frozen recipe."""

from dataclasses import asdict, dataclass, field, replace

from torch import Generator, Tensor

from kdutils import checks
from kdutils.data.augment import PICTURES, Augmentation, flip, jitter
from kdutils.data.load import NAMES
from kdutils.experiments.methods import METHODS
from kdutils.experiments.reports import REPORTS
from kdutils.models.starts import Unshared
from kdutils.settings import Settings
from kdutils.specialists import Specialty
from kdutils.transfer import Transfer

# Of the biases of unseen classes, in logits: -2 to 20 in steps of a quarter, then whole ones to 60
# for students without a teacher. Some recorded rows end at 20.
SHIFTS = (*(quarter / 4 for quarter in range(-8, 81)), *map(float, range(21, 61)))

# What a recipe gives where its method takes it, and nowhere else.
GIVEN = ("teacher", "temperature", "alpha", "weight", "smoothing", "members")


@dataclass(frozen=True)
class Recipe:
    """All choices of one run; together with a seed it decides every bit of the result.

    Attributes:
        run: the run's name in ``runs.csv``, unique within its experiment.
        method: a key of :data:`methods.METHODS`.
        training: the numbers of the loop; None where nothing is trained.
        model, size: arguments of :func:`models.create`.
        dataset: name for :func:`data.load`.
        seeds: the run is made with seeds 0..seeds-1.
        teacher: checkpoint to learn from; only with methods that have a teacher.
        start: run whose checkpoint of the same seed the net starts from, before it is quantized
            to the bits of ``size`` or given the classes of ``specialty``; random weights if None.
        specialty: the classes that the net is a specialist for, found in what the run of
            ``start`` predicts; it learns from them and as many pictures of the others, and is
            measured on them alone.
        own_teacher: the student of seed s learns from the teacher's seed s, not from seed 0.
        members: runs whose checkpoints of the same seed are the ensemble.
        spread: member i is of seed spread * s + i instead, for unrelated nets of one run; the
            number of members makes ensembles that have none in common.
        unshared: how the starting weights differ from those of the same seed's teacher, which
            are the net's own if this is None and ``draws_from`` is the teacher's.
        draws_from: added to the seed where weights, batches and shifts are drawn, so that no
            student starts as a member of its teacher did.
        temperature, alpha: of the distillation loss; only with methods that have them.
        weight: c of the homework's second term; only with ``q3`` and ``q4``.
        t_squared: False leaves the factor T² out of that loss.
        smoothing: share of the uniform distribution; only with ``smooth``.
        jitter: largest shift of training images in pixels; 0 leaves them as they are. A teacher
            sees the same shifted images as its student.
        flip: training images are mirrored at random, too.
        pictures: a key of :data:`augment.PICTURES`: every training image is replaced by one of
            those, drawn anew in every epoch, and the teacher is asked live about that.
        transfer: what the student is shown of the training split; all of it if None.
        ship: the weights of that many seeds, from 0 on, go to ``checkpoints/``.
        keep: those of the other seeds go to ``data/kept/``, outside the repository, for later
            runs to learn from.
        reports: what ``extra`` records of the run, by keys of ``reports.REPORTS``.
        validations: how often the run looks at the validation split, evenly spread.
        precision: of the training, see :func:`training.fit`; ``fp32`` makes rows that compare
            between machines, and for nets of dense layers it is no slower than ``bf16``.
        measure_test: False for runs that only serve a choice made on validation.
    """

    run: str
    method: str
    training: Settings | None = None
    model: str = "mlp"
    size: dict[str, float] = field(default_factory=dict)
    dataset: str = "mnist"
    seeds: int = 5
    teacher: str | None = None
    start: str | None = None
    specialty: Specialty | None = None
    own_teacher: bool = False
    members: tuple[str, ...] = ()
    spread: int = 0
    draws_from: int = 0
    unshared: Unshared | None = None
    temperature: float | None = None
    alpha: float | None = None
    weight: float | None = None
    t_squared: bool = True
    smoothing: float | None = None
    jitter: int = 0
    flip: bool = False
    pictures: str = ""
    transfer: Transfer | None = None
    ship: int = 0
    keep: bool = False
    reports: tuple[str, ...] = ()
    validations: int = 5
    precision: str = "auto"
    measure_test: bool = True

    def __post_init__(self) -> None:
        checks.one_of("method", self.method, METHODS)
        method = METHODS[self.method]
        wanted = {name: name in method.takes for name in GIVEN}
        for name, needed in {"training": bool(method.objective), **wanted}.items():
            if (getattr(self, name) not in (None, ())) != needed:
                raise ValueError(
                    f"{name} must be given exactly where the method takes it, "
                    f"got {getattr(self, name)!r} with method {self.method!r} in run {self.run!r}"
                )
        checks.one_of("dataset", self.dataset, NAMES)
        for report in self.reports:
            checks.one_of("reports", report, REPORTS)
        checks.number("seeds", self.seeds, 1, whole=True)
        checks.number("jitter", self.jitter, 0, whole=True)
        checks.one_of("pictures", self.pictures, ("", *PICTURES))
        if self.temperature is not None:
            checks.temperature(self.temperature)
        for name in ("alpha", "smoothing"):
            if getattr(self, name) is not None:
                checks.fraction(name, getattr(self, name))
        if self.specialty and (not self.start or self.transfer or self.augmentation()):
            raise ValueError(
                f"start must be given and transfer, jitter, flip and pictures must be off with "
                f"a specialty, got start {self.start!r} in run {self.run!r}"
            )
        if self.unshared and self.start:
            raise ValueError(
                f"start must be off with unshared, got {self.start!r} in run {self.run!r}"
            )
        if self.augmentation() and self.transfer and self.transfer.unseen:
            raise ValueError(
                f"jitter, flip and pictures must be off with unseen classes, "
                f"got {self.jitter}, {self.flip}, {self.pictures!r}"
            )

    @property
    def model_name(self) -> str:
        """Name of the net as the ``model`` column shows it, e.g. ``mlp-800``."""
        sizes = [str(value) for key, value in self.size.items() if "dropout" not in key]
        return "-".join([self.model, *sizes])

    def on(self, dataset: str) -> "Recipe":
        """Return the same run on another data set, with that one's teachers."""

        def moved(checkpoint: str | None) -> str | None:
            own = checkpoint and checkpoint.startswith(f"{self.dataset}/")
            return f"{dataset}/{checkpoint.partition('/')[2]}" if own else checkpoint

        return replace(
            self,
            dataset=dataset,
            teacher=moved(self.teacher),
            start=moved(self.start),
            members=tuple(map(moved, self.members)),
        )

    def augmentation(self) -> Augmentation | None:
        """Return what ``training.fit`` applies to each batch."""
        if self.pictures:
            return PICTURES[self.pictures]
        if not (self.jitter or self.flip):
            return None

        def augment(images: Tensor, generator: Generator | None) -> Tensor:
            if self.jitter:
                images = jitter(images, self.jitter, generator)
            return flip(images, generator) if self.flip else images

        return augment

    def extra(self) -> dict:
        """Return what the ``extra`` column records beyond the common columns."""
        names = ("teacher", "start", "own_teacher", "members", "spread", "weight")
        names += ("draws_from", "smoothing", "jitter", "flip", "pictures")
        extra = {name: getattr(self, name) for name in names if getattr(self, name)}
        if self.specialty:
            extra["specialty"] = asdict(self.specialty)
        if self.unshared:
            extra["unshared"] = asdict(self.unshared)
        if self.transfer:
            names = ("unseen", "fraction", "rest", "labels")
            shown = {name: getattr(self.transfer, name) for name in names}
            extra |= {name: v for name, v in shown.items() if v != getattr(Transfer, name)}
        return extra
