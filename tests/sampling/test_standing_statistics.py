"""Batch norms that normalise by the latents that are drawn."""

from __future__ import annotations

import pytest
import torch
from scipy import stats
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from genus.core.capabilities import LatentSpace
from genus.core.drawing import Drawing
from genus.core.errors import CapabilityError
from genus.core.model import Model
from genus.core.noise import Noise
from genus.core.space import Space, class_space
from genus.core.spec import DataSpec
from genus.sampling.draw import class_sequence, draw, evaluating
from genus.sampling.standing_statistics import standing_statistics
from tests.tiny import table

POINTS = DataSpec(example=Space(kind="vector", shape=(3,)))
CLASSES = DataSpec(example=Space(kind="vector", shape=(3,)), condition=class_space(("a", "b", "c", "d")))
T = 0.5
STANDING = Drawing(truncation=T, standing=True)
VARIANCE = float(stats.truncnorm.var(-T, T))
"""0.08, where the training's latents have 1."""


class Linear(Model, LatentSpace):
    """A linear map, told the class, and a batch norm, among all that may change in training mode."""

    latent = 4

    def __init__(self, spec: DataSpec = POINTS, norm: nn.Module | None = None) -> None:
        super().__init__(spec)
        torch.manual_seed(0)
        self.conditional = spec is not POINTS
        self.linear = spectral_norm(nn.Linear(4, 3))
        self.shift = nn.Embedding(4, 3)
        self.dropout = nn.Dropout(0.5)
        self.norm = norm or nn.BatchNorm1d(3)
        self.elsewhere = nn.BatchNorm1d(3)
        self.elsewhere.running_mean.fill_(7)
        self.chain: Tensor
        self.register_buffer("chain", torch.zeros(()))

    def before(self, z: Tensor, condition: Tensor | None) -> Tensor:
        """What the batch norm is given."""
        conditioned = condition[:, 0].long() if condition is not None and condition.dim() == 2 else condition
        return self.dropout(self.linear(z) + (0 if conditioned is None else self.shift(conditioned)))

    def generate_from(self, z: Tensor, *, condition: Tensor | None = None, noise: Noise) -> Tensor:
        self.chain += 1
        return self.norm(self.before(z, condition)) + self.chain * 0


