"""Read documentation as a user would: write its files, run its commands, compare their output."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

import genus
from genus.cli.arguments import parse
from genus.cli.main import find

REPOSITORY = Path(__file__).parents[2]
PAGES = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")])
SAFE = "<!-- run -->"
"""Stands on the line before a console block that a test may run as it is."""

PROGRAMS = {
    "genus": [sys.executable, "-m", "genus"],
    "pytest": [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"],
}
"""Commands of the pages, as the interpreter of the test knows them."""


@dataclass(frozen=True)
class Step:
    """A line after ``$`` of a console block, or a whole block of Python.

    Args:
        language: ``console`` or ``python``.
        text: without the ``$``.
        output: what the page shows below a command; ``…`` stands for anything.
        safe: whether the block is marked to be run.
    """

    language: str
    text: str
    output: str
    safe: bool


def files(page: Path) -> dict[str, str]:
    """Blocks whose first line is a comment with a path, by that path."""
    return dict(re.findall(r"^```\w+\n# (\S+)\n(.*?)^```", page.read_text(encoding="utf-8"), re.S | re.M))


def steps(page: Path) -> list[Step]:
    """Every command and every marked block of Python, in order."""
    text = page.read_text(encoding="utf-8")
    found: list[Step] = []
    for mark, language, block in re.findall(
        r"^(<!-- [^\n]*? -->\n)?```(console|python)\n(.*?)^```", text, re.S | re.M
    ):
        safe = mark.strip() == SAFE
        if language == "python":
            found += [Step(language, block, "", safe)] if safe else []
            continue
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            line, _, output = part.partition("\n")
            found.append(Step(language, line, output, safe))
    return found


def agrees(shown: str, got: str) -> bool:
    """Whether output is as shown, up to spaces, numbers and what ``…`` leaves out.

    >>> agrees("loss 0.5 …", "loss  0.25  after 3 s"), agrees("a b", "a c")
    (True, False)
    """
    pattern = ".*".join(re.escape(_plain(part)) for part in shown.split("…"))
    return bool(re.fullmatch(pattern, _plain(got), re.S)) if shown.strip() else True


def _plain(text: str) -> str:
    # numbers differ between machines, and the width of a column with them
    numbers = re.sub(r"[-+]?\d[\d.,:]*(e[-+]?\d+)?", "0", "".join(text.split()))
    return re.sub(r"0(,0)+", "0", numbers)  # 1.5e-6,0.2 as 0.15,0.2


def bind(words: list[str]) -> None:
    """Read a command line, bind its recipe, and stop there."""
    if {"--help", "--version"} & set(words):
        return  # nothing to start: it is run where it is marked
    entry, rest = find(words)
    assert entry is not None
    call, _ = parse(entry.load(), rest)
    overrides = [text for text in call.keywords.get("overrides", ()) if not text.startswith("data.")]
    if entry.name in ("train", "show") and not call.keywords["recipe"].endswith(".yaml"):
        genus.show(call.keywords["recipe"], overrides)
    elif entry.name == "resume":
        genus.show("default", overrides)
    elif entry.name == "lab" and call.args[0]:
        genus.experiment_options(call.args[0], {k: v for k, v in call.keywords.items() if k != "out"})
