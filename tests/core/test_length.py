"""Lengths as people write them."""

from __future__ import annotations

import pytest

from genus.core.errors import RecipeError
from genus.core.length import Length


@pytest.mark.parametrize(
    ("text", "amount", "unit"),
    [
        (300, 300, "iterations"),
        ("4000", 4000, "iterations"),
        ("4k", 4000, "iterations"),
        ("1e4 iterations", 1e4, "iterations"),
        ("500k samples", 5e5, "samples"),
        ("2M samples", 2e6, "samples"),
        ("10 epochs", 10, "epochs"),
        ("1 epoch", 1, "epochs"),
        ("90 seconds", 90, "seconds"),
        ("90s", 90, "seconds"),
        ("90 CPU seconds", 90, "CPU seconds"),
        ("2 CPU minutes", 120, "CPU seconds"),
        ("2 minutes", 120, "seconds"),
        ("2min", 120, "seconds"),
        ("5m", 300, "seconds"),
        ("1.5 hours", 5400, "seconds"),
    ],
)
def test_lengths_are_read(text: str | int, amount: float, unit: str) -> None:
    length = Length.parse(text)
    assert (length.amount, length.unit) == (amount, unit)
    assert Length.parse(str(length)) == length


@pytest.mark.parametrize("text", ["", "soon", "-3", "0", "3 fortnights", "1.2.3 epochs", "k samples", "5 ms"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(RecipeError, match="write iterations as 4000"):
        Length.parse(text)
