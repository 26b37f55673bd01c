"""Types of a component's arguments that say their range, within which every number is finite.

A recipe is held to them before work starts.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

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

Count = Annotated[int, Field(ge=1)]
"""How many of something there must be at least one of: widths, steps, periods."""

Natural = Annotated[int, Field(ge=0)]
"""How many, where none is a choice."""

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
"""Rates, bounds, ratios."""

Exponent = Annotated[float, Field(ge=2, allow_inf_nan=False)]
"""Powers of a norm, from the squared one on."""

Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
"""Factors of terms and other amounts; 0 leaves them out."""

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
"""A share that may be nothing or all."""

ShareBelow1 = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]
"""A share that may not be all."""

ShareAbove0 = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
"""A share that may not be nothing."""

ShareInside = Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]
"""A share that is neither nothing nor all."""
