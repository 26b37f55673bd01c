"""Codes by hand: their places, their values, and what is refused."""

from __future__ import annotations

import math

import pytest
import torch

from genus.core.codes import chosen_codes, code_named, code_space, code_steps, is_random, random_codes
from genus.core.errors import InputError

CODES = code_space([2, 3], 2)


def test_what_is_named_stands_in_its_place_and_the_rest_is_random_codes() -> None:
    rows = chosen_codes(CODES, {"category2": 2, "code1": -0.5}, 3)
    nan = math.nan
    expected = torch.tensor([nan, nan, 0.0, 0.0, 1.0, -0.5, nan]).expand(3, -1)
    torch.testing.assert_close(rows, expected, equal_nan=True)
    assert [is_random(CODES, column.name, rows) for column in CODES.columns] == [True, False, False, True]
    assert random_codes(CODES, 2).shape == (2, 7)
    assert chosen_codes(CODES, {"code2": 1, "code1": -1}, 1)[0, 5:].tolist() == [-1, 1]


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
        chosen_codes(CODES, values, 2)


def test_steps_go_through_all_values() -> None:
    assert code_steps(CODES.columns[1], 5) == [0, 1, 2, 0, 1]
    assert code_steps(code_named(CODES, "code2"), 5) == [-1, -0.5, 0, 0.5, 1]
