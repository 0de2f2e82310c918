"""The runs behind each notebook: one frozen recipe per run, one table per experiment."""

from dataclasses import dataclass, field, replace

from kdutils.data import jitter
from kdutils.training import Augmentation, Settings


@dataclass(frozen=True)
class Recipe:
    """All choices of one run; together with a seed it decides every bit of the result.

    Attributes:
        run: the run's name in ``runs.csv``, unique within its experiment.
        method: ``hard`` (labels), ``smooth`` (label smoothing) or ``kd`` (distillation).
        training: the numbers of the loop.
        model, size: arguments of :func:`models.create`.
        dataset: name for :func:`data.load`.
        seeds: the run is made with seeds 0..seeds-1.
        teacher: checkpoint to learn from; only with ``kd``.
        temperature, alpha: of the distillation loss; only with ``kd``.
        smoothing: share of the uniform distribution; only with ``smooth``.
        jitter: largest shift of training images in pixels; 0 leaves them as they are. A teacher
            sees the same shifted images as its student.
        ship: seed 0's weights go to ``checkpoints/``.
        measure_test: False for runs that only serve a choice made on validation.
    """

    run: str
    method: str
    training: Settings
    model: str = "mlp"
    size: dict[str, float] = field(default_factory=dict)
    dataset: str = "mnist"
    seeds: int = 5
    teacher: str | None = None
    temperature: float | None = None
    alpha: float | None = None
    smoothing: float | None = None
    jitter: int = 0
    ship: bool = False
    measure_test: bool = True

    def __post_init__(self) -> None:
        needs = {"hard": (), "smooth": ("smoothing",), "kd": ("teacher", "temperature", "alpha")}
        if self.method not in needs:
            raise ValueError(f"method must be one of {list(needs)}, got {self.method!r}")
        for name in ("teacher", "temperature", "alpha", "smoothing"):
            if (getattr(self, name) is not None) != (name in needs[self.method]):
                raise ValueError(
                    f"{name} must be given exactly where the method needs it, "
                    f"got {getattr(self, name)!r} with method {self.method!r} in run {self.run!r}"
                )

    @property
    def model_name(self) -> str:
        """Name of the net as the ``model`` column shows it, e.g. ``mlp-800``."""
        sizes = [str(value) for key, value in self.size.items() if "dropout" not in key]
        return "-".join([self.model, *sizes])

    def augmentation(self) -> Augmentation | None:
        """Return what ``training.fit`` applies to each batch."""
        if not self.jitter:
            return None
        return lambda images, generator: jitter(images, self.jitter, generator)

    def extra(self) -> dict:
        """Return what the ``extra`` column records beyond the common columns."""
        names = ("teacher", "smoothing", "jitter")
        return {name: getattr(self, name) for name in names if getattr(self, name)}


def _distillation_beats_baseline() -> tuple[Recipe, ...]:
    """Hinton's MNIST experiment, its controls, and the sweep that chose T and alpha."""
    teacher = Recipe(
        "teacher",
        "hard",
        Settings(epochs=150, lr=1e-3, batch_size=256, optimizer="adam", schedule="linear"),
        size={"hidden": 1200, "dropout": 0.4, "input_dropout": 0.1},
        jitter=2,
        ship=True,
    )
    # The same for every student, so that no arm is favoured.
    hard = Recipe(
        "student-hard",
        "hard",
        Settings(epochs=100, lr=1e-3, batch_size=256, optimizer="adam", schedule="linear"),
        size={"hidden": 800},
        ship=True,
    )
    # T and alpha: the cell of the sweep below with the fewest validation errors.
    kd = replace(
        hard, run="student-kd", method="kd", teacher="mnist/teacher", temperature=4.0, alpha=0.25
    )
    sweep = [
        replace(
            kd,
            training=replace(kd.training, epochs=50),
            run=f"alpha-sweep-a{alpha:g}-t{temperature:g}",
            alpha=alpha,
            temperature=float(temperature),
            seeds=1,
            ship=False,
            measure_test=False,
        )
        for alpha in (0.0, 0.25, 0.5, 0.75, 0.9, 1.0)
        for temperature in (1, 4, 20)
    ]
    return (
        teacher,
        hard,
        replace(hard, run="student-hard-jitter", jitter=2, ship=False),
        replace(hard, run="student-smooth", method="smooth", smoothing=0.1, ship=False),
        kd,
        replace(kd, run="student-kd-t20", temperature=20.0, ship=False),
        replace(kd, run="student-kd-jitter", jitter=2),
        *sweep,
    )


EXPERIMENTS: dict[str, tuple[Recipe, ...]] = {
    "02_distillation_beats_baseline": _distillation_beats_baseline(),
}


def find_recipes(experiment: str) -> tuple[Recipe, ...]:
    """Return the recipes of an experiment.

    Raises:
        ValueError: unknown experiment.
    """
    if experiment not in EXPERIMENTS:
        raise ValueError(f"experiment must be one of {sorted(EXPERIMENTS)}, got {experiment!r}")
    return EXPERIMENTS[experiment]
