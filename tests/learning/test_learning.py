"""Every recipe learns: small networks on small data beat what they were before training by far."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from genus.assembly import open_data
from genus.core.phase import Progress
from genus.core.recipe import load_recipe
from genus.core.registry import component
from genus.metrics.quick import quick_reference, quick_scores
from genus.metrics.single_image import patch_frechet, pixel_diversity
from genus.sampling.draw import draw
from genus.training.engine import Engine
from tests.tiny import RECIPES, tiny_config, tiny_engine

UPDATES = 800
"""Updates of all players together: a few seconds on one core."""


ELSEWHERE = {"meanflow", "ncsn"}
"""Recipes that take minutes here; tests/models/diffusion shows on points that they learn."""

SLOW = {
    "biggan", "consistency", "edm", "fastgan", "glow", "guided-ddpm", "improved-ddpm", "sagan", "score-sde",
    "spline-flow", "stylegan", "stylegan2", "styleswin",
}  # fmt: skip
"""Recipes that take a minute on a busy core; relatives of theirs (sngan, ddpm, realnvp, …) stay."""

NAMES = [
    pytest.param(name, marks=pytest.mark.slow if name in SLOW else ())
    for name in RECIPES
    if name not in ELSEWHERE
]


@pytest.mark.parametrize("name", NAMES)
def test_training_improves_the_watched_score(name: str, tmp_path: Path) -> None:
    config = tiny_config(name, ema=None, log_every=50)
    config["train"]["batch"] = 64 if config["train"]["batch"] > 1 else 1
    optimised = component("model", config["model"]["name"]).load().optimised
    if optimised:
        config["optimizer"] = {"name": "adam", "lr": 1e-3, "betas": [0.5, 0.99]}
    phases = tiny_engine(config, tmp_path / "any").stage_progress.stages[-1].phases
    updates = sum(phase.times(Progress()) for phase in phases)
    config["train"]["length"] = UPDATES // updates
    engine = tiny_engine(config, tmp_path / "run")
    if engine.model.one_example:
        assert_patches_are_learned(engine)
        return
    source = open_data(load_recipe(config)).train  # with all its labels
    reference = quick_reference(source, source, num_held_out=100)
    before = quick_scores(engine.published, reference, n=300) if optimised else None
    engine.fit()
    after = quick_scores(engine.published, reference, n=300)
    if before is None:  # nothing to sample before the first pass over the data
        assert after["frechet"] < 0.5 * engine.source.spec.size
        return
    watched = next(iter(after))
    if watched.startswith("nll"):
        assert after[watched] < before[watched] - 0.05
    if watched == "cross_entropy":
        assert after[watched] < 0.2 * before[watched]
    if "frechet" in after:
        # few steps of a predictor and corrector draw much noise, however well the model has learned
        share = 0.9 if name == "score-sde" else 0.8
        assert after["frechet"] < share * before["frechet"]


def assert_patches_are_learned(engine: Engine) -> None:
    """Patches of samples come closer to those of the one image, and samples differ."""
    image = engine.source.batch(np.zeros(1, dtype=np.int64)).x[0]

    def distance() -> float:
        return float(np.mean([patch_frechet(x, image) for x in draw(engine.published, 10)]))

    before = distance()
    engine.fit()
    assert distance() < 0.8 * before
    assert pixel_diversity(draw(engine.published, 10), image) > 0.1
