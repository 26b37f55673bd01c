"""Conditions in users' words: attributes, a text, the path of an image, codes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path

import torch
from torch import Tensor

from genus.core.batch import Condition, Parts
from genus.core.codes import chosen_codes
from genus.core.errors import InputError, nearest
from genus.core.space import AnySpace, Composite, Space
from genus.data.image_file import read_image_as
from genus.data.labels import are_numbers
from genus.data.text import word_numbers, words_of

ConditionWords = str | PathLike[str] | Mapping[str, float]
"""``"slant=0.5,thickness=3"`` or a mapping; a class by name or number; a text; or the path of an image."""


def parse_condition(
    words: ConditionWords, space: AnySpace, n: int, usual: Callable[[], Condition]
) -> Condition:
    """Conditions of ``n`` samples from what a user wrote.

    Args:
        words: a class, values of a table's columns, words, or the path of an image, whichever the space is.
            Of several parts: ``NAME:WORDS``, separated by semicolons (``class:3;image:a.png``).
        space: what the model is conditioned on.
        n: how many samples.
        usual: gives conditions of test examples ``(n, …)``, of which what is not named is taken.

    Returns:
        ``(n, *space.shape)``, as in a batch.

    Raises:
        InputError: saying what does not fit, and what is known.

    >>> space = Space(kind="tokens", shape=(3,), names=("red", "sun"))
    >>> parse_condition("Sun!", space, 2, lambda: torch.zeros(2, 3)).tolist()
    [[2, 0, 0], [2, 0, 0]]
    """
    if isinstance(space, Composite):
        return _parts(words, space, n, usual)
    if space.kind == "class":
        return torch.full((n,), class_number(str(words), space))
    if space.kind == "table":
        return _columns(words, space, n, usual)
    if isinstance(words, Mapping):
        raise InputError(
            f"the model is conditioned on {space.describe()}, not on columns; write {_form(space)}"
        )
    if space.kind == "tokens":
        return _text(str(words), space).expand(n, *space.shape)
    return read_image_as(Path(words), space).expand(n, *space.shape)


def class_number(text: str, space: Space) -> int:
    """The number of a class by its name, or else by its number from 0 where no name is a number.

    Raises:
        InputError: for an unknown class; says which there are.
    """
    if text in space.names:
        return space.names.index(text)
    if text.isdecimal() and are_numbers(space.names):  # 7 may be written for 007
        same = [number for number, name in enumerate(space.names) if int(name) == int(text)]
        if len(same) == 1:
            return same[0]
    elif text.isdecimal() and int(text) < len(space.names):
        return int(text)
    raise InputError(f"label {text!r}: the classes are {', '.join(space.names)}")


def parse_codes(words: ConditionWords, codes: Space, n: int) -> Tensor:
    """Codes of ``n`` samples from what a user wrote.

    Args:
        words: values of codes, as of a table's columns: ``"category=3,code1=-1"`` or a mapping.
        codes: of the model.
        n: how many samples.

    Returns:
        float32 ``(n, size)``, NaN where a code is drawn at random.

    Raises:
        InputError: saying what does not fit, and what is known.

    >>> from genus.core.codes import code_space
    >>> parse_codes("code1=0.5", code_space([], 2), 1)
    tensor([[0.5000,    nan]])
    """
    form = f"codes are written {_assignment(codes.columns[0].name)}"
    return chosen_codes(codes, words if isinstance(words, Mapping) else _assignments(str(words), form), n)


def _assignment(name: str) -> str:
    return f"{name}=NUMBER, several separated by commas"


def _form(space: Space) -> str:
    if space.kind == "class":
        return "a class"
    if space.kind == "table":
        return _assignment(space.columns[0].name)
    return "words" if space.kind == "tokens" else "the path of an image"


def _parts(words: ConditionWords, space: Composite, n: int, usual: Callable[[], Condition]) -> Parts:
    names = [name for name, _ in space.parts]
    form = f"the condition has the parts {', '.join(names)}; write NAME:WORDS, separated by semicolons"
    if isinstance(words, Mapping):
        raise InputError(form)
    found: dict[str, Tensor] = {}
    whole: list[Parts] = []

    def usual_of(name: str) -> Tensor:
        if not whole:
            known = usual()
            assert isinstance(known, Parts)
            whole.append(known)
        return whole[0].tensors[name]

    for piece in str(words).split(";"):
        name, colon, text = (part.strip() for part in piece.partition(":"))
        if not colon or name not in names:
            raise InputError(f"{piece.strip()!r}: {form}")
        parsed = parse_condition(text, space[name], n, lambda name=name: usual_of(name))
        assert isinstance(parsed, Tensor)
        found[name] = parsed
    return Parts({name: found[name] if name in found else usual_of(name) for name in names})


def _columns(words: ConditionWords, space: Space, n: int, usual: Callable[[], Condition]) -> Tensor:
    form = f"the condition is written {_form(space)}"
    names = [column.name for column in space.columns]
    values = words if isinstance(words, Mapping) else _assignments(str(words), form)
    for name, value in values.items():
        if name not in names:
            raise InputError(
                f"there is no column {name!r}{nearest(name, names)}; the model is conditioned on "
                f"{', '.join(names)}"
            )
        if not math.isfinite(value):
            raise InputError(f"column {name}={value}: write a finite number")
    rows = torch.zeros(n, *space.shape) if len(values) == len(names) else usual()
    assert isinstance(rows, Tensor)
    rows = rows.clone()
    for name, value in values.items():
        rows[:, space.place(name)] = value - space.column(name).offset
    return rows


def _assignments(text: str, form: str) -> dict[str, float]:
    values: dict[str, float] = {}
    for part in text.split(","):
        name, equals, number = (piece.strip() for piece in part.partition("="))
        try:
            values[name] = float(number)
        except ValueError:
            equals = ""
        if not equals:
            raise InputError(f"condition {part.strip()!r}: {form}")
    return values


def _text(text: str, space: Space) -> Tensor:
    words = words_of(text)
    for word in words:
        if word not in space.names:
            raise InputError(
                f"the model never read the word {word!r}{nearest(word, space.names)}; it knows "
                f"{len(space.names):,} words"
            )
    if not 1 <= len(words) <= space.shape[0]:
        raise InputError(f"condition {text!r}: the model reads 1 to {space.shape[0]} words, not {len(words)}")
    numbers = {word: i for i, word in enumerate(space.names, start=1)}
    return torch.tensor(word_numbers(words, numbers, space.shape[0]))
