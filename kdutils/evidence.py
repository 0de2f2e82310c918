"""How sure we are: intervals over seeds and verdicts from paired seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from kdutils import checks
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
    values = np.array(checks.numbers("values", values), dtype=float)
    if len(values) == 0:
        raise ValueError("values must be one or more finite numbers, got none")
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
        whole: the same seeds; paired as those of :func:`verdict`.

    Raises:
        ValueError: fewer than two pairs, a value that is not finite, or as :func:`verdict`.

    Source: Fieller (1954), "Some problems in interval estimation".

    >>> f"{share([4, 5, 6, 5], [8, 10, 12, 9]):.2f}"
    '0.51 [0.47, 0.56] (n = 4)'
    """
    part, whole = _paired(part=part, whole=whole)
    a, b, n = estimate(part).mean, estimate(whole).mean, len(part)
    (v_aa, v_ab), (_, v_bb) = np.cov(part, whole) / n
    t2 = stats.t.ppf(0.975, n - 1) ** 2
    # All r for which part - r * whole has a mean that is not told apart from 0.
    square, middle, constant = b**2 - t2 * v_bb, a * b - t2 * v_ab, a**2 - t2 * v_aa
    if square <= 0:
        return Estimate(a / b if b else np.nan, -np.inf, np.inf, n)
    half = np.sqrt(max(middle**2 - square * constant, 0.0))
    return Estimate(a / b, (middle - half) / square, (middle + half) / square, n)


def _paired(**values: pd.Series | Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """Return two samples of the same seeds, in one order."""
    (first_name, first), (second_name, second) = values.items()
    both = f"{first_name} and {second_name}"
    indexed = [isinstance(sample, pd.Series) for sample in (first, second)]
    if any(indexed):
        if not all(indexed):
            raise ValueError(
                f"{both} must both be Series indexed by seed or both plain sequences, "
                f"got {type(first).__name__} and {type(second).__name__}"
            )
        for name, sample in values.items():
            _once_each(name, sample)
        first, second = first.sort_index(), second.sort_index()
        if list(first.index) != list(second.index):
            raise ValueError(
                f"{both} must share their seeds, got {list(first.index)} and {list(second.index)}"
            )
    first, second = (
        np.array(checks.numbers(name, each), dtype=float)
        for name, each in zip(values, (first, second), strict=True)
    )
    if first.shape != second.shape or len(first) < 2:
        raise ValueError(
            f"{both} must hold the same two or more seeds, got {first.shape} and {second.shape}"
        )
    return first, second


def _once_each(name: str, values: pd.Series) -> None:
    if twice := list(values.index[values.index.duplicated()].unique()):
        raise ValueError(
            f"{name} must hold each seed once, got more values of {twice} among the seeds"
        )


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
        method: the same for the method. Two Series are paired by seed, two plain sequences by
            position; one of each is an error, since nobody knows the order of its seeds.
        unit: what the values count, for the text.
        lower_is_better: True for errors, False for accuracies.

    Raises:
        ValueError: fewer than two pairs, a seed that comes twice, seeds that do not match, or
            a Series with a plain sequence.

    >>> print(verdict([150, 140, 145], [80, 75, 72]))
    BEATS: -69.3 errors, 95 % interval [-79.4, -59.3], n = 3 paired seeds
    """
    first, second = _paired(baseline=baseline, method=method)
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
    p = np.array(checks.numbers("p_values", p_values), dtype=float)
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
    checks.one_of("column", column, runs.columns)
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
        ValueError: no pair, an unknown run, a run and seed that come twice, or fewer than two
            seeds in common.
    """
    if not pairs or any(isinstance(pair, str) or len(pair) != 2 for pair in pairs.values()):
        raise ValueError(
            f"pairs must hold at least one comparison, words -> (baseline, method), got {pairs}"
        )
    for name, values in (("test", test), ("validation", validation)):
        if not (isinstance(values, pd.Series) or (values is None and name == "validation")):
            raise ValueError(f"{name} must come from by_seed, got {type(values).__name__}")
    known = set(test.index.get_level_values(0))
    if unknown := {run for pair in pairs.values() for run in pair} - known:
        raise ValueError(f"pairs must name runs of {sorted(known)}, got {sorted(unknown)}")
    for name, values in (("test", test), ("validation", validation)):
        if values is not None:
            _once_each(name, values)
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
