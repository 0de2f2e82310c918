"""The runs of notebook 05: weak teachers of a large net on CIFAR-10, and strong ones."""

from dataclasses import replace

from kdutils.experiments.recipe import Recipe
from kdutils.settings import Settings
from kdutils.transfer import Transfer

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


def taught(
    student: Recipe, run: str, teacher: str, temperature: float, alpha: float, **changes: object
) -> Recipe:
    changes = {"method": "kd", "ship": 0, "keep": False, "reports": TAUGHT, **changes}
    return replace(
        student, run=run, teacher=teacher, temperature=temperature, alpha=alpha, **changes
    )


def recipes() -> tuple[Recipe, ...]:
    """A weak, a defective and no teacher at all for the large net; normal distillation."""
    short = replace(LARGE, epochs=8)
    plain = replace(
        large,
        run="plain",
        training=short,
        model="tfkd-cnn",
        size={},
        seeds=1,
        reports=(*ALWAYS, "soft_targets"),
    )
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
        plain,
        run="defective",
        training=replace(LARGE, epochs=1),
        ship=0,
        keep=True,
        reports=ALWAYS,
    )
    # As small an alpha as Tf-KD's table has for a weak teacher.
    weak = {"temperature": 20.0, "alpha": 0.05}
    from_plain = taught(large, "large-from-plain", "cifar10/plain", **weak, ship=1)
    virtual = taught(large, "large-virtual", None, **weak, method="virtual", reports=ALWAYS)
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
    # Weak to strong: a plain net learns from one half of the pictures and labels the other one
    # for the large net, which sees no true label. The weight of its own first choice is the
    # paper's for all but its largest nets.
    plain_half = replace(
        plain,
        run="plain-half",
        transfer=Transfer(fraction=0.5),
        seeds=5,
        ship=0,
        keep=True,
        reports=ALWAYS,
    )
    other_half = replace(
        large,
        run="half-large-hard",
        training=short,
        transfer=Transfer(fraction=0.5, rest=True),
        ship=0,
    )
    from_weak = replace(
        other_half,
        run="half-large-from-weak",
        method="kd",
        teacher="cifar10/plain-half",
        own_teacher=True,
        temperature=1.0,
        alpha=1.0,
        reports=TAUGHT,
    )
    weak_to_strong = (
        plain_half,
        from_weak,
        replace(
            from_weak, run="half-large-confident", method="confident", temperature=None, alpha=0.5
        ),
        other_half,
        # Does it take a larger net, or does any second net profit?
        replace(from_weak, run="half-plain-from-weak", model="tfkd-cnn", size={}),
    )
    return (
        strong,
        plain,
        defective,
        r8,
        large,
        *sweep,
        from_plain,
        taught(large, "large-from-r8", "cifar10/r8-hard", **weak),
        taught(large, "large-from-defective", "cifar10/defective", **weak),
        taught(large, "large-permuted", "cifar10/plain", **weak, method="permuted"),
        virtual,
        replace(large, run="large-smooth", method="smooth", smoothing=0.1, ship=0),
        taught(r8, "r8-from-large", "cifar10/large-hard", **normal),
        taught(r8, "r8-from-strong", "cifar10/strong", **normal),
        # Does what eight epochs show last? Notebook 06 has the partner on labels.
        taught(
            r8,
            "r8-from-strong-32",
            "cifar10/strong",
            **normal,
            training=replace(SMALL, epochs=32),
        ),
        taught(
            r8,
            "r8-from-strong-long",
            "cifar10/strong",
            **normal,
            training=replace(SMALL, epochs=100),
            seeds=1,
            ship=1,
        ),
        # And what twelve epochs show of the large net?
        *(
            replace(net, run=f"{net.run}-24", training=replace(LARGE, epochs=24), ship=0)
            for net in (large, from_plain, virtual)
        ),
        *weak_to_strong,
    )
