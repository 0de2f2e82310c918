import pytest
import torch
from torch import nn

from kdutils import objectives, training
from kdutils.checks import NonFiniteError
from kdutils.data import Dataset, Split
from kdutils.data.augment import jitter


def split(count=200):
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(count) % 3
    centres = 2 * torch.randn(3, 1, 4, 4, generator=generator)
    return Split(centres[labels] + 0.5 * torch.randn(count, 1, 4, 4, generator=generator), labels)


def net(seed=0, dropout=0.0):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Flatten(), nn.Linear(16, 32), nn.ReLU(), nn.Dropout(dropout), nn.Linear(32, 3)
    )


def fit(student, objective=None, **options):
    options = {"epochs": 3, "batch_size": 20, "progress": False, "lr": 0.01, **options}
    return training.fit(student, split(), objective or objectives.hard_labels(), **options)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("schedule", ["linear", "cosine", "one-cycle"])
def test_fit_learns_and_its_rate_ends_at_zero(optimizer, schedule):
    student = net()
    history = fit(student, optimizer=optimizer, schedule=schedule, epochs=8, val=split(), lr=0.05)
    assert history.epochs == 8 and history.loss[-1] < history.loss[0] / 2
    assert history.lr[-1] == pytest.approx(0, abs=1e-9)
    assert history.val_errors[-1] == training.evaluate(student, split()) < 10


def test_a_constant_rate_stays():
    history = fit(net(), schedule="constant", epochs=4, lr=0.05)
    assert history.lr == [0.05] * 4 and history.loss[-1] < history.loss[0]


def test_validation_comes_every_so_often_and_at_the_end():
    history = fit(net(), epochs=5, val=split(), val_every=2)
    assert [v is None for v in history.val_errors] == [True, False, True, False, False]


def test_errors_on_what_was_learned_from_are_counted_at_the_same_times_if_asked_for():
    assert fit(net(), val=split()).train_errors == []
    history = fit(net(), epochs=5, val=split(), val_every=2, count_train=True)
    assert history.train_errors == history.val_errors  # here both are the same digits


def test_early_stopping_keeps_the_weights_of_the_best_validation():
    # Labels of another rule: the better the net learns its own, the worse it gets there.
    val = Split(split().images, (split().labels + 1) % 3)
    options = {"epochs": 4, "val": val, "lr": 0.001}
    last, best = net(), net()
    history = fit(last, **options)
    assert fit(best, early_stopping=True, **options) == history
    assert training.evaluate(best, val) == min(history.val_errors) < history.val_errors[-1]
    assert training.evaluate(last, val) == history.val_errors[-1]


def test_early_stopping_needs_a_validation_split():
    with pytest.raises(ValueError, match="val must be given with early_stopping, got None"):
        fit(net(), early_stopping=True)


def test_same_seed_same_bits_other_seed_other_bits():
    def weights(seed):
        student = net(dropout=0.5)
        fit(student, seed=seed, augment=lambda x, g: jitter(x, 1, g))
        return torch.cat([p.detach().flatten() for p in student.parameters()])

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))


def test_batch_order_is_the_same_with_and_without_augmentation():
    def orders(augment):
        seen = []

        def objective(student, batch):
            seen.append(batch.ids.tolist())
            return objectives.hard_labels()(student, batch)

        fit(net(), objective, augment=augment)
        return seen

    plain = orders(None)
    assert plain == orders(lambda x, g: jitter(x, 1, g))
    assert sorted(i for ids in plain[:10] for i in ids) == list(range(200))
    assert plain[:10] != plain[10:20]


def test_live_teacher_and_student_see_the_same_augmented_batch():
    seen = []

    class Recorder(nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, x):
            seen.append(x.clone())
            return self.inner(x)

    objective = objectives.distillation(Recorder(net(1)), temperature=2.0, alpha=1.0)
    fit(Recorder(net(2)), objective, epochs=1, augment=lambda x, g: jitter(x, 1, g))
    first, *seen = seen  # before training, whether the student can take the images
    assert len(first) == 1 and len(seen) == 20
    assert all(torch.equal(s, t) for s, t in zip(seen[::2], seen[1::2], strict=True))


def test_max_norm_bounds_every_units_weights():
    free, bound = net(), net()
    fit(free, lr=0.1), fit(bound, lr=0.1, max_norm=0.5)
    norms = [
        [m.weight.norm(dim=1).max() for m in n if isinstance(m, nn.Linear)] for n in (free, bound)
    ]
    assert max(norms[0]) > 0.6 and max(norms[1]) <= 0.5 + 1e-5


def test_gradient_clipping_makes_small_steps():
    before = net()
    plain, clipped = net(), net()
    options = {"optimizer": "sgd", "epochs": 1, "batch_size": 20, "lr": 0.1}
    fit(plain, **options), fit(clipped, **options, clip_gradient=1e-3)

    def moved(student):
        pairs = zip(before.parameters(), student.parameters(), strict=True)
        return sum(float((a - b).detach().norm() ** 2) for a, b in pairs) ** 0.5

    # Ten steps of at most lr * 1e-3 each, lengthened at most tenfold by the momentum of 0.9.
    assert moved(clipped) <= 10 * 0.1 * 1e-3 * 10
    assert moved(plain) > 10 * moved(clipped)


def test_non_finite_loss_names_epoch_step_and_a_remedy():
    with pytest.raises(NonFiniteError, match=r"epoch 1, step \d+: .* lower lr \(now 1e\+30\)"):
        fit(net(), optimizer="sgd", lr=1e30)


