"""The entries: well-formed, unique, and true where they say that genus builds something."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from dataclasses import fields

import pytest

from genus.assembly import build_model, open_data
from genus.core.capabilities import Samples
from genus.core.noise import Noise
from genus.core.recipe import load_recipe
from genus.core.recipe_text import recipe_files
from genus.core.space import Space
from genus.core.spec import DataSpec
from genus.named_gans.entries import NamedGAN, count, entries
from tests.docs.pages import REPOSITORY

ENTRIES = entries()
COMPOSED = [entry for entry in ENTRIES if entry.composes]
LISTED = 200
"""Names on the GAN Zoo list as lectures of 2017 show it."""


def ids(entry: NamedGAN) -> str:
    return f"{entry.name} {entry.year}"


@pytest.mark.parametrize("entry", ENTRIES, ids=ids)
def test_entries_are_well_formed(entry: NamedGAN) -> None:
    assert entry.name
    assert entry.title
    assert 2014 <= entry.year <= 2026
    assert re.fullmatch(r"[A-Z1-9].*\.", entry.what), "one sentence"
    assert "\n" not in entry.what
    assert entry.what.removesuffix(".").count(". ") == 0, "one sentence"
    assert sum(map(bool, (entry.recipe, entry.composes, entry.needs))) == 1
    assert not (entry.differs and entry.needs), "what is not built does not differ"
    for field in fields(entry):
        value = getattr(entry, field.name)
        assert not isinstance(value, str) or value == value.strip()


@pytest.mark.parametrize("entry", [entry for entry in ENTRIES if entry.paper], ids=ids)
def test_numbers_of_papers_agree_with_years(entry: NamedGAN) -> None:
    number = re.fullmatch(r"arXiv:(\d\d)(\d\d)\.\d{4,5}", entry.paper)
    assert number
    assert 2000 + int(number[1]) == entry.year
    assert 1 <= int(number[2]) <= 12


def test_entries_are_unique() -> None:
    names = Counter((entry.name, entry.title) for entry in ENTRIES)
    assert [name for name, times in names.items() if times > 1] == []
    papers = Counter(entry.paper for entry in ENTRIES if entry.paper)
    twice = {paper for paper, times in papers.items() if times > 1}
    assert twice == {"arXiv:1611.06430"}, "the list itself has one paper under two names"


def test_the_list_is_whole() -> None:
    assert sum(entry.listed for entry in ENTRIES) == LISTED


def test_what_is_beyond_the_list_is_built_here() -> None:
    assert [entry.name for entry in ENTRIES if not entry.listed and entry.needs] == []


@pytest.mark.parametrize("entry", [entry for entry in ENTRIES if entry.recipe], ids=ids)
def test_recipes_exist_and_cite_the_paper(entry: NamedGAN) -> None:
    assert entry.recipe in recipe_files()
    assert load_recipe(entry.recipe).config["paper"].startswith(entry.paper)


@pytest.mark.parametrize("entry", COMPOSED, ids=ids)
def test_commands_bind_and_build(entry: NamedGAN) -> None:
    program, verb, name, *overrides = shlex.split(entry.composes)
    assert (program, verb) == ("genus", "train")
    recipe = load_recipe(name, overrides)
    plain = load_recipe(name)
    assert recipe.config["model"] != plain.config["model"]
    build_model(recipe, open_data(recipe).spec)


SPECS = {
    "3D-GAN": DataSpec(example=Space(kind="volume", shape=(1, 16, 16, 16), range=(0.0, 1.0))),
    "3D-IWGAN": DataSpec(example=Space(kind="volume", shape=(1, 16, 16, 16), range=(0.0, 1.0))),
    "PassGAN": DataSpec(example=Space(kind="sequence", shape=(60, 10), range=(0.0, 1.0))),
    "WaveGAN": DataSpec(example=Space(kind="sequence", shape=(1, 256), range=(-1.0, 1.0))),
}
"""What some commands want, to be given with --data."""


@pytest.mark.parametrize("name", SPECS)
def test_commands_build_for_data_that_they_name(name: str) -> None:
    [entry] = [entry for entry in COMPOSED if entry.name == name]
    assert "--data" in entry.differs
    recipe = load_recipe(shlex.split(entry.composes)[2], shlex.split(entry.composes)[3:])
    model = build_model(recipe, SPECS[name])
    assert isinstance(model, Samples)
    assert model.sample(2, noise=Noise(0)).shape == (2, *SPECS[name].shape)


def test_a_wrong_command_would_be_found() -> None:
    with pytest.raises(Exception, match="did you mean 'hinge'"):
        load_recipe("dcgan", ["model.objective=hinje"])


def test_the_page_shows_the_counts_of_today() -> None:
    page = REPOSITORY / "docs" / "zoo.md"
    assert f"\n{count(ENTRIES)}\n" in page.read_text(encoding="utf-8")
