"""The runs of notebook 06: a ResNet-8 that teaches itself, on CIFAR-10; its controls."""

from dataclasses import replace

from kdutils.experiments.n05_reverse_kd import ALWAYS, SMALL, large, r8, taught
from kdutils.experiments.recipe import Recipe


def recipes() -> tuple[Recipe, ...]:
    """A net that teaches itself: generations, distortions, branches; their controls."""
    generations = [
        taught(
            r8,
            f"r8-ban{number}",
            f"cifar10/r8-ban{number - 1}" if number > 1 else "cifar10/r8-hard",
            temperature=1.0,
            alpha=0.5,
            own_teacher=True,
            ship=1 if number == 1 else 0,
            keep=True,
        )
        for number in (1, 2, 3)
    ]
    plain = replace(r8, ship=0, keep=False)
    smooth = replace(plain, run="r8-smooth", method="smooth", smoothing=0.1)
    pskd = replace(plain, run="r8-pskd", method="ps-kd", alpha=0.8)
    long = replace(SMALL, epochs=32)
    # Of all methods born-again nets had the fewest validation errors on the seeds that all have;
    # so the large net learns in that way, too, there from one teacher for all seeds.
    large_again = taught(large, "large-ban1", "cifar10/large-hard", 1.0, 0.5)
    exits = replace(
        plain,
        run="r8-exits-hard",
        method="exits",
        model="resnet-exits",
        reports=(*ALWAYS, "exits"),
    )
    together = replace(
        plain,
        run="r8-ban-ensemble",
        method="ensemble",
        training=None,
        members=tuple(f"cifar10/{g.run}" for g in generations),
        jitter=0,
        flip=False,
        reports=(*ALWAYS, "members_agree"),
    )
    return (
        *generations,
        together,
        # Three of five nets each, so no more than three.
        replace(
            together, run="r8-hard-ensemble", seeds=3, members=3 * ("cifar10/r8-hard",), spread=1
        ),
        taught(r8, "r8-tfself", "cifar10/r8-hard", 20.0, 0.05, own_teacher=True),
        # Is it the lesson or the common start that makes a generation like its teacher?
        replace(generations[0], run="r8-ban1-other", draws_from=5, ship=0, keep=False),
        replace(plain, run="r8-ddgsd", method="ddgsd", temperature=3.0, alpha=1.0),
        replace(plain, run="r8-cskd", method="cs-kd", temperature=4.0, alpha=1.0),
        replace(exits, run="r8-byot", method="byot", temperature=3.0, alpha=0.1, ship=1),
        exits,
        pskd,
        smooth,
        # Does what eight epochs show last?
        replace(plain, run="r8-hard-double", training=replace(SMALL, epochs=16)),
        replace(plain, run="r8-hard-long", training=long, keep=True),
        replace(plain, run="r8-hard-64", training=replace(SMALL, epochs=64)),
        replace(smooth, run="r8-smooth-32", training=long),
        replace(pskd, run="r8-pskd-32", training=long),
        replace(
            generations[0],
            run="r8-ban1-32",
            teacher="cifar10/r8-hard-long",
            training=long,
            ship=0,
            keep=False,
        ),
        large_again,
    )
