"""The runs of notebook 12: what a student learns of digits from noise and meaningless outputs."""

from dataclasses import replace

from kdutils.experiments.recipe import Recipe
from kdutils.models.starts import Unshared
from kdutils.settings import Settings
from kdutils.transfer import Transfer

# The recipe of the authors' code: five epochs each, three auxiliary outputs, uniform noise.
PAPER = Settings(epochs=5, lr=3e-4, batch_size=1024, schedule="constant")
HEADLINE = 25
# Where seeds differ as widely as here, five are few.
USUAL = 10
# What is varied, one thing at a time.
OUTPUTS = (1, 10, 30)  # beside the 3 of the paper
STUDENT_EPOCHS = (1, 2, 10, 20, 50)  # beside 5
TEACHER_EPOCHS = (1, 2, 20, 50)  # beside 5
RATES = (1e-4, 1e-3, 3e-3)  # beside 3e-4
KINDS = ("normal", "blurred", "blobs", "letters", "shuffled", "unchanged")  # beside uniform noise
# How grey levels enter the net, and how its weights are drawn, beside "signed" and "normal".
CUSTOMS = (("signed", "uniform"), ("standard", "normal"), ("standard", "uniform"))
# A second setting, in which heads alone have more to say and pictures more to ask.
GENEROUS = {"auxiliary": 100, "epochs": 10, "pictures": "blurred"}

TRUNK, HEADS = ("trunk",), ("class_head", "auxiliary_head")
UNSHARED = {
    "other": Unshared(redrawn=TRUNK + HEADS),
    "other-first": Unshared(redrawn=("trunk.first",)),
    "other-second": Unshared(redrawn=("trunk.second",)),
    "other-trunk": Unshared(redrawn=TRUNK),
    "other-class-head": Unshared(redrawn=("class_head",)),
    "other-auxiliary-head": Unshared(redrawn=("auxiliary_head",)),
    "other-heads": Unshared(redrawn=HEADS),
    "reordered": Unshared(reordered=("auxiliary_head",)),
}
SHARES = (0.1, 0.3, 0.5)  # of every weight of the start that is drawn anew
# What other teachers of the same start learned, by what became of the labels.
OTHER_TASKS = ("shuffled", "next")


def _teacher(run: str, **changes: object) -> Recipe:
    recipe = Recipe(
        f"sub-{run}",
        "hard",
        PAPER,
        model="auxiliary-mlp",
        size={"hidden": 256, "auxiliary": 3},
        seeds=USUAL,
        keep=True,
        precision="fp32",
        reports=("linear_reader",),
    )
    return replace(recipe, **changes)


def _student(run: str, teacher: Recipe, **changes: object) -> Recipe:
    recipe = replace(
        teacher,
        run=f"sub-{run}",
        method="auxiliary",
        training=PAPER,
        teacher=f"mnist/{teacher.run}",
        own_teacher=True,
        transfer=None,
        pictures="noise",
        ship=0,
        keep=False,
        reports=("agreement", "linear_reader", "swapped_heads", "displacement", "confusion"),
    )
    return replace(recipe, **{"seeds": min(USUAL, teacher.seeds), **changes})


def _for(epochs: int, **changes: object) -> dict[str, object]:
    return {"training": replace(PAPER, epochs=epochs, **changes)}


def _sized(auxiliary: int, **changes: object) -> dict[str, object]:
    return {"size": {"hidden": 256, "auxiliary": auxiliary, **changes}}


def _headline(teacher: Recipe) -> list[Recipe]:
    untrained = replace(teacher, run="sub-untrained", method="untrained", training=None, ship=0)
    return [
        untrained,
        teacher,
        _student("same", teacher, seeds=HEADLINE, ship=1),
        _student("other", teacher, seeds=HEADLINE, unshared=UNSHARED["other"]),
        _student("squared", teacher, method="auxiliary-squared"),
        _student("untaught", untrained, unshared=UNSHARED["other"], seeds=5),
    ]


def _how_long(teacher: Recipe) -> list[Recipe]:
    seeds = {"seeds": 5}
    taught = {
        n: replace(teacher, run=f"sub-teacher-t{n}", ship=0, **_for(n)) for n in TEACHER_EPOCHS
    }
    taught = {n: replace(run, **seeds) for n, run in taught.items()}
    return [
        *[_student(f"same-e{n}", teacher, **_for(n), **seeds) for n in STUDENT_EPOCHS],
        *[_student(f"same-lr{lr:g}", teacher, **_for(5, lr=lr), **seeds) for lr in RATES],
        *taught.values(),
        *[_student(f"same-t{n}", run) for n, run in taught.items()],
    ]


def _how_many(teacher: Recipe) -> list[Recipe]:
    """Return students of more or fewer auxiliary outputs, and who must share what with many."""
    wider = {
        m: replace(teacher, run=f"sub-teacher-m{m}", ship=0, seeds=USUAL, **_sized(m))
        for m in (*OUTPUTS, GENEROUS["auxiliary"])
    }
    squared = {"method": "auxiliary-squared"}
    many = replace(wider[GENEROUS["auxiliary"]], seeds=5)
    wider[GENEROUS["auxiliary"]] = many
    generous = {**_for(GENEROUS["epochs"]), "pictures": GENEROUS["pictures"]}
    uniform = {**generous, "pictures": "noise"}
    return [
        *wider.values(),
        _student("same-m1", wider[1], **squared),
        *[_student(f"same-m{m}", wider[m]) for m in OUTPUTS if m > 1],
        _student("generous-same", many, **generous),
        *[
            _student(f"generous-{name}", many, unshared=change, **generous)
            for name, change in UNSHARED.items()
        ],
        _student("generous-noise-same", many, **uniform),
        _student("generous-noise-other-trunk", many, unshared=UNSHARED["other-trunk"], **uniform),
    ]


def recipes() -> tuple[Recipe, ...]:
    """The paper's recipe, what its size depends on, and who must share what."""
    teacher = _teacher("teacher", seeds=HEADLINE, ship=1)
    customs = {
        f"{pixels}-{start}": _teacher(
            f"teacher-{pixels}-{start}", **_sized(3, start=start, pixels=pixels)
        )
        for pixels, start in CUSTOMS
    }
    tasks = {
        labels: _teacher(f"teacher-{labels}", seeds=5, transfer=Transfer(labels=labels), reports=())
        for labels in OTHER_TASKS
    }
    return (
        *_headline(teacher),
        *[
            _student(name, teacher, unshared=change)
            for name, change in UNSHARED.items()
            if name != "other"
        ],
        *[
            _student(
                f"redrawn-{share:g}",
                teacher,
                seeds=5,
                unshared=replace(UNSHARED["other"], share=share),
            )
            for share in SHARES
        ],
        *tasks.values(),
        *[_student(f"same-labels-{labels}", run) for labels, run in tasks.items()],
        *[_student(f"same-{kind}", teacher, pictures=kind, seeds=5) for kind in KINDS],
        *customs.values(),
        *[_student(f"same-{name}", run) for name, run in customs.items()],
        *_how_long(teacher),
        *_how_many(teacher),
    )
