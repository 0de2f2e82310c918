"""How sure we are: intervals over seeds and verdicts from paired seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from kdutils.look import OUTCOMES


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds with its two-sided 95 % t-interval."""

    mean: float
    low: float
    high: float
    n: int

    def __format__(self, spec: str) -> str:
        """Return mean and interval in the format of a float; with one decimal by default."""
        mean, low, high = (format(x, spec or ".1f") for x in (self.mean, self.low, self.high))
        interval = f" [{low}, {high}]" if self.n > 1 else ""
        return f"{mean}{interval} (n = {self.n})"

    def __str__(self) -> str:
        return format(self)


def estimate(values: Sequence[float]) -> Estimate:
    """Return mean and 95 % t-interval of values from independent seeds.

    A single value has an interval without bounds.

    Raises:
        ValueError: no value, or one that is not finite.

    >>> print(estimate([140, 144, 142, 146, 148]))
    144.0 [140.1, 147.9] (n = 5)
    >>> f"{estimate([0.25, 0.35]):.2f}"
    '0.30 [-0.34, 0.94] (n = 2)'
    >>> print(estimate([144]))
    144.0 (n = 1)
    """
    values = np.asarray(values, dtype=float)
    if values.ndim != 1 or len(values) == 0 or not np.isfinite(values).all():
        raise ValueError(f"values must be one or more finite numbers, got {values.tolist()}")
    mean, n = float(values.mean()), len(values)
    if n == 1:
        return Estimate(mean, -np.inf, np.inf, n)
    half = float(stats.t.ppf(0.975, n - 1) * stats.sem(values))
    return Estimate(mean, mean - half, mean + half, n)


def share(part: Sequence[float], whole: Sequence[float]) -> Estimate:
    """Return mean(part) / mean(whole) of paired values, with Fieller's 95 % interval.

    For questions such as "how much of the teacher's gain does the student keep?". The interval
    has no bounds where the 95 % interval of ``whole`` includes 0: a share of nothing is no number.

    Args:
        part: one value per seed.
        whole: the same seeds, in the same order.

    Raises:
        ValueError: fewer than two pairs, or a value that is not finite.

    Source: Fieller (1954), "Some problems in interval estimation".

    >>> f"{share([4, 5, 6, 5], [8, 10, 12, 9]):.2f}"
    '0.51 [0.47, 0.56] (n = 4)'
    """
    part, whole = np.asarray(part, dtype=float), np.asarray(whole, dtype=float)
    if part.shape != whole.shape or part.ndim != 1 or len(part) < 2:
        raise ValueError(
            f"part and whole must hold the same two or more seeds, "
            f"got {part.shape} and {whole.shape}"
        )
    a, b, n = estimate(part).mean, estimate(whole).mean, len(part)
    (v_aa, v_ab), (_, v_bb) = np.cov(part, whole) / n
    t2 = stats.t.ppf(0.975, n - 1) ** 2
    # All r for which part - r * whole has a mean that is not told apart from 0.
    square, middle, constant = b**2 - t2 * v_bb, a * b - t2 * v_ab, a**2 - t2 * v_aa
    if square <= 0:
        return Estimate(a / b if b else np.nan, -np.inf, np.inf, n)
    half = np.sqrt(max(middle**2 - square * constant, 0.0))
    return Estimate(a / b, (middle - half) / square, (middle + half) / square, n)


@dataclass(frozen=True)
class Verdict:
    """The outcome of a paired comparison.

    Attributes:
        outcome: ``BEATS``, ``WORSE`` or ``INCONCLUSIVE``.
        difference: method - baseline, over the seeds.
        p: of the two-sided paired t-test.
        unit: what the values count, for the text.
    """

    outcome: str
    difference: Estimate
    p: float
    unit: str

    def __str__(self) -> str:
        d = self.difference
        return (
            f"{self.outcome}: {d.mean:+.1f} {self.unit}, "
            f"95 % interval [{d.low:+.1f}, {d.high:+.1f}], n = {d.n} paired seeds"
        )


def verdict(
    baseline: pd.Series | Sequence[float],
    method: pd.Series | Sequence[float],
    *,
    unit: str = "errors",
    lower_is_better: bool = True,
) -> Verdict:
    """Compare a method with its baseline on the same seeds.

    ``BEATS`` or ``WORSE`` when the 95 % t-interval of the mean paired difference
    (method - baseline) leaves out zero, ``INCONCLUSIVE`` otherwise.

    Args:
        baseline: one value per seed; a Series indexed by seed, or a plain sequence.
        method: the same for the method, in the same order of seeds.
        unit: what the values count, for the text.
        lower_is_better: True for errors, False for accuracies.

    Raises:
        ValueError: fewer than two pairs, or seeds that do not match.

    >>> print(verdict([150, 140, 145], [80, 75, 72]))
    BEATS: -69.3 errors, 95 % interval [-79.4, -59.3], n = 3 paired seeds
    """
    if isinstance(baseline, pd.Series) and isinstance(method, pd.Series):
        baseline, method = baseline.sort_index(), method.sort_index()
        if list(baseline.index) != list(method.index):
            raise ValueError(
                f"baseline and method must share their seeds, "
                f"got {list(baseline.index)} and {list(method.index)}"
            )
    first, second = np.asarray(baseline, dtype=float), np.asarray(method, dtype=float)
    if first.shape != second.shape or len(first) < 2:
        raise ValueError(
            f"baseline and method must hold the same two or more seeds, "
            f"got {first.shape} and {second.shape}"
        )
    difference = estimate(second - first)
    better = (difference.high < 0) if lower_is_better else (difference.low > 0)
    worse = (difference.low > 0) if lower_is_better else (difference.high < 0)
    outcome = "BEATS" if better else "WORSE" if worse else "INCONCLUSIVE"
    # |t| in units in which the interval's half width is known; 0 / 0 where all seeds agree on 0.
    half, bound = difference.high - difference.mean, stats.t.ppf(0.975, difference.n - 1)
    t = bound * abs(difference.mean) / half if half else np.inf * bool(difference.mean)
    p = float(2 * stats.t.sf(np.nan_to_num(t), difference.n - 1))
    return Verdict(outcome, difference, p, unit)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for having looked at all of them.

    The smallest of m counts m times, the next m - 1 times and so on, none less than one before.

    Raises:
        ValueError: a value outside [0, 1].

    Source: Holm (1979), "A simple sequentially rejective multiple test procedure".

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, dtype=float)
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError(f"p_values must be in [0, 1], got {p.tolist()}")
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)).clip(max=1)
    adjusted = np.empty_like(p)
    adjusted[order] = stepped
    return adjusted.tolist()


