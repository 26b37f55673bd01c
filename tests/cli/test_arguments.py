"""From signatures and words to calls."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pytest

from genus.cli.arguments import parse, settings_of
from genus.cli.help import usage
from genus.cli.parameters import parameters_of
from genus.core.command import PYTHON_ONLY, Argument, Command, Overrides, Settings, command, commands
from genus.core.errors import GenusError, InputError

if TYPE_CHECKING:
    from somewhere import Unknown


def _sides(text: str) -> list[int]:
    try:
        return [int(side) for side in text.split("x")]
    except ValueError:
        raise ValueError("write 3x4") from None


def _show(call: partial[Any], *, json: bool = False) -> None:
    """Print.

    Args:
        json: as JSON.
    """


@command("work", show=_show)
def work(
    run: str | Path | Unknown,
    recipe: str | Mapping[str, Any] = "default",
    kind: Annotated[str, Argument(positional=False)] = "plain",
    *,
    overrides: Overrides = (),
    n: int | None = None,
    share: float = 0.5,
    samples: bool = True,
    label: int | str | None = None,
    given: Annotated[Unknown | None, Argument(metavar="WORDS", aliases=("--told",))] = None,
    at: Sequence[float] | None = None,
    names: Sequence[str | Path] = ("x",),
    size: Annotated[Sequence[int] | None, Argument(metavar="AxB", parse=_sides)] = None,
    checkpoint: Literal["best", "last"] = "last",
    out: Annotated[str | None, Argument(metavar="FILE", default="a.png")] = None,
    callbacks: Annotated[Sequence[Unknown], PYTHON_ONLY] = (),
) -> None:
    """Work.

    Args:
        run: a run; in Python anything.
        recipe: a recipe.
    """


WORK: Command = work.genus_command  # type: ignore[attr-defined]
DEFAULTS = {
    "recipe": "default", "kind": "plain", "overrides": (), "n": None, "share": 0.5, "samples": True,
    "label": None, "given": None, "at": None, "names": ("x",), "size": None, "checkpoint": "last",
    "out": "a.png",
}  # fmt: skip


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        ("r", {}),
        ("r vae", {"recipe": "vae"}),
        ("r vae a.b=1 c=2", {"recipe": "vae", "overrides": ["a.b=1", "c=2"]}),
        ("-n 3 r --share 0.25 vae a=1 --no-samples b=2", {
            "n": 3, "share": 0.25, "recipe": "vae", "samples": False, "overrides": ["a=1", "b=2"],
        }),
        ("r --n=7", {"n": 7}),
        ("r --label 7 --kind odd", {"label": "7", "kind": "odd"}),
        ("r --told x=-1,y=2", {"given": "x=-1,y=2"}),
        ("r --given=-1", {"given": "-1"}),
        ("r --at 0.5,-1", {"at": (0.5, -1.0)}),
        ("r --share -2", {"share": -2.0}),
        ("r --names a,b", {"names": ("a", "b")}),
        ("r --size 3x4", {"size": [3, 4]}),
        ("r --checkpoint best --out b.png", {"checkpoint": "best", "out": "b.png"}),
    ],
)  # fmt: skip
def test_words_become_a_call(words: str, changes: dict[str, Any]) -> None:
    call, printing = parse(WORK, words.split())
    assert call.keywords == {"run": "r", **DEFAULTS, **changes}
    assert call.func is work
    assert printing == {"json": False}
    assert parse(WORK, [*words.split(), "--json"])[1] == {"json": True}


@pytest.mark.parametrize(
    ("words", "lesson"),
    [
        ("r --chekpoint best", "there is no option --chekpoint; did you mean '--checkpoint'?"),
        ("r --at 1,x", "--at 1,x: give numbers separated by commas"),
        ("r --size axb", "--size axb: write 3x4"),
        ("r --callbacks x", "there is no option --callbacks"),
    ],
)
def test_what_cannot_be_read_is_refused(words: str, lesson: str) -> None:
    with pytest.raises(InputError, match=re.escape(lesson)):
        parse(WORK, words.split())


@pytest.mark.parametrize("words", ["", "r -n", "r -n many", "r --checkpoint newest"])
def test_tyro_refuses_missing_and_wrong_values(words: str) -> None:
    with pytest.raises(SystemExit) as stop:
        parse(WORK, words.split())
    assert stop.value.code == 2


def test_a_recipe_may_be_left_out_before_settings() -> None:
    entry = commands()["train"].load()
    call, _ = parse(entry, ["train.length=300", "--data", "ring", "train.batch=3"])
    assert call.keywords["recipe"] == "default"
    assert list(call.keywords["overrides"]) == ["train.length=300", "train.batch=3"]
    assert parse(entry, ["a=b.yaml"])[0].keywords["recipe"] == "a=b.yaml"


def test_settings_become_a_mapping_or_keywords() -> None:
    @command("m", show=_show)
    def mapped(name: str, arguments: Settings = None) -> None: ...

    @command("k", show=_show)
    def keywords(name: str, /, *, out: str | None = None, **options: Any) -> None: ...

    call, _ = parse(mapped.genus_command, ["x", "size=64", "alpha=[1, 2]"])  # type: ignore[attr-defined]
    assert call.keywords == {"name": "x", "arguments": {"size": 64, "alpha": [1, 2]}}
    assert parse(mapped.genus_command, ["x"])[0].keywords["arguments"] is None  # type: ignore[attr-defined]
    call, _ = parse(keywords.genus_command, ["x", "size=64", "name=y"])  # type: ignore[attr-defined]
    assert (call.args, call.keywords) == (("x",), {"out": None, "size": 64, "name": "y"})
    with pytest.raises(InputError, match="--out z"):
        parse(keywords.genus_command, ["x", "out=z"])  # type: ignore[attr-defined]
    assert settings_of(["a.b=1"]) == {"a": {"b": 1}}


def test_a_parameter_that_no_word_can_be_read_as_is_refused() -> None:
    @command("w", show=_show)
    def wrong(*, callbacks: Callable[[int], None] | None = None) -> None: ...

    with pytest.raises(GenusError, match="no word can be read as 'callbacks'"):
        parameters_of(wrong.genus_command)  # type: ignore[attr-defined]


def test_usage() -> None:
    assert usage(WORK) == (
        "genus work TEXT [TEXT] [key=value …] [--kind TEXT] [-n N] [--share NUMBER] [--no-samples] "
        "[--label TEXT] [--given WORDS] [--at NUMBER,…] [--names TEXT,…] [--size AxB] "
        "[--checkpoint best|last] [--out FILE] [--json]"
    )


@pytest.mark.parametrize("name", commands())
def test_command_line_and_python_have_one_signature(name: str) -> None:
    entry = commands()[name].load()
    known = {one.name for one in parameters_of(entry) if not one.printing}
    hidden = {"callbacks", "progress", "batch"}
    assert known == set(inspect.signature(entry.function).parameters) - hidden


def test_an_alias_stays() -> None:
    for name in ("sample", "explore"):
        call, _ = parse(commands()[name].load(), ["run", "--given", "slant=-3"])
        assert call.keywords["condition"] == "slant=-3"
    words = ["run", "--metrics", "frechet,kid", "--checkpoint", "best", "--keep", "f"]
    call, _ = parse(commands()["evaluate"].load(), words)
    assert call.keywords["metrics"] == ("frechet", "kid")
    assert (call.keywords["checkpoint"], call.keywords["keep"]) == ("best", "f")
