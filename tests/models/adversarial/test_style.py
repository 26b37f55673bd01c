"""Style-based GANs: mixing, truncation, the mean path length, samples that depend on themselves alone."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from genus.core.errors import RecipeError
from genus.core.noise import Noise
from genus.core.phase import Context, Progress
from genus.sampling.draw import draw
from tests.models.adversarial.test_gan import IMAGES, batch_of, make

NETWORKS: dict[str, Any] = {
    "generator": {"name": "stylegan2", "width": 4, "channels": 8, "layers": 1},
    "discriminator": {"name": "stylegan2-discriminator", "width": 4, "channels": 8},
    "latent": 6,
}


def style_gan(**changes: Any) -> Any:
    torch.manual_seed(0)
    return make(IMAGES, name="style-gan", **{**NETWORKS, **changes})


def styles_and_cuts(mixing: float, n: int = 3000) -> tuple[Any, torch.Tensor]:
    """A model, and at which layer the second style begins in each of its training examples."""
    model = style_gan(mixing=mixing)
    mixed = model._mixed(n, None, Noise(0))
    noise = Noise(0)
    first, second = (model.map_latent(noise.normal(n, 6)) for _ in range(2))
    of_first = (mixed == first[:, None]).all(2)
    of_second = (mixed == second[:, None]).all(2)
    assert (of_first ^ of_second).all()  # every layer has one of the two
    cuts = of_first.sum(1)
    early = torch.arange(model.num_styles) < cuts[:, None]
    assert torch.equal(early, of_first)  # the first up to the cut, the second from there
    return model, cuts


def test_the_share_of_mixed_examples_is_the_one_asked_for() -> None:
    model, cuts = styles_and_cuts(0.3)
    share = (cuts < model.num_styles).float().mean().item()
    assert share == pytest.approx(0.3, abs=4 * (0.3 * 0.7 / 3000) ** 0.5)
    assert (styles_and_cuts(0.0)[1] == model.num_styles).all()


def test_cuts_are_equally_likely_behind_every_layer() -> None:
    model, cuts = styles_and_cuts(1.0)
    layers = model.num_styles
    counts = torch.bincount(cuts, minlength=layers + 1)
    assert counts[0] == counts[layers] == 0  # both styles take part
    expected = 3000 / (layers - 1)
    chi = ((counts[1:layers] - expected) ** 2 / expected).sum().item()
    assert chi < layers - 2 + 5 * (2 * (layers - 2)) ** 0.5


def test_truncation_goes_from_the_mean_style_to_none() -> None:
    model = style_gan().eval()
    with torch.no_grad():
        mean = model.generate_from_styles(model.mean_style()[None], noise=Noise(0))
        at_mean = model.sample(5, noise=Noise(3), truncation=0.0)
        torch.testing.assert_close(at_mean, mean.expand(5, -1, -1, -1), rtol=0, atol=1e-5)
        free, whole = (model.sample(5, noise=Noise(3), truncation=t) for t in (None, 1.0))
        torch.testing.assert_close(whole, free, rtol=0, atol=1e-5)
        half = model.sample(5, noise=Noise(3), truncation=0.5)
    assert 0 < half.var(0).sum() < free.var(0).sum()


def test_the_mean_style_is_over_classes_too() -> None:
    model = style_gan(conditioning={"name": "projection", "generator": "norm", "features": 8})
    with torch.no_grad():
        z = Noise(0).normal(4096, 6)
        condition = torch.arange(4096) % 3
        by_class = torch.stack(
            [
                model.map_latent(z[condition == k], condition=condition[condition == k]).mean(0)
                for k in range(3)
            ]
        )
        shares = torch.bincount(condition) / 4096
        torch.testing.assert_close(model.mean_style(), shares @ by_class, rtol=0, atol=1e-5)


def test_the_mean_length_follows_by_a_hundredth() -> None:
    model = style_gan()
    model.after_generator({"path length": 3.0})
    assert model.mean_length.item() == pytest.approx(0.03)
    model.after_generator({})
    assert model.mean_length.item() == pytest.approx(0.03)
    model.after_generator({"path length": 1.0})
    assert model.mean_length.item() == pytest.approx(0.03 + 0.01 * 0.97)
    assert "mean_length" in model.state_dict()


def test_path_lengths_count_in_their_iterations_only_and_as_much_more() -> None:
    model = style_gan(path_length=2.0, path_length_every=4)
    for iteration in range(9):
        context = Context(noise=Noise(0), progress=Progress(stage_iteration=iteration))
        terms = model.generator_loss(batch_of(IMAGES), context)
        assert ("path length penalty" in terms) is (iteration % 4 == 0)
        assert ("path length" in context.observed) is (iteration % 4 == 0)
    context = Context(noise=Noise(0))
    lazy = model.generator_loss(batch_of(IMAGES), context)["path length penalty"]
    model.path_length_every = 1
    plain = model.generator_loss(batch_of(IMAGES), Context(noise=Noise(0)))["path length penalty"]
    assert lazy.item() == pytest.approx(4 * plain.item(), rel=1e-5)
    # a = 0 at the start, so the penalty is the mean square of lengths: at least the square of the mean
    assert plain.item() >= 2 * context.observed["path length"].item() ** 2 * (1 - 1e-5)
    model.path_length = 0.0
    assert "path length penalty" not in model.generator_loss(batch_of(IMAGES), Context(noise=Noise(0)))


@pytest.mark.parametrize("name", ["stylegan", "stylegan2"])
def test_samples_do_not_depend_on_the_batch(name: str) -> None:
    model = style_gan(generator={**NETWORKS["generator"], "name": name})
    with torch.no_grad():
        for parameter in model.generator.parameters():
            parameter.add_(0.1)  # noise counts, whose strengths begin at 0
    whole = draw(model, 5, seed=1)
    torch.testing.assert_close(draw(model, 5, seed=1, batch=2), whole, rtol=0, atol=1e-5)
    assert not torch.allclose(whole[0], whole[1], atol=1e-3)


def test_networks_without_styles_are_refused() -> None:
    with pytest.raises(RecipeError, match="needs a generator with styles"):
        make(IMAGES, name="style-gan")
