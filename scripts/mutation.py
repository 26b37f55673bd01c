"""How many faults put into the source the tests notice: a random sample of cosmic-ray's mutants.

``pip install cosmic-ray==8.7.0``, then ``python scripts/mutation.py --sample 200 --seed 0`` in a copy of the
tree, since files are changed in place (and put back). Prints each mutant with its line before and after,
whether a test noticed it, and the share that was noticed. A place of the source is drawn first, then one of
its mutants: a sum has eleven, a comparison ten. Annotations are never evaluated here, so their mutants are
left out.
"""

from __future__ import annotations

import argparse
import ast
import random
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

FOLDERS = ("metrics", "objectives", "training")
SKIPPED = ("core/VariableReplacer", "core/VariableInserter")
"""Need the name of a variable; all others are used."""

Mutant = tuple[Path, str, int, tuple[int, int]]


def annotated(tree: ast.Module) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Where annotations are, as (line, column) of their ends."""
    found: list[ast.expr] = []
    for node in ast.walk(tree):
        found += [
            part
            for part in (getattr(node, "annotation", None), getattr(node, "returns", None))
            if isinstance(part, ast.expr)
        ]
    return [
        ((part.lineno, part.col_offset), (part.end_lineno or 0, part.end_col_offset or 0)) for part in found
    ]


def mutants(path: Path) -> Iterator[Mutant]:
    """All mutants of a file but those of annotations."""
    text = path.read_text()
    outside = annotated(ast.parse(text))
    tree = get_ast(text)
    for name in operator_names():
        if name in SKIPPED:
            continue
        operator, occurrence = get_operator(name)(), 0
        for node in ast_nodes(tree):
            for start, _ in operator.mutation_positions(node):
                if not any(first <= start < last for first, last in outside):
                    yield path, name, occurrence, start
                occurrence += 1


def tests_of(path: Path) -> list[list[str]]:
    """Groups of tests in turn: those that name the module, then all of its folder."""
    module = re.compile(rf"\b{re.escape('.'.join(path.with_suffix('').parts[1:]))}\b")
    folder = Path("tests") / path.parts[2]
    naming = [str(one) for one in sorted(Path("tests").rglob("test_*.py")) if module.search(one.read_text())]
    naming.sort(key=lambda one: not one.startswith(str(folder)))
    return [group for group in (naming, [str(folder)]) if group]


def noticed(path: Path) -> bool:
    """Whether a test fails."""
    for group in tests_of(path):
        words = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *group]
        try:
            code = subprocess.run(words, capture_output=True, timeout=900, check=False).returncode
        except subprocess.TimeoutExpired:
            return True
        if code in (1, 2):  # a test, or what it imports, failed
            return True
        if code:
            raise SystemExit(f"pytest ended with {code}: {' '.join(words)}")
    return False


def main(arguments: Sequence[str] | None = None) -> None:
    """Sample, try and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", choices=FOLDERS, action="append")
    options = parser.parse_args(arguments)
    files = sorted(
        path for folder in options.folder or FOLDERS for path in Path("src/genus", folder).rglob("*.py")
    )
    places: dict[tuple[Path, str, tuple[int, int]], list[Mutant]] = {}
    for one in (one for path in files for one in mutants(path)):
        places.setdefault((one[0], one[1].split("_")[0], one[3]), []).append(one)
    chance = random.Random(options.seed)
    chosen = [
        chance.choice(places[key]) for key in chance.sample(list(places), min(options.sample, len(places)))
    ]
    print(f"{len(places)} places, {len(chosen)} tried", flush=True)
    caught = 0
    for number, (path, name, occurrence, (line, _)) in enumerate(chosen, 1):
        before = path.read_text()
        after = mutate_code(before, get_operator(name)(), occurrence)
        if after is None or after == before:
            raise SystemExit(f"{path}:{line} {name} {occurrence}: no mutant")
        path.write_text(after)
        try:
            found = noticed(path)
        finally:
            path.write_text(before)
        caught += found
        old, new = before.splitlines()[line - 1].strip(), after.splitlines()[line - 1].strip()
        state = "caught" if found else "SURVIVED"
        print(f"{number:4} {state} {path}:{line} {name}\n       - {old}\n       + {new}", flush=True)
    print(f"{caught} of {len(chosen)} noticed: {caught / len(chosen):.1%}")


if __name__ == "__main__":
    main()
