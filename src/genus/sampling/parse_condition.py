"""What samples are asked for, from the words of a user."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from genus.core.codes import Code, choose
from genus.core.condition import Condition
from genus.core.errors import DataError, InputError, nearest
from genus.data.conditioned import word_numbers, words_of
from genus.data.images import Layout, no_bomb_warnings, read_header, read_image

ConditionWords = str | PathLike[str] | Mapping[str, float]
"""``"slant=0.5,thickness=3"`` or a mapping; a text; or the path of an image."""


def parse_condition(
    asked: ConditionWords, condition: Condition, n: int, usual: Callable[[], Tensor]
) -> Tensor:
    """Conditions that ``n`` samples shall have.

    Args:
        asked: values of attributes, words, or the path of an image, whichever the condition is.
        condition: what the model is told.
        n: how many samples.
        usual: gives ``(n, k)`` attributes, of which those that are not asked for are taken.

    Returns:
        ``(n, *condition.shape)``, as in a batch.

    Raises:
        InputError: saying what does not fit, and what is known.

    >>> condition = Condition(kind="text", shape=(3,), names=("red", "sun"))
    >>> ask("Sun!", condition, 2, lambda: torch.zeros(2, 3)).tolist()
    [[2, 0, 0], [2, 0, 0]]
    """
    if condition.kind == "attributes":
        return _attributes(asked, condition, n, usual)
    if isinstance(asked, Mapping):
        raise InputError(f"the model is told {condition.describe()}, not attributes; give {_form(condition)}")
    one = _text(str(asked), condition) if condition.kind == "text" else _image(Path(asked), condition)
    return one.expand(n, *condition.shape)


def parse_codes(asked: ConditionWords, codes: Sequence[Code], n: int) -> Tensor:
    """Codes that ``n`` samples shall have.

    Args:
        asked: values of codes, as of attributes: ``"category=3,code1=-1"`` or a mapping.
        codes: of the model.
        n: how many samples.

    Returns:
        float32 ``(n, size)``, NaN where a code is left to chance.

    Raises:
        InputError: saying what does not fit, and what is known.

    >>> ask_codes("code1=0.5", [Code(name="code1", first=0), Code(name="code2", first=1)], 1)
    tensor([[0.5000,    nan]])
    """
    form = f"codes are written {_assignment(codes[0].name)}"
    return choose(codes, asked if isinstance(asked, Mapping) else _assignments(str(asked), form), n)


def _assignment(name: str) -> str:
    return f"{name}=NUMBER, several separated by commas"


def _form(condition: Condition) -> str:
    if condition.kind == "attributes":
        return _assignment(condition.names[0])
    return "words" if condition.kind == "text" else "the path of an image"


def _attributes(asked: ConditionWords, condition: Condition, n: int, usual: Callable[[], Tensor]) -> Tensor:
    form = f"the condition is written {_form(condition)}"
    values = asked if isinstance(asked, Mapping) else _assignments(str(asked), form)
    for name, value in values.items():
        if name not in condition.names:
            raise InputError(
                f"there is no attribute {name!r}{nearest(name, condition.names)}; the model is told "
                f"{', '.join(condition.names)}"
            )
        if not math.isfinite(value):
            raise InputError(f"attribute {name}={value}: give a finite number")
    complete = len(values) == len(condition.names)
    found = torch.zeros(n, *condition.shape) if complete else usual().clone()
    for name, value in values.items():
        found[:, condition.names.index(name)] = value
    return found


def _assignments(text: str, form: str) -> dict[str, float]:
    values: dict[str, float] = {}
    for part in text.split(","):
        name, equals, number = (piece.strip() for piece in part.partition("="))
        try:
            values[name] = float(number)
        except ValueError:
            equals = ""
        if not equals:
            raise InputError(f"given {part.strip()!r}: {form}")
    return values


def _text(text: str, condition: Condition) -> Tensor:
    words = words_of(text)
    for word in words:
        if word not in condition.names:
            raise InputError(
                f"the model never read the word {word!r}{nearest(word, condition.names)}; it knows "
                f"{len(condition.names):,} words"
            )
    if not 1 <= len(words) <= condition.shape[0]:
        raise InputError(
            f"given {text!r}: the model is told 1 to {condition.shape[0]} words, not {len(words)}"
        )
    numbers = {word: i for i, word in enumerate(condition.names, start=1)}
    return torch.tensor(word_numbers(words, numbers, condition.shape[0]))


def _image(path: Path, condition: Condition) -> Tensor:
    channels, *sides = condition.shape
    if len(sides) != 2:
        raise InputError(f"the model is told {condition.describe()}, which no image file holds")
    if not path.is_file():
        raise InputError(f"there is no image {str(path)!r}; the model is told {condition.describe()}")
    try:
        with no_bomb_warnings():
            header = read_header(path)
        if [header.height, header.width] != sides:
            raise InputError(
                f"{path}: is {header.height}×{header.width}; the model is told {condition.describe()}. Bring "
                "it to that size as the training images were"
            )
        if header.alpha and channels in (1, 3):
            raise InputError(f"{path}: may have transparent pixels; save it without")
        layout = Layout(*sides, colour=channels > 2, bits=header.bits, keep_alpha=channels in (2, 4))
        values = read_image(path, layout)
    except DataError as error:
        raise InputError(str(error)) from None
    highest = (1 << header.bits) - 1
    if condition.kind == "mask":
        return torch.from_numpy((values > highest // 2).astype(np.float32))
    return torch.from_numpy(values.astype(np.float32)) / highest
