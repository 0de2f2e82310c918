"""The runs of notebook 08: a homework on quantized nets, on house numbers."""

from dataclasses import replace

from kdutils.recipe import Recipe
from kdutils.training import Settings

TEMPERATURES = (1, 2, 4, 8, 16)
WEIGHT_BITS = (1, 2, 4, 8, 32)
ACTIVATION_BITS = (1, 2, 4, 32)
HOMEWORK = {"weight_bits": 2, "activation_bits": 1}
# For the runs that try one temperature only; to be chosen on validation once q2 to q4 have run.
CHOSEN = 4
SHIPPED = {f"{question}-t{CHOSEN}" for question in ("q2", "q3", "q4")}

SETTINGS = Settings(epochs=30, lr=1e-3, batch_size=100, schedule="one-cycle")


def _full(width: float, run: str, seeds: int) -> Recipe:
    return Recipe(
        run,
        "q1",
        SETTINGS,
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


def quantized_svhn() -> tuple[Recipe, ...]:
    """The four questions at every temperature, then bits and widths, hard and distilled."""
    teacher = replace(_full(1, "teacher", 3), ship=1)
    full = replace(_full(1 / 4, "full", 5), ship=1)
    hard = _quantized(full, "q1-hard", HOMEWORK)
    questions = [
        _taught(hard, f"{question}-t{temperature}", question, temperature)
        for question in ("q2", "q3", "q4")
        for temperature in TEMPERATURES
    ]
    runs = [
        teacher,
        full,
        replace(hard, ship=1),
        *[replace(run, ship=1 if run.run in SHIPPED else 0) for run in questions],
        _taught(hard, f"q3-t{CHOSEN}-c1", "q3", CHOSEN, weight=1.0),
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
                runs += [baseline, _taught(baseline, f"{name}-kd", "q3", CHOSEN)]
    for width in (1, 1 / 2, 1 / 8):
        name = f"width{width:g}"
        wide = _full(width, f"{name}-full", 3)
        baseline = _quantized(wide, f"{name}-hard", HOMEWORK)
        runs += [wide, baseline, _taught(baseline, f"{name}-kd", "q3", CHOSEN)]
    packed = Recipe(
        f"q3-t{CHOSEN}-packed",
        "packed",
        model=hard.model,
        size=hard.size,
        dataset=hard.dataset,
        seeds=1,
        members=(f"{hard.dataset}/q3-t{CHOSEN}",),
        ship=1,
    )
    return (*runs, packed)
