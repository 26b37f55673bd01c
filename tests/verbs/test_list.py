"""``genus list``."""

from __future__ import annotations

import json
from collections.abc import Callable

import genus
from genus.core.recipe_text import recipe_files
from tests.terminal import Result

Says = Callable[..., Result]


def test_list(genus_says: Says) -> None:
    found = json.loads(genus_says("list", "--json").out)
    assert found == genus.list_components("recipes")
    assert set(found) == set(recipe_files())
    assert all(found.values())
    for kind in ("models", "networks", "objectives", "penalties", "conditioning", "data", "metrics", "lab"):
        names = [line.split()[0] for line in genus_says("list", kind).out.splitlines()]
        assert names == list(genus.list_components(kind)) != []