@dataclass(frozen=True)
class VerdictTable:
    """Verdicts in numbered rows; JupyterLab shows a table, a terminal the same as text.

    Attributes:
        numbers: ``V1``, ``V2`` …, by which sentences cite the rows.
        words: what each row compares.
        verdicts: on the test split.
        validation: the same on validation, None where it was not measured.
        unit: what the values count.
        decimals: of the differences.
        lower_is_better: True for errors, False for accuracies.
    """

    numbers: tuple[str, ...]
    words: tuple[str, ...]
    verdicts: tuple[Verdict, ...]
    validation: tuple[Verdict | None, ...]
    unit: str
    decimals: int
    lower_is_better: bool

    @property
    def frame(self) -> pd.DataFrame:
        """The table as it is shown: every cell a text."""
        adjusted = holm([verdict.p for verdict in self.verdicts])
        return pd.DataFrame(
            {
                "compared": self.words,
                f"difference in {self.unit} [95 % interval]": map(self._shown, self.verdicts),
                "on validation": map(self._shown, self.validation),
                "p (Holm)": [f"{p:.3f}" if p >= 0.001 else "< 0.001" for p in adjusted],
                "n": [str(verdict.difference.n) for verdict in self.verdicts],
                "verdict": [verdict.outcome for verdict in self.verdicts],
            },
            index=self.numbers,
        )

    def _shown(self, verdict: Verdict | None) -> str:
        if verdict is None:
            return "–"
        d, form = verdict.difference, f"+.{self.decimals}f"
        return f"{d.mean:{form}} [{d.low:{form}}, {d.high:{form}}]"

    def __repr__(self) -> str:
        return self.frame.to_string(justify="left")

    def _repr_html_(self) -> str:
        style = self.frame.style.format(escape="html")
        style = style.set_uuid(self.numbers[0])  # the same bytes at every run
        style = style.map(
            lambda outcome: f"color: {OUTCOMES[outcome][0]}; font-weight: bold",
            subset=["verdict"],
        )
        left = {"text-align": "left"}
        return style.set_properties(**left, subset=["compared"]).to_html()


def by_seed(runs: pd.DataFrame, column: str = "test_errors") -> pd.Series:
    """Return a column of recorded rows, indexed by run and seed, without the gaps."""
    return runs.set_index(["run", "seed"])[column].dropna().astype(float)


def verdict_table(
    pairs: Mapping[str, tuple[str, str]],
    test: pd.Series,
    validation: pd.Series | None = None,
    *,
    first: int = 1,
    unit: str = "errors",
    decimals: int = 1,
    lower_is_better: bool = True,
) -> VerdictTable:
    """Compare pairs of runs on the seeds that both have.

    Args:
        pairs: words for readers -> (baseline, method), names of runs.
        test: values by run and seed, from :func:`by_seed`.
        validation: the same of the validation split.
        first: number of the first row, so that rows of several tables count on.
        unit: what the values count.
        decimals: of the differences.
        lower_is_better: True for errors, False for accuracies.

    Raises:
        ValueError: no pair, an unknown run, or fewer than two seeds in common.
    """
    if not pairs:
        raise ValueError("pairs must hold at least one comparison, got none")
    known = set(test.index.get_level_values(0))
    if unknown := {run for pair in pairs.values() for run in pair} - known:
        raise ValueError(f"pairs must name runs of {sorted(known)}, got {sorted(unknown)}")
    options = {"unit": unit, "lower_is_better": lower_is_better}

    def compare(values: pd.Series, pair: tuple[str, str]) -> Verdict:
        baseline, method = (values[run] for run in pair)
        seeds = baseline.index.intersection(method.index)
        return verdict(baseline[seeds], method[seeds], **options)

    def on_validation(pair: tuple[str, str]) -> Verdict | None:
        measured = validation is not None and set(pair) <= set(validation.index.get_level_values(0))
        return compare(validation, pair) if measured else None

    return VerdictTable(
        tuple(f"V{first + row}" for row in range(len(pairs))),
        tuple(pairs),
        tuple(compare(test, pair) for pair in pairs.values()),
        tuple(on_validation(pair) for pair in pairs.values()),
        unit,
        decimals,
        lower_is_better,
    )
