"""Types of a component's arguments that say their range, within which every number is finite.

A recipe is held to them before work starts.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

__all__ = [
    "Count",
    "Exponent",
    "Natural",
    "Positive",
    "Share",
    "ShareAbove0",
    "ShareBelow1",
    "ShareInside",
    "Weight",
]


def _refuse_boolean(value: Any) -> Any:
    """Pass anything but a truth value, which pydantic would take for 0 or 1."""
    if isinstance(value, bool):
        raise ValueError("a number is wanted here, not yes or no; a name is written in quotes")
    return value


Whole = Annotated[int, BeforeValidator(_refuse_boolean)]
"""A whole number; what a recipe's ``int`` means."""

Number = Annotated[float, BeforeValidator(_refuse_boolean)]
"""A number; what a recipe's ``float`` means."""

Count = Annotated[Whole, Field(ge=1)]
"""How many of something there must be at least one of: widths, steps, periods."""

Natural = Annotated[Whole, Field(ge=0)]
"""How many, where none is a choice."""

Positive = Annotated[Number, Field(gt=0, allow_inf_nan=False)]
"""Rates, bounds, ratios."""

Exponent = Annotated[Number, Field(ge=2, allow_inf_nan=False)]
"""Powers of a norm, from the squared one on."""

Weight = Annotated[Number, Field(ge=0, allow_inf_nan=False)]
"""Factors of terms and other amounts; 0 leaves them out."""

Share = Annotated[Number, Field(ge=0, le=1, allow_inf_nan=False)]
"""A share that may be nothing or all."""

ShareBelow1 = Annotated[Number, Field(ge=0, lt=1, allow_inf_nan=False)]
"""A share that may not be all."""

ShareAbove0 = Annotated[Number, Field(gt=0, le=1, allow_inf_nan=False)]
"""A share that may not be nothing."""

ShareInside = Annotated[Number, Field(gt=0, lt=1, allow_inf_nan=False)]
"""A share that is neither nothing nor all."""