def moments(model: Linear, seed: int = 0, typical: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Mean and variance that the batch norm has within, in evaluation mode."""
    with evaluating(model), standing_statistics(model, T, seed=seed, typical=typical):
        assert not any(module.training for module in model.modules())
        return model.norm.running_mean.clone(), model.norm.running_var.clone()


def test_a_linear_map_has_the_variance_of_the_truncated_normal() -> None:
    model = Linear().eval()
    mean, variance = moments(model)
    weight = model.linear.weight.detach()
    torch.testing.assert_close(variance, VARIANCE * weight.square().sum(1), rtol=0.06, atol=0)
    torch.testing.assert_close(mean, model.linear.bias.detach(), rtol=0, atol=0.02)
    other = moments(model, seed=1)
    assert not torch.equal(other[0], mean)
    assert torch.equal(moments(model)[1], variance), "not a function of the seed"


def test_truncated_samples_have_unit_variance_after_the_norm() -> None:
    model = Linear().eval()
    with torch.no_grad():
        model.norm.running_mean.copy_(model.linear.bias)
        model.norm.running_var.copy_(model.linear.weight.square().sum(1))  # as training leaves it
    standing, training = (
        draw(model, 4000, drawing=Drawing(truncation=T, standing=choice)) for choice in (True, False)
    )
    torch.testing.assert_close(standing.var(0), torch.ones(3), rtol=0.1, atol=0)
    torch.testing.assert_close(training.var(0), torch.full((3,), VARIANCE), rtol=0.1, atol=0)


def test_classes_count_equally_or_as_in_the_population() -> None:
    model = Linear(CLASSES).eval()
    weight, shift = model.linear.weight.detach(), model.shift.weight.detach()
    within = VARIANCE * weight.square().sum(1)
    mean, variance = moments(model)
    torch.testing.assert_close(mean, model.linear.bias + shift.mean(0), rtol=0, atol=0.06)
    torch.testing.assert_close(variance, within + shift.var(0, correction=0), rtol=0.06, atol=0)
    shares = class_sequence([3, 1, 0, 0], 40)[torch.randperm(40)]
    mean, _ = moments(model, typical=shares)
    torch.testing.assert_close(
        mean, model.linear.bias + shift[:2].T @ torch.tensor([0.75, 0.25]), rtol=0, atol=0.06
    )


def test_other_conditions_need_a_population() -> None:
    conditioned = DataSpec(
        example=Space(kind="vector", shape=(3,)),
        condition=table(("x", 0.0, 1.0)),
    )
    model = Linear(conditioned)
    asked = torch.ones(5, 1)
    with pytest.raises(CapabilityError, match="name its run"):
        draw(model, 5, condition=asked, drawing=STANDING)
    mean, _ = moments(model, typical=asked)
    torch.testing.assert_close(mean, (model.linear.bias + model.shift.weight[1]).detach(), rtol=0, atol=0.02)
    assert draw(model, 5, condition=asked, drawing=STANDING, typical=asked).shape == (5, 3)
    assert draw(model, 5, condition=asked, drawing=Drawing(truncation=T)).shape == (5, 3)


def test_samples_depend_on_neither_batch_nor_number_nor_other_labels() -> None:
    model = Linear(CLASSES)
    labels = class_sequence([1, 1, 1, 1], 8)
    whole = draw(model, 8, condition=labels, drawing=STANDING, seed=3)
    for batch in (1, 3):
        parts = draw(model, 8, condition=labels, drawing=STANDING, seed=3, batch=batch)
        torch.testing.assert_close(parts, whole, rtol=0, atol=1e-5)
    fewer = draw(model, 2, condition=labels[:2], drawing=STANDING, seed=3)
    torch.testing.assert_close(fewer, whole[:2], rtol=0, atol=1e-5)
    tail = draw(model, 3, condition=labels[5:], drawing=STANDING, seed=3, start=5)
    torch.testing.assert_close(tail, whole[5:], rtol=0, atol=1e-5)


@pytest.mark.parametrize("fails", [False, True])
def test_nothing_of_it_remains(fails: bool) -> None:
    model = Linear().train()
    model.elsewhere.eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    modes = [module.training for module in model.modules()]
    state = torch.get_rng_state()
    with evaluating(model):
        try:
            with standing_statistics(model, T):
                assert not torch.equal(model.norm.running_var, before["norm.running_var"])
                for name, value in model.state_dict().items():
                    assert name.startswith("norm.") or torch.equal(value, before[name]), name
                if fails:
                    raise ZeroDivisionError
        except ZeroDivisionError:
            pass
        assert torch.equal(model.norm.running_var, before["norm.running_var"])
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert [module.training for module in model.modules()] == modes
    assert (model.norm.momentum, model.elsewhere.momentum) == (0.1, 0.1)
    assert torch.equal(torch.get_rng_state(), state)


def test_an_error_while_collecting_leaves_the_statistics_of_training() -> None:
    model = Linear(CLASSES).eval()
    with pytest.raises(IndexError), standing_statistics(model, T, typical=torch.tensor([9])):
        raise AssertionError("there is no such class")
    assert torch.equal(model.norm.running_var, torch.ones(3))
    assert (model.norm.momentum, model.norm.training) == (0.1, False)


@pytest.mark.parametrize(
    "norm", [nn.Identity(), nn.LayerNorm(3), nn.BatchNorm1d(3, track_running_stats=False)]
)
def test_models_without_running_statistics_draw_what_they_drew(norm: nn.Module) -> None:
    model = Linear(norm=norm)
    whole = draw(model, 6, drawing=STANDING)
    with evaluating(model):
        assert torch.equal(model.sample(6, noise=Noise(0, block=1), truncation=T), whole)


def test_samples_without_truncation_normalise_by_the_statistics_of_training() -> None:
    model = Linear()
    with evaluating(model):
        expected = model.sample(6, noise=Noise(0, block=1))
    assert torch.equal(draw(model, 6), expected)


def test_statistics_are_collected_in_single_precision() -> None:
    model = Linear()
    expected = moments(model)
    with torch.autocast("cpu", torch.bfloat16):
        found = moments(model)
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one, other)
