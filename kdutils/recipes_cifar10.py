"""The runs on CIFAR-10: notebooks 05 and 06."""

from dataclasses import replace

from kdutils.recipe import Recipe
from kdutils.training import Settings

ALWAYS = ("confusion", "reliability")
TAUGHT = (*ALWAYS, "agreement")
# From some runs of 6 to 12 epochs, by validation errors: batches of 128 rather than 256; peak rates
# of 0.1 to 0.4 do the same; weight decay between 2e-4 and 1e-3; shifts of 2 pixels beat the usual 4
# on so short a schedule; and the small net wants less weight decay.
LARGE = Settings(
    epochs=12,
    lr=0.2,
    batch_size=128,
    optimizer="sgd",
    schedule="one-cycle",
    weight_decay=5e-4,
)
SMALL = replace(LARGE, epochs=8, weight_decay=1e-4)

large = Recipe(
    "large-hard",
    "hard",
    LARGE,
    model="vgg",
    size={"width": 24, "last": 128},
    dataset="cifar10",
    jitter=2,
    flip=True,
    ship=1,
    reports=ALWAYS,
)
# The weights of all seeds are kept: each seed's next generation learns from its own.
r8 = replace(large, run="r8-hard", training=SMALL, model="resnet", size={"depth": 8}, keep=True)


def _taught(
    student: Recipe, run: str, teacher: str, temperature: float, alpha: float, **changes: object
) -> Recipe:
    changes = {"method": "kd", "ship": 0, "keep": False, "reports": TAUGHT, **changes}
    return replace(
        student, run=run, teacher=teacher, temperature=temperature, alpha=alpha, **changes
    )


def reverse_kd() -> tuple[Recipe, ...]:
    """A weak, a defective and no teacher at all for the large net; normal distillation."""
    short = replace(LARGE, epochs=8)
    plain = replace(large, run="plain", training=short, model="tfkd-cnn", size={}, seeds=1)
    strong = replace(
        large,
        run="strong",
        training=replace(LARGE, epochs=28),
        size={"width": 64},
        jitter=4,
        seeds=1,
        reports=(*ALWAYS, "soft_targets"),
    )
    defective = replace(
        plain, run="defective", training=replace(LARGE, epochs=1), ship=0, keep=True
    )
    # As small an alpha as Tf-KD's table has for a weak teacher.
    weak = {"temperature": 20.0, "alpha": 0.05}
    from_plain = _taught(large, "large-from-plain", "cifar10/plain", **weak, ship=1)
    normal = {"temperature": 4.0, "alpha": 0.9}
    sweep = [
        replace(
            from_plain,
            run=f"sweep-large-from-plain-t{temperature:g}-a{alpha:g}",
            training=short,
            temperature=float(temperature),
            alpha=alpha,
            seeds=1,
            ship=0,
            reports=(),
            measure_test=False,
        )
        for temperature, alpha in ((20, 0.05), (20, 0.3), (4, 0.05), (4, 0.1), (4, 0.5), (4, 0.9))
    ]
    # Which net should be the large one? Both for about as many CPU seconds.
    trial = replace(large, seeds=1, ship=0, reports=(), measure_test=False)
    sweep += [
        replace(trial, run="choose-large-vgg", training=replace(LARGE, epochs=6)),
        replace(
            trial,
            run="choose-large-resnet20",
            training=replace(SMALL, epochs=3),
            model="resnet",
            size={"depth": 20},
        ),
    ]
    return (
        strong,
        plain,
        defective,
        r8,
        large,
        *sweep,
        from_plain,
        _taught(large, "large-from-r8", "cifar10/r8-hard", **weak, seeds=3),
        _taught(large, "large-from-defective", "cifar10/defective", **weak, seeds=3),
        _taught(large, "large-permuted", "cifar10/plain", **weak, method="permuted", seeds=3),
        _taught(large, "large-virtual", None, **weak, method="virtual", seeds=3, reports=ALWAYS),
        replace(large, run="large-smooth", method="smooth", smoothing=0.1, seeds=3, ship=0),
        _taught(r8, "r8-from-large", "cifar10/large-hard", **normal),
        _taught(r8, "r8-from-strong", "cifar10/strong", **normal),
        _taught(
            r8,
            "r8-from-strong-long",
            "cifar10/strong",
            **normal,
            training=replace(SMALL, epochs=100),
            seeds=1,
            ship=1,
        ),
    )


def self_kd() -> tuple[Recipe, ...]:
    """A net that teaches itself: generations, distortions, branches; their controls."""
    generations = [
        _taught(
            r8,
            f"r8-ban{number}",
            f"cifar10/r8-ban{number - 1}" if number > 1 else "cifar10/r8-hard",
            temperature=1.0,
            alpha=0.5,
            own_teacher=True,
            seeds=5 if number == 1 else 3,
            ship=1 if number == 1 else 0,
            keep=True,
        )
        for number in (1, 2, 3)
    ]
    plain = replace(r8, ship=0, keep=False)
    # Of all methods born-again nets had the fewest validation errors on the seeds that all have;
    # so the large net learns in that way, too, there from one teacher for all seeds.
    large_again = _taught(large, "large-ban1", "cifar10/large-hard", 1.0, 0.5)
    exits = replace(
        plain,
        run="r8-exits-hard",
        method="exits",
        model="resnet-exits",
        seeds=3,
        reports=(*ALWAYS, "exits"),
    )
    together = replace(
        plain,
        run="r8-ban-ensemble",
        method="ensemble",
        training=None,
        seeds=3,
        members=tuple(f"cifar10/{g.run}" for g in generations),
        jitter=0,
        flip=False,
        reports=(*ALWAYS, "members_agree"),
    )
    return (
        *generations,
        together,
        replace(together, run="r8-hard-ensemble", members=3 * ("cifar10/r8-hard",), spread=True),
        _taught(r8, "r8-tfself", "cifar10/r8-hard", 20.0, 0.05, own_teacher=True),
        replace(plain, run="r8-ddgsd", method="ddgsd", temperature=3.0, alpha=1.0),
        replace(plain, run="r8-cskd", method="cs-kd", temperature=4.0, alpha=1.0),
        replace(exits, run="r8-byot", method="byot", temperature=3.0, alpha=0.1, seeds=5, ship=1),
        exits,
        replace(plain, run="r8-smooth", method="smooth", smoothing=0.1),
        replace(
            plain, run="r8-hard-double", training=replace(SMALL, epochs=2 * SMALL.epochs), seeds=3
        ),
        replace(
            plain, run="r8-hard-long", training=replace(SMALL, epochs=4 * SMALL.epochs), seeds=3
        ),
        large_again,
    )
