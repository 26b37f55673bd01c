"""Codes by hand: their places, their values, and what is refused."""

from __future__ import annotations

import math

import pytest
import torch

from genus.core.codes import Code, choose, code_named, left_to_chance
from genus.core.errors import InputError

CODES = (
    Code(name="category1", first=0, values=2),
    Code(name="category2", first=2, values=3),
    Code(name="code1", first=5),
    Code(name="code2", first=6),
)


def test_what_is_named_stands_in_its_place_and_the_rest_is_left_to_chance() -> None:
    rows = choose(CODES, {"category2": 2, "code1": -0.5}, 3)
    nan = math.nan
    expected = torch.tensor([nan, nan, 0.0, 0.0, 1.0, -0.5, nan]).expand(3, -1)
    torch.testing.assert_close(rows, expected, equal_nan=True)
    assert [code.is_free(rows) for code in CODES] == [True, False, False, True]
    assert left_to_chance(CODES, 2).shape == (2, 7)
    assert choose(CODES, {"code2": 1, "code1": -1}, 1)[0, 5:].tolist() == [-1, 1]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"category1": 2}, "category1=2: give a whole number from 0 to 1"),
        ({"category2": -1}, "whole number from 0 to 2"),
        ({"category2": 1.5}, "category2=1.5"),
        ({"category2": math.nan}, "category2=nan"),
        ({"code1": 1.001}, r"code1=1.001: give a number in \[−1, 1\]"),
        ({"code2": -math.inf}, "code2=-inf"),
        ({"code2": math.nan}, "code2=nan"),
        ({"categry2": 1}, "no code 'categry2'; did you mean 'category2'.*has category1, category2, code1, c"),
    ],
)
def test_what_does_not_fit_is_refused(values: dict[str, float], words: str) -> None:
    with pytest.raises(InputError, match=words):
        choose(CODES, values, 2)


def test_steps_go_through_all_values() -> None:
    assert CODES[1].steps(5) == [0, 1, 2, 0, 1]
    assert code_named(CODES, "code2").steps(5) == [-1, -0.5, 0, 0.5, 1]