def test_nan_in_the_data_or_a_teacher_is_told_apart_from_a_diverged_run():
    damaged = Split(split().images.clone(), split().labels)
    damaged.images[7, 0, 0, 0] = torch.nan
    options = {"epochs": 1, "batch_size": 20, "progress": False}
    with pytest.raises(NonFiniteError, match=r"^split.images must be finite"):
        training.fit(net(), damaged, objectives.hard_labels(), **options)
    with pytest.raises(NonFiniteError, match=r"^val.images must be finite"):
        training.fit(net(), split(), objectives.hard_labels(), val=damaged, **options)
    teacher = net()
    torch.nn.init.constant_(teacher[1].weight, torch.nan)
    with pytest.raises(NonFiniteError, match=r"^teacher_logits must be finite"):
        fit(net(), objectives.distillation(teacher, temperature=2.0, alpha=0.5))


def test_evaluate_refuses_what_would_look_good():
    broken = net()
    torch.nn.init.constant_(broken[1].weight, torch.nan)
    with pytest.raises(NonFiniteError, match="logits must be finite"):
        training.evaluate(broken, split())
    with pytest.raises(ValueError, match="split must hold at least one sample"):
        training.evaluate(net(), split().subset(torch.arange(0)))
    with pytest.raises(ValueError, match=r"labels must be in 0\.\.2, got 1\.\.3"):
        training.evaluate(net(), Split(split().images, split().labels + 1))


def test_a_failing_objective_leaves_the_mode_of_the_student():
    def failing(student, batch):
        raise KeyError("mine")

    for training_mode in (True, False):
        student = net().train(training_mode)
        with pytest.raises(KeyError, match="mine"):
            fit(student, failing)
        assert student.training == training_mode


def test_fit_leaves_the_mode_of_the_student():
    student = net(dropout=0.5).eval()
    fit(student)
    assert not student.training


def test_predict_logits_is_exact_and_leaves_the_mode():
    model = net(dropout=0.5).train()
    logits = training.predict_logits(model, split().images, batch_size=33)
    assert model.training and logits.dtype == torch.float32
    torch.testing.assert_close(logits, model.eval()(split().images))


@pytest.mark.parametrize(
    ("flags", "expected"),
    [("sse2 avx512_bf16", "bf16"), ("sse2 amx_bf16 amx_tile", "bf16"), ("sse2 avx512f", "fp32")],
)
def test_a_cpu_trains_in_bf16_only_where_it_computes_it_natively(monkeypatch, flags, expected):
    monkeypatch.setattr(training.Path, "read_text", lambda path: f"flags : {flags}")
    assert training.pick_precision("cpu") == expected


def test_a_system_without_cpuinfo_trains_in_fp32(monkeypatch):
    def absent(path):
        raise FileNotFoundError

    monkeypatch.setattr(training.Path, "read_text", absent)
    assert training.pick_precision("cpu") == "fp32"


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_precision_decides_what_the_layers_compute_in(precision):
    seen, student = [], net()
    student[1].register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))
    fit(student, precision=precision, epochs=1)
    seen = seen[1:]  # without the picture on which the student is tried before training
    assert set(seen) == {torch.float32 if precision == "fp32" else torch.bfloat16}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 201}, "at most the split's 200 samples, got 201"),
        ({"lr": -1.0}, "lr must be > 0"),
        ({"precision": "fp8"}, "precision must be"),
        ({"val_every": 0}, "val_every must be >= 1"),
        ({"learning_rate": 0.1}, "settings must be one of .* got 'learning_rate'"),
        ({"augment": "jitter"}, "augment must be a function, got str"),
        ({"objective": "kd"}, "objective must be a function, got str"),
        ({"objective": lambda net, b: net(b.images)}, r"scalar tensor, got shape \(20, 3\)"),
        ({"objective": lambda net, b: 0.5}, "scalar tensor, got float"),
        ({"val": torch.zeros(3)}, "val must be a Split, got Tensor"),
        ({"val": split(0)}, "val must hold at least one sample"),
        ({"device": "tpu"}, "device must be one that is there, got 'tpu'"),
        ({"device": "cuda:99"}, "device must be one that is there, got 'cuda:99'"),
    ],
)
def test_bad_settings_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        fit(net(), **options)


def test_settings_without_epochs_and_a_data_set_for_a_split_are_refused():
    hard = objectives.hard_labels()
    with pytest.raises(ValueError, match="epochs must be among the settings, got"):
        training.fit(net(), split(), hard, lr=0.1)
    whole = Dataset("d", "", ("a", "b", "c"), split(), None, split())
    with pytest.raises(ValueError, match=r"must be a Split, got Dataset: give its \.train"):
        training.fit(net(), whole, hard, epochs=1)


def test_a_batch_of_one_is_refused_with_batch_norm():
    student = nn.Sequential(nn.Flatten(), nn.Linear(16, 3), nn.BatchNorm1d(3))
    with pytest.raises(ValueError, match="batch_size must be >= 2 for a net with batch norm"):
        fit(student, batch_size=1)


def test_distillation_at_alpha_0_is_the_baseline_bit_for_bit():
    baseline, student = net(), net()
    fit(baseline)
    fit(student, objectives.distillation(net(seed=7), temperature=4.0, alpha=0.0))
    assert all(map(torch.equal, baseline.parameters(), student.parameters()))


def test_an_objective_hears_how_much_of_the_training_is_done():
    heard = []

    def objective(student, batch):
        heard.append(batch.progress)
        return objectives.hard_labels()(student, batch)

    fit(net(), objective)
    assert heard == [step / 30 for step in range(30)]
