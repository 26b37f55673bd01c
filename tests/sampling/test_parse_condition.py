"""Conditions in users' words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from genus.core.batch import Parts
from genus.core.column import Column
from genus.core.errors import InputError
from genus.core.space import Composite, Space, table_space
from genus.sampling.parse_condition import class_number, parse_condition
from tests.tiny import MASK_NAMES, table

TWO = table(("age", 0.0, 1.0), ("size", 0.0, 1.0))
CLASSES = Space(kind="class", names=("a", "b", "7"))


def never() -> torch.Tensor:
    raise AssertionError("nothing of the data is needed")


def test_columns_are_set_by_name_and_the_others_are_usual() -> None:
    usual = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    found = parse_condition("size=7", TWO, 2, lambda: usual)
    torch.testing.assert_close(found, torch.tensor([[1.0, 7.0], [3.0, 7.0]]))
    found = parse_condition({"age": 5, "size": 6}, TWO, 1, never)
    torch.testing.assert_close(found, torch.tensor([[5.0, 6.0]]))
    assert usual.tolist() == [[1.0, 2.0], [3.0, 4.0]]


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ("sice=1", "there is no column 'sice'; did you mean 'size'"),
        ("7", "written age=NUMBER"),
        ("age=old", "written age=NUMBER"),
        ("age=inf", "finite"),
    ],
)
def test_columns_that_do_not_fit_are_explained(words: str, what: str) -> None:
    with pytest.raises(InputError, match=what):
        parse_condition(words, TWO, 1, lambda: torch.zeros(1, 2))


def test_a_class_is_named_or_numbered() -> None:
    for words, number in (("b", 1), ("0", 0), ("7", 2)):
        torch.testing.assert_close(parse_condition(words, CLASSES, 2, never), torch.tensor([number] * 2))
    with pytest.raises(InputError, match="label '3': the classes are a, b, 7"):
        parse_condition("3", CLASSES, 1, never)


def test_parts_are_set_one_by_one_and_the_others_are_usual() -> None:
    space = Composite.of(**{"class": CLASSES, "table": TWO})
    usual = Parts({"class": torch.tensor([0, 1]), "table": torch.tensor([[1.0, 2.0], [3.0, 4.0]])})
    found = parse_condition("class: b; table: age=9", space, 2, lambda: usual)
    assert isinstance(found, Parts)
    assert found["class"].tolist() == [1, 1]
    assert found["table"].tolist() == [[9.0, 2.0], [9.0, 4.0]]
    found = parse_condition("table:age=1,size=2", space, 2, lambda: usual)
    assert isinstance(found, Parts)
    assert found["class"].tolist() == [0, 1]
    with pytest.raises(InputError, match="has the parts class, table; write NAME:WORDS"):
        parse_condition("b", space, 1, lambda: usual)


def test_words_and_images_that_do_not_fit_are_explained(tmp_path: Path) -> None:
    def write(name: str, value: int, size: int) -> str:
        Image.fromarray(np.full((size, size), value, np.uint8)).save(tmp_path / name)
        return str(tmp_path / name)

    text = Space(kind="tokens", shape=(2,), names=("moon", "sun"))
    mask = Space(kind="labels", shape=(1, 4, 4), names=MASK_NAMES)
    cases: list[tuple[Space, Any, str]] = [
        (text, "son", "never read the word 'son'; did you mean 'sun'"),
        (text, "sun sun sun", "reads 1 to 2 words"),
        (text, {"age": 1.0}, "not on columns"),
        (mask, "missing.png", "no image 'missing.png'"),
        (mask, write("small.png", 0, 2), "is 2×2; wanted is a map 1×4×4 of 2 labels"),
        (mask, write("grey.png", 200, 4), "holds the value 200, which is no label; the labels are 0, 255"),
    ]
    for space, words, what in cases:
        with pytest.raises(InputError, match=what):
            parse_condition(words, space, 1, lambda: torch.zeros(1, 2))
    found = parse_condition(write("right.png", 255, 4), mask, 3, never)
    torch.testing.assert_close(found, torch.ones(3, 1, 4, 4, dtype=torch.int64))


def test_where_class_names_are_numbers_a_number_is_a_name() -> None:
    odd, digits = (Space(kind="class", names=names) for names in (("3", "5", "7"), ("000", "007", "010")))
    assert class_number("5", odd) == 1
    assert class_number("10", digits) == 2
    with pytest.raises(InputError, match="the classes are 3, 5, 7"):
        class_number("1", odd)
    assert class_number("1", Space(kind="class", names=("cat", "dog"))) == 1


def test_columns_less_an_offset_are_given_in_the_numbers_of_the_file() -> None:
    space = table_space([Column(name="time", offset=1.7e9)])
    parsed = parse_condition("time=1700000007", space, 2, lambda: torch.zeros(2, 1))
    assert isinstance(parsed, torch.Tensor)
    assert parsed.tolist() == [[7.0], [7.0]]
