"""Drawing samples without leaving traces."""

from __future__ import annotations

import pytest
import torch
from scipy import stats
from torch import Tensor, nn

from genus.core.capabilities import LatentSpace, Samples, StyleSpace
from genus.core.drawing import Drawing
from genus.core.errors import CapabilityError, InputError
from genus.core.model import Model
from genus.core.noise import Noise
from genus.core.space import Space
from genus.core.spec import DataSpec
from genus.sampling.draw import batch_size, class_sequence, draw, evaluating

POINTS = DataSpec(example=Space(kind="vector", shape=(3,)))


class Restless(Model, Samples):
    """A generator with everything that could leave a trace: batch norm, dropout, a chain."""

    conditional = True

    def __init__(self) -> None:
        super().__init__(POINTS)
        self.net = nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 3))
        self.frozen = nn.BatchNorm1d(3).eval()
        self.chain: Tensor
        self.register_buffer("chain", torch.zeros(3))

    def sample(self, n: int, *, condition: Tensor | None = None, noise: Noise) -> Tensor:
        self.chain += 1
        with torch.enable_grad():  # as Langevin samplers do
            z = noise.normal(n, 2).requires_grad_()
            (slope,) = torch.autograd.grad((z**2).sum(), z)
        shift = 0 if condition is None else condition[:, None]
        return self.net(slope) + shift


def test_samples_do_not_depend_on_the_batch() -> None:
    torch.manual_seed(0)
    model = Restless()
    labels = class_sequence([1, 1, 1], 8)
    whole = draw(model, 8, condition=labels, seed=3)
    for batch in (1, 3):
        torch.testing.assert_close(
            draw(model, 8, condition=labels, seed=3, batch=batch), whole, rtol=0, atol=1e-5
        )
    tail = draw(model, 3, condition=labels[5:], seed=3, start=5)
    torch.testing.assert_close(tail, whole[5:], rtol=0, atol=1e-5)
    assert not torch.allclose(draw(model, 8, condition=labels, seed=4), whole)


def test_drawing_changes_neither_mode_nor_buffers_nor_the_global_generator() -> None:
    model = Restless().train()
    model.frozen.eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    x = draw(model, 20)
    assert not x.requires_grad
    assert x.shape == (20, 3)
    assert model.training
    assert model.net[1].training
    assert not model.frozen.training
    assert torch.equal(torch.get_rng_state(), state)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_the_mode_is_restored_after_an_error() -> None:
    model = Restless().train()

    def fail() -> None:
        with evaluating(model):
            assert not model.net[1].training
            model.chain += 5
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert model.net[1].training
    assert torch.equal(model.chain, torch.zeros(3))


def test_models_that_cannot_sample_are_refused() -> None:
    with pytest.raises(CapabilityError, match="cannot draw samples"):
        draw(Model(POINTS), 3)


def test_no_samples_is_an_empty_batch() -> None:
    assert draw(Restless(), 0).shape == (0, 3)


def test_labels_cycle_when_classes_are_balanced() -> None:
    assert class_sequence([7, 7, 7], 7).tolist() == [0, 1, 2, 0, 1, 2, 0]


def test_labels_follow_any_shares_and_are_prefixes_of_each_other() -> None:
    shares = torch.tensor([0.6, 0.3, 0.1, 0.0])
    labels = class_sequence(shares, 1000)
    assert torch.bincount(labels, minlength=4).tolist() == [600, 300, 100, 0]
    assert torch.equal(class_sequence(shares, 137), labels[:137])


def test_large_examples_are_drawn_a_few_at_a_time() -> None:
    assert batch_size(POINTS) == 250
    assert batch_size(DataSpec(example=Space(kind="volume", shape=(1, 64, 64, 64), range=(0.0, 1.0)))) == 16


class Latents(Model, LatentSpace):
    """Shows its latent."""

    latent = 3

    def __init__(self) -> None:
        super().__init__(POINTS)

    def generate_from(self, z: Tensor, *, condition: Tensor | None = None, noise: Noise) -> Tensor:
        return z


def test_truncated_latents_are_normal_numbers_within_bounds() -> None:
    x = draw(Latents(), 4000, drawing=Drawing(truncation=0.7))
    assert x.abs().max() <= 0.7
    normal = stats.truncnorm(-0.7, 0.7)
    assert stats.kstest(x.flatten().numpy(), normal.cdf).pvalue > 1e-3
    torch.testing.assert_close(draw(Latents(), 5, drawing=Drawing(truncation=0.7), batch=2), x[:5])
    free = draw(Latents(), 4000)
    assert free.abs().max() > 3
    wide = draw(Latents(), 4000, drawing=Drawing(truncation=50.0))
    assert stats.kstest(wide.flatten().numpy(), "norm").pvalue > 1e-3


def test_truncation_that_means_nothing_is_refused() -> None:
    with pytest.raises(CapabilityError, match="no latent to truncate, leave truncation out"):
        draw(Restless(), 3, drawing=Drawing(truncation=0.7))
    for bad in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(InputError, match="t above 0"):
            draw(Latents(), 3, drawing=Drawing(truncation=bad))


class Styles(Latents, StyleSpace):
    """Told how far to go from its mean style."""

    num_styles = 1

    def map_latent(self, z: Tensor, *, condition: Tensor | None = None) -> Tensor:
        return z

    def generate_from_styles(self, styles: Tensor, *, noise: Noise) -> Tensor:
        return styles

    def sample(
        self, n: int, *, condition: Tensor | None = None, noise: Noise, truncation: float | None = None
    ) -> Tensor:
        return noise.normal(n, 3) * (1 if truncation is None else truncation)


def test_of_styles_it_is_a_share() -> None:
    free = draw(Styles(), 4)
    for share in (0.0, 0.5, 1.0):
        torch.testing.assert_close(draw(Styles(), 4, drawing=Drawing(truncation=share)), share * free)
    for bad in (-0.1, 1.5, float("nan")):
        with pytest.raises(InputError, match="between 0, the mean style, and 1"):
            draw(Styles(), 4, drawing=Drawing(truncation=bad))
