"""Every variant of a recipe builds, at its full size and without a byte of memory."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from genus.assembly import open_data
from genus.core.binder import build
from genus.core.recipe import load_recipe
from genus.core.space import Space
from genus.core.spec import DataSpec
from tests.core.test_recipe import VARIANTS

PHOTOGRAPHS = DataSpec(example=Space(kind="image", shape=(3, 1024, 1024), range=(0.0, 1.0), levels=256))
SMALL_PHOTOGRAPHS = DataSpec(example=Space(kind="image", shape=(3, 32, 32), range=(0.0, 1.0), levels=256))


@pytest.fixture(autouse=True)
def no_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some starts decompose matrices, which on the meta device takes seconds and gives nothing."""

    def as_it_is(tensor: Tensor, *_: object, **__: object) -> Tensor:
        return tensor

    monkeypatch.setattr(nn.init, "orthogonal_", as_it_is)
    monkeypatch.setattr("genus.networks.biggan.normalise_spectrally", lambda *_, **__: None)


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_every_variant_builds(name: str, variant: str) -> None:
    recipe = load_recipe(f"{name}@{variant}")
    spec = open_data(recipe).spec
    with torch.device("meta"):
        model = build("model", recipe.config["model"], spec)
    assert all(p.device.type == "meta" for p in model.parameters())
    assert count(model) > 0
    assert model.stages()


@pytest.mark.parametrize(
    ("name", "spec", "generator", "discriminator"),
    [
        ("progan@gpu", PHOTOGRAPHS, 23.1, 23.1),  # arXiv:1710.10196, table 2
        ("stylegan@gpu", PHOTOGRAPHS, 26.2, 23.1),  # arXiv:1812.04948, section 2
        ("sngan@gpu", SMALL_PHOTOGRAPHS, 4.3, 0.5),  # arXiv:1802.05957, table 4, by hand: 4,276,739
    ],
)
def test_variants_have_the_published_size_at_the_published_resolution(
    name: str, spec: DataSpec, generator: float, discriminator: float
) -> None:
    """Parameters in millions."""
    recipe = load_recipe(name, ["model.conditioning=null"])
    with torch.device("meta"):
        model = build("model", recipe.config["model"], spec)
    assert round(count(model.generator) / 1e6, 1) == generator
    assert round(count(model.discriminator) / 1e6, 1) == discriminator
