"""A sample of the campaign that ``make torture`` makes in full."""

import pytest
import torture
from torture.cases import Case, judge

from kdutils import checks


@pytest.mark.parametrize("kind", [name for name, kind in torture.KINDS.items() if kind.sample])
def test_nothing_wrong_is_taken_for_right_and_nothing_right_is_refused(kind):
    tried, missed = torture.try_kind(kind, sample=True)
    assert tried and not missed, "\n".join(missed)


@pytest.mark.parametrize(
    ("act", "says", "verdict"),
    [
        (lambda folder: True, "alpha", None),
        (lambda folder: False, "alpha", "taken in silence"),
        (lambda folder: checks.fraction("alpha", 2), "alpha", None),
        (lambda folder: checks.fraction("beta", 2), "alpha", "does not name 'alpha'"),
        (lambda folder: checks.fraction("alpha", 2), None, "must work, got ValueError"),
        (lambda folder: float("alpha"), "alpha", "raw ValueError"),
        (lambda folder: {}["alpha"], "alpha", "raw KeyError"),
    ],
)
def test_found_is_what_an_error_of_ours_names_and_what_comes_out_right(
    tmp_path, act, says, verdict
):
    found = judge(Case("case", act, says), tmp_path)
    assert found is verdict is None or found.startswith(verdict)
