"""The runs of notebook 04: students that never see some of the digits."""

from dataclasses import replace

from kdutils.experiments.recipe import Recipe
from kdutils.settings import Settings
from kdutils.transfer import Transfer


def recipes() -> tuple[Recipe, ...]:
    """Students that never see one digit, or only two; what carries the missing knowledge."""
    training = Settings(epochs=30, lr=1e-3, batch_size=256, optimizer="adam", schedule="linear")
    omit = Recipe(
        "omit-3",
        "kd",
        training,
        size={"hidden": 800},
        teacher="mnist/teacher",
        temperature=8.0,  # fewest errors on the validation digits seen, in the sweep below
        alpha=1.0,
        transfer=Transfer(unseen=(3,)),
        ship=1,
    )
    no_teacher = {"method": "hard", "teacher": None, "temperature": None, "alpha": None}
    plain = replace(omit, ship=0)
    sweep = [
        replace(plain, run=f"sweep-omit-3-t{t}", temperature=float(t), seeds=s, measure_test=False)
        for t, s in ((1, 2), (4, 5), (8, 5), (20, 2))  # two seeds left 4 and 8 half an error apart
    ]
    others = [
        replace(plain, run=f"omit-{digit}", transfer=Transfer(unseen=(digit,)))
        for digit in range(10)
        if digit != 3
    ]
    why = {
        "flat": Transfer(unseen=(3,), hidden="flat"),
        "shuffled": Transfer(unseen=(3,), hidden="shuffled"),
        "no-top": Transfer(unseen=(3,), leave_out="top", share=0.3),
        "no-random": Transfer(unseen=(3,), leave_out="random", share=0.3),
    }
    # Two digits cover little of the picture: without weight decay the rest stays at random.
    only = replace(
        omit,
        run="only-78",
        training=replace(training, epochs=300, weight_decay=1.0),
        temperature=20.0,
        transfer=Transfer(unseen=(0, 1, 2, 3, 4, 5, 6, 9)),
    )
    # Hardly any error is left on the two digits seen: chosen on all validation digits.
    trial = replace(only, seeds=2, ship=0, measure_test=False)
    sweep += [
        replace(trial, run="sweep-only-78-t8", temperature=8.0),
        replace(trial, run="sweep-only-78-t20"),
        replace(
            trial,
            run="sweep-only-78-no-decay",
            training=replace(trial.training, weight_decay=0.0),
        ),
    ]
    # Fewer errors? As decay-t20 of notebook 02, but without labels; for two digits one cycle only.
    cycle = {"schedule": "one-cycle", "lr": 4e-3}
    again = [
        replace(
            plain,
            run="cycle-omit-3",
            training=replace(training, epochs=50, weight_decay=0.1, **cycle),
            temperature=20.0,
        ),
        replace(only, run="cycle-only-78", training=replace(only.training, **cycle), ship=0),
    ]
    return (
        *sweep,
        omit,
        replace(omit, run="omit-3-hard", **no_teacher),
        *again,
        only,
        replace(only, run="only-78-hard", ship=0, **no_teacher),
        *[replace(plain, run=f"omit-3-{name}", transfer=t) for name, t in why.items()],
        *others,
    )
