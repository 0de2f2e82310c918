"""The runs of notebook 08: a homework on quantized nets, on house numbers."""

from dataclasses import replace

from kdutils.experiments.recipe import Recipe
from kdutils.settings import Settings

TEMPERATURE_GRID = (1, 2, 4, 8, 16)
WEIGHT_BITS = (1, 2, 4, 8, 32)
ACTIVATION_BITS = (1, 2, 4, 32)
HOMEWORK = {"weight_bits": 2, "activation_bits": 1}
# Each question's temperature and, for other bits and widths, the better one of the two that have
# a teacher; chosen on validation errors, mean of five seeds.
CHOSEN = {"q2": 8, "q3": 4, "q4": 4}
TAUGHT = "q3"
# Runs that are made with the long schedule, too.
PATIENT = (
    *("q1-hard", "q1-smooth", "w32a32-hard"),
    *(f"{question}-t{temperature}" for question, temperature in CHOSEN.items()),
)

PRECISE = Settings(epochs=30, lr=1e-3, batch_size=100, schedule="one-cycle")
# Chosen on the validation errors of q1-hard, seed 0: lr 1e-3 175, 3e-3 146, 8e-3 139.
FEW_BITS = replace(PRECISE, epochs=20, lr=8e-3)
LONG = replace(FEW_BITS, epochs=60)


def _full(width: float, run: str, seeds: int) -> Recipe:
    return Recipe(
        run,
        "q1",
        PRECISE,
        "svhn-cnn",
        {"width": width},
        dataset="svhn10k",
        seeds=seeds,
        jitter=2,
        keep=True,
    )


def _quantized(full: Recipe, run: str, bits: dict[str, int], **changes: object) -> Recipe:
    # Nets of few bits learn slowly, so each starts from the weights of the full-precision net of
    # its width and seed: in the baseline as in every other run.
    return replace(
        full,
        run=run,
        training=FEW_BITS,
        size={**full.size, **bits},
        start=f"{full.dataset}/{full.run}",
        ship=0,
        keep=False,
        **changes,
    )


def _taught(
    recipe: Recipe, run: str, question: str, temperature: float, **changes: object
) -> Recipe:
    """Return a run of one of the questions 2 to 4, with c = T² where there is a c."""
    choices = {"method": question, "temperature": float(temperature)}
    if question != "q4":
        choices["teacher"] = f"{recipe.dataset}/teacher"
    if question != "q2":
        choices["weight"] = float(temperature**2)
    return replace(recipe, run=run, **{**choices, **changes})


def recipes() -> tuple[Recipe, ...]:
    """The four questions at every temperature, then bits and widths, hard and distilled."""
    teacher = replace(_full(1, "teacher", 3), ship=1)
    full = replace(_full(1 / 4, "full", 5), ship=1)
    hard = _quantized(full, "q1-hard", HOMEWORK)
    questions = [
        _taught(hard, f"{question}-t{temperature}", question, temperature)
        for question in ("q2", "q3", "q4")
        for temperature in TEMPERATURE_GRID
    ]
    runs = [
        teacher,
        full,
        replace(hard, ship=1),
        *[replace(run, ship=int(run.temperature == CHOSEN[run.method])) for run in questions],
        _taught(hard, f"q3-t{CHOSEN['q3']}-c1", "q3", CHOSEN["q3"], weight=1.0),
        replace(hard, run="q1-smooth", method="smooth", smoothing=0.1),
    ]
    for weight_bits in WEIGHT_BITS:
        for activation_bits in ACTIVATION_BITS:
            bits = {"weight_bits": weight_bits, "activation_bits": activation_bits}
            if bits != HOMEWORK:  # those are the runs above
                name = f"w{weight_bits}a{activation_bits}"
                # Without any quantization it is the control at equal epochs.
                seeds = 5 if name == "w32a32" else 3
                baseline = _quantized(full, f"{name}-hard", bits, seeds=seeds)
                runs += [baseline, _taught(baseline, f"{name}-kd", TAUGHT, CHOSEN[TAUGHT])]
    by_name = {run.run: run for run in runs}
    runs += [replace(by_name[name], run=f"{name}-long", training=LONG, ship=0) for name in PATIENT]
    narrow = [_full(width, f"width{width:g}-full", 3) for width in (1 / 2, 1 / 8)]
    runs += narrow
    for wide in (teacher, *narrow):  # at full width the precise student is the teacher itself
        name = f"width{wide.size['width']:g}"
        baseline = _quantized(wide, f"{name}-hard", HOMEWORK)
        runs += [baseline, _taught(baseline, f"{name}-kd", TAUGHT, CHOSEN[TAUGHT])]
    packed = Recipe(
        f"q3-t{CHOSEN['q3']}-packed",
        "packed",
        model=hard.model,
        size=hard.size,
        dataset=hard.dataset,
        seeds=1,
        members=(f"{hard.dataset}/q3-t{CHOSEN['q3']}",),
        ship=1,
    )
    return (*runs, packed)
