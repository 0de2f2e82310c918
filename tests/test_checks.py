import math

import pytest
import torch

from kdutils import checks


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((0, 1), {}, "x must be >= 1, got 0"),
        ((2.5, 0, 1), {}, r"x must be in \[0, 1\], got 2.5"),
        ((None, 0, 1), {}, r"x must be in \[0, 1\] and finite, got None"),
        (("3",), {"whole": True}, "x must be an integer, got '3'"),
        ((True,), {}, "x must be finite, got True"),
        ((0.0,), {"above": 0}, "x must be > 0, got 0.0"),
        ((2.0,), {"above": 0, "high": 1}, "x must be > 0 and <= 1, got 2.0"),
        ((math.nan, 0), {}, "x must be >= 0 and finite, got nan"),
        ((math.inf,), {}, "x must be finite, got inf"),
        ((1.0,), {"whole": True}, "x must be an integer, got 1.0"),
    ],
)
def test_a_number_out_of_range_is_named_with_its_range(arguments, options, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        checks.number("x", *arguments, **options)


@pytest.mark.parametrize("value", [0, 1, 0.5, torch.tensor(0.5).item()])
def test_a_number_in_range_passes(value):
    checks.number("x", value, 0, 1)
    checks.fraction("x", value)


def test_an_unknown_word_gets_the_close_ones():
    with pytest.raises(
        ValueError, match=r"w must be one of \['adam', 'sgd'\], got 'adem'; close: adam"
    ):
        checks.one_of("w", "adem", ("adam", "sgd"))
    checks.one_of("w", "sgd", ("adam", "sgd"))


def test_half_precision_logits_are_returned_in_single_and_double_stay():
    assert checks.logits("z", torch.zeros(2, 3, dtype=torch.bfloat16)).dtype == torch.float32
    assert checks.logits("z", torch.zeros(2, 3, dtype=torch.float64)).dtype == torch.float64
