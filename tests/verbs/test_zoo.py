"""The search over named GANs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable

import pytest

import genus
from genus.core.errors import InputError
from genus.named_gans.entries import count, entries
from tests.terminal import Result

Says = Callable[..., Result]


def names(query: str) -> list[str]:
    return [entry.name for entry in genus.zoo(query)]


def test_without_a_query_there_are_all() -> None:
    assert genus.zoo() == list(entries())
    assert names("  ") == names("")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("dragan", ["DRAGAN"]),
        ("DRAGAN", ["DRAGAN"]),
        ("tgan", ["TGAN"] * 3),
        ("bgan", ["BGAN", "BS-GAN"]),
        ("seggan", ["SeqGAN"]),
        ("energy-based", ["EBGAN", "MAGAN"]),
        ("wasserstein 2017 penalty", ["3D-IWGAN", "WGAN-GP"]),
        ("penalty 2017 wasserstein", ["3D-IWGAN", "WGAN-GP"]),
        ("2014", ["CGAN", "GAN"]),
        ("1703.10593", ["CycleGAN"]),
        ("arXiv:1703.10593", ["CycleGAN"]),
        ("ed//gan", ["ED//GAN"]),
        ("s^2gan", ["S^2GAN"]),
        ("Δ-gan", ["Δ-GAN"]),
    ],
)
def test_search(query: str, found: list[str]) -> None:
    assert names(query) == found


def test_an_exact_name_comes_first() -> None:
    assert names("wgan")[0] == "WGAN"
    assert "WGAN-GP" in names("wgan")


def test_fields_are_searched() -> None:
    text = genus.zoo("text")
    assert {"SeqGAN", "LeakGAN", "StackGAN"} <= {entry.name for entry in text}
    assert all(entry.matches(["text"]) for entry in text)


def test_nothing_found_teaches() -> None:
    with pytest.raises(InputError, match="did you mean 'DRAGAN'"):
        genus.zoo("dragn")
    with pytest.raises(InputError, match=r"or a field: architecture, conditioning, .*video$"):
        genus.zoo("entirely different")


def test_counts() -> None:
    chosen = [entry for entry in entries() if entry.name in ("DRAGAN", "Geometric GAN", "CycleGAN")]
    assert count(chosen) == "3 entries, 1 built by a recipe, 1 composed by overrides"


def test_the_search_needs_no_torch() -> None:
    script = "import genus, sys; genus.zoo('dragan'); genus.zoo('wgan'); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_the_command_lists_all(genus_says: Says) -> None:
    result = genus_says("zoo")
    assert result.code == 0
    lines = result.out.rstrip().splitlines()
    assert lines[-1] == count(entries())
    assert all(any(line.startswith(entry.name) for line in lines) for entry in entries())
    [line] = [line for line in lines if line.startswith("LSGAN ")]
    assert re.fullmatch(
        r"LSGAN +Least Squares Generative Adversarial Networks \(2016\) +recipe lsgan *", line
    )


def test_the_command_shows_all_facts_of_one(genus_says: Says) -> None:
    said = genus_says("zoo", "ed//gan").out
    [entry] = genus.zoo("ed//gan")
    for fact in (entry.name, entry.title, entry.paper, entry.what, entry.composes, entry.differs):
        assert fact in said
    assert said.rstrip().endswith("1 entry, 0 built by a recipe, 1 composed by overrides")


def test_the_command_takes_several_words(genus_says: Says) -> None:
    assert "WGAN-GP" in genus_says("zoo", "penalty", "wasserstein").out


def test_the_command_as_json(genus_says: Says) -> None:
    result = genus_says("zoo", "dragan", "--json")
    [entry] = json.loads(result.out)
    assert entry["recipe"] == "dragan"
    assert entry["year"] == 2017
    assert entry["paper"] == "arXiv:1705.07215"


def test_the_command_refuses_what_it_does_not_find(genus_says: Says) -> None:
    result = genus_says("zoo", "cycelgan")
    assert result.code == 2
    assert result.err == "genus: no named GAN matches 'cycelgan'; did you mean 'CycleGAN'?\n"
