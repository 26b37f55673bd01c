"""Perceptual path length of generators whose derivative is known."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from genus.core.batch import Batch
from genus.core.capabilities import LatentSpace, StyleSpace
from genus.core.model import Model
from genus.core.noise import Noise
from genus.core.space import Space, class_space
from genus.core.spec import DataSpec
from genus.metrics.evaluate import Evaluation, gather, measure
from genus.metrics.path_length import EPSILON, lerp, path_lengths, slerp

LATENT = 5
POINTS = DataSpec(example=Space(kind="vector", shape=(3,)), condition=class_space(("a", "b")))


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


MAP = normal(3, LATENT)


def mapped(z: Tensor) -> Tensor:
    """A z, rounded the same in every batch, which matrix products are not on all processors."""
    return (z[:, None] * MAP).sum(2)


class Points:
    """Any examples; path lengths do not look at them."""

    centres = None
    sigma = None

    def __init__(self) -> None:
        self.spec = POINTS
        self.x = normal(60, 3, seed=2)

    def __len__(self) -> int:
        return len(self.x)

    def batch(self, indices: np.ndarray) -> Batch:
        return Batch(self.x[indices], torch.from_numpy(indices % 2))


class Linear(Model, StyleSpace):
    """x = A w + noise + class, with w = 2 z."""

    latent = LATENT
    num_styles = 1

    def __init__(self, *, conditional: bool = False, scale: float = 1.0) -> None:
        super().__init__(POINTS)
        self.conditional = conditional
        self.scale = scale
        self.register_buffer("map", MAP)
        self.seen: list[tuple[Tensor, Tensor | None]] = []

    def map_latent(self, z: Tensor, *, condition: Tensor | None = None) -> Tensor:
        assert (condition is not None) == self.conditional
        return 2 * z

    def generate_from_styles(self, styles: Tensor, *, noise: Noise) -> Tensor:
        return self.scale * mapped(styles) + noise.normal(len(styles), 3)

    def generate_from(self, z: Tensor, *, condition: Tensor | None = None, noise: Noise) -> Tensor:
        assert not self.training
        assert not torch.is_grad_enabled()
        self.seen.append((z, condition))
        shift = 0 if condition is None else 5 * condition[:, None]
        return self.scale * mapped(z) + noise.normal(len(z), 3) + shift


class ByLatentAlone(Model, LatentSpace):
    """Ten numbers of the latent, as they are."""

    latent = 3

    def __init__(self) -> None:
        super().__init__(POINTS)

    def generate_from(self, z: Tensor, *, condition: Tensor | None = None, noise: Noise) -> Tensor:
        return z


def measured(model: Model, n: int = 400, **settings: Any) -> Evaluation:
    metrics = ["path-length", "path-length-w"]
    points = Points()
    return measure(
        gather(model, train=points, test=points, data_name="p", fingerprint="f", n=n, **settings), metrics
    )


def test_great_circles_by_hand() -> None:
    a, b = torch.eye(3)[:1].double(), 3 * torch.eye(3)[1:2].double()
    for share in (0.0, 0.25, 0.5, 1.0):
        found = slerp(a, b, torch.tensor([share]))[0]
        angle = share * math.pi / 2
        expected = [math.cos(angle), 3 * math.sin(angle), 0.0]  # each weighs sin((1 − t)ω)/sin ω, ω = π/2
        assert found.tolist() == pytest.approx(expected, abs=1e-6)
    unit = torch.nn.functional.normalize(normal(50, 4).double(), dim=1)
    middle = slerp(unit, unit.roll(1, 0), torch.full((50,), 0.3))
    torch.testing.assert_close(middle.norm(dim=1), torch.ones(50).double())  # stays on the sphere
    angles = (middle * unit).sum(1).acos() / (unit * unit.roll(1, 0)).sum(1).acos()
    torch.testing.assert_close(angles, torch.full((50,), 0.3).double(), rtol=1e-6, atol=1e-6)


def test_paths_that_have_no_circle_are_lines() -> None:
    a = normal(4, 3)
    t = torch.tensor([0.0, 0.3, 0.6, 1.0])
    for b in (a, 2 * a, -a):
        found = slerp(a, b, t)
        assert torch.isfinite(found).all()
        torch.testing.assert_close(found, lerp(a, b, t), rtol=1e-5, atol=1e-5)


def test_a_linear_generator_moves_along_lines_by_its_matrix() -> None:
    a, b, t = normal(40, LATENT, seed=1), normal(40, LATENT, seed=2), torch.linspace(0, 1, 40)
    found = path_lengths(lambda w: w @ MAP.T, lambda x: x, a, b, t, blend=lerp)
    expected = ((b - a).double() @ MAP.T.double()).square().sum(1)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=0)  # in float32


def test_a_linear_generator_moves_along_circles_by_their_derivative() -> None:
    a, b, t = normal(40, LATENT, seed=1), normal(40, LATENT, seed=2), torch.linspace(0, 1, 40)
    found = path_lengths(lambda z: z @ MAP.T, lambda x: x, a, b, t)
    # the derivative in the middle of the step: ω (cos(tω) b − cos((1 − t)ω) a)/sin ω
    first, second, middle = a.double(), b.double(), t.double() + EPSILON / 2
    omega = torch.nn.functional.cosine_similarity(first, second).acos()
    towards = (middle * omega).cos()[:, None] * second - ((1 - middle) * omega).cos()[:, None] * first
    slope = (omega / omega.sin())[:, None] * towards
    expected = (slope @ MAP.T.double()).square().sum(1)
    torch.testing.assert_close(found, expected, rtol=1e-2, atol=0)
    exact = path_lengths(
        lambda z: z @ MAP.T.double(), lambda x: x, a.double(), b.double(), t.double(), epsilon=1e-4
    )
    torch.testing.assert_close(found.mean(), exact.mean(), rtol=1e-2, atol=0)


def test_the_papers_step_suffers_from_float32_and_this_does_not() -> None:
    """Images of offset 1 with slopes of 0.002."""

    def generate(w: Tensor) -> Tensor:
        return 1 + 0.002 * w @ MAP.T

    a, b, t = normal(200, LATENT, seed=1), normal(200, LATENT, seed=2), torch.linspace(0, 1, 200)
    expected = 4e-6 * ((b - a) @ MAP.T).double().square().sum(1)
    errors = [
        (path_lengths(generate, lambda x: x, a, b, t, blend=lerp, epsilon=e) / expected - 1).abs().mean()
        for e in (EPSILON, 1e-4)
    ]
    assert errors[0] < 0.03  # of a single path; means over paths are better
    assert errors[1] > 5 * errors[0]


def test_scores_of_a_linear_generator_are_its_expectations() -> None:
    """Along lines in W: E‖A(w₂ − w₁)‖² = 2 · 4 ‖A‖²_F, since w = 2z."""
    evaluation = measured(Linear(), n=1000)
    of_w = evaluation["path-length-w"]
    expected = 8 * MAP.square().sum().item()
    assert of_w.low < expected < of_w.high
    assert of_w.n == 1000
    a, b = normal(200_000, LATENT, seed=3).double(), normal(200_000, LATENT, seed=4).double()
    t = torch.rand(200_000, generator=torch.Generator().manual_seed(5)).double()
    of_z = evaluation["path-length"]
    truth = path_lengths(lambda z: z @ MAP.T.double(), lambda x: x, a, b, t, epsilon=1e-4).mean().item()
    assert of_z.low < truth < of_z.high
    assert of_z.floor is None
    assert of_z.better == "lower"
    assert "not LPIPS" in of_z.note


def test_both_ends_of_a_step_see_the_same_noise_and_class() -> None:
    model = Linear(conditional=True, scale=0.0)
    evaluation = measured(model)
    for name in ("path-length", "path-length-w"):  # what moves is noise or class alone, and is the same
        assert evaluation[name].value == 0
    (_, first), (_, second) = model.seen[:2]
    assert first is not None
    assert second is not None
    assert torch.equal(first, second)
    assert set(first.tolist()) == {0, 1}


def test_a_path_depends_on_seed_and_number_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = measured(Linear())["path-length"]
    assert measured(Linear())["path-length"].value == whole.value
    monkeypatch.setattr("genus.metrics.path_length.batch_size", lambda _: 7)
    assert measured(Linear())["path-length"].value == pytest.approx(whole.value, rel=1e-6)
    assert measured(Linear(), seed=1)["path-length"].value != whole.value


def test_models_without_styles_have_the_one_score() -> None:
    evaluation = measured(ByLatentAlone())
    assert [score.name for score in evaluation.scores] == ["path-length"]
    assert "StyleSpace" in evaluation.refused["path-length-w"]
