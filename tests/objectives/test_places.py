"""Scores of several places of an example: what objectives, accuracy and penalties make of them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from genus.core.binder import bind, resolve
from genus.core.components import Losses, Readout
from genus.core.noise import Noise
from genus.core.observations import Observation
from genus.core.phase import Context
from genus.core.registry import components
from genus.models.adversarial.conditioning_base import Unconditional
from genus.models.adversarial.discriminator_terms import log_scores
from tests.models.adversarial.test_gan import IMAGES, batch_of, check_losses, make

OBJECTIVES = sorted(components("objective"))
DIVERGENCES = ("kl", "reverse-kl", "chi-squared", "hellinger", "total-variation")
CONFIGS: list[dict[str, Any]] = [
    *({"name": name} for name in OBJECTIVES),
    *({"name": "f-gan", "divergence": divergence} for divergence in DIVERGENCES),
    {"name": "non-saturating", "smoothing": 0.1},
    {"name": "f-gan", "saturating": True},
]


def losses(config: dict[str, Any], real: Tensor, fake: Tensor) -> Losses:
    return bind("objective", resolve("objective", config, "objective"))(real, fake)


def scores(n: int, places: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    chance = torch.Generator().manual_seed(seed)
    real, fake = torch.randn(2, n, places, generator=chance).unbind()
    return real + 0.5, fake


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_a_single_place_is_no_place_bit_for_bit(config: dict[str, Any]) -> None:
    for n in (1, 2, 7, 64, 129):
        real, fake = scores(n, 1)
        with_place, without = losses(config, real, fake), losses(config, real[:, 0], fake[:, 0])
        assert all(torch.equal(a, b) for a, b in zip(with_place, without, strict=True))


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_the_loss_of_places_is_the_mean_of_their_losses(config: dict[str, Any]) -> None:
    real, fake = (side.double() for side in scores(6, 5))
    each = [losses(config, real[:, i], fake[:, i]) for i in range(5)]
    expected = [torch.stack(side).mean() for side in zip(*each, strict=True)]
    torch.testing.assert_close(list(losses(config, real, fake)), expected)


@pytest.mark.parametrize("name", sorted(set(OBJECTIVES) - {"wasserstein"}))
def test_the_loss_of_places_is_not_the_loss_of_their_mean(name: str) -> None:
    real, fake = scores(6, 5)
    config = {"name": name, **({"margin": 0.1} if name == "energy-margin" else {})}  # linear within it
    of_mean, found = losses(config, real.mean(1), fake.mean(1)), losses(config, real, fake)
    assert not torch.allclose(torch.stack([*found]), torch.stack([*of_mean]), atol=1e-3)


@pytest.mark.parametrize("name", ["relativistic", "relativistic-hinge", "softmax"])
def test_scores_are_compared_at_one_place_only(name: str) -> None:
    """Adding to all scores of one place, real and generated, changes no loss of what only compares."""
    real, fake = (side.double() for side in scores(6, 3))
    shift = torch.tensor([5.0, -2.0, 0.0], dtype=torch.float64)
    before, after = losses({"name": name}, real, fake), losses({"name": name}, real + shift, fake + shift)
    torch.testing.assert_close(before.discriminator, after.discriminator)
    if name != "softmax":  # its generator's targets are equal shares of all
        torch.testing.assert_close(before.generator, after.generator)


def test_accuracy_counts_places() -> None:
    context = Context(noise=Noise(0))
    real, fake = torch.tensor([[1.0, -1.0], [1.0, 1.0]]), torch.tensor([[-1.0, -1.0], [1.0, -1.0]])
    log_scores(context, Readout(real), Readout(fake))
    assert context.observed[Observation.REAL_RIGHT].item() == 0.75
    assert context.observed[Observation.FAKE_RIGHT].item() == 0.75
    assert context.observed[Observation.REAL].item() == 0.5


class Patches(nn.Module):
    """A discriminator of patches: scores ``(n, 1, 3, 3)`` of images ``(n, 1, 8, 8)``."""

    def __init__(self, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs[0], outputs[0], 4, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.convolution(x)


def patch_gan(**changes: Any) -> Any:
    """A GAN whose discriminator scores patches."""
    torch.manual_seed(0)
    model = make(IMAGES, **changes)
    model.discriminator = Unconditional(IMAGES).discriminator(Patches)
    return model


def test_a_discriminator_may_keep_its_places() -> None:
    model = patch_gan(objective="hinge", penalties=["r1", "drift"], objective_weight=0.5)
    check_losses(model, IMAGES)
    x = model.real(batch_of(IMAGES).x)
    score = model.discriminator(x).score
    assert score.shape == (6, 9)
    torch.testing.assert_close(score, model.discriminator.network(x).flatten(1))
    torch.testing.assert_close(Readout(score).mean_score, score.mean(1))
    terms = model.discriminator_loss(batch_of(IMAGES), Context(noise=Noise(0)))
    assert all(term.shape == () for term in terms.values())


@pytest.mark.parametrize("penalty", sorted(components("penalty")))
def test_penalties_take_the_mean_score_of_each_example(penalty: str) -> None:
    model = patch_gan(penalties=[penalty])
    batch = batch_of(IMAGES)
    found = model.discriminator_loss(batch, Context(noise=Noise(0)))["penalty 0"]

    class Mean(nn.Module):
        """The same discriminator with one score per example."""

        def __init__(self, patches: nn.Module) -> None:
            super().__init__()
            self.patches = patches

        def forward(self, x: Tensor) -> Tensor:
            return self.patches(x).flatten(1).mean(1, keepdim=True)

    model.discriminator.network = Mean(model.discriminator.network)
    expected = model.discriminator_loss(batch, Context(noise=Noise(0)))["penalty 0"]
    torch.testing.assert_close(found, expected)
