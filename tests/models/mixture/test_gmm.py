"""EM against scikit-learn, and what EM guarantees."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.mixture import GaussianMixture as Reference

from genus.core.errors import RecipeError
from genus.core.noise import Noise
from genus.core.space import Space
from genus.core.spec import DataSpec
from genus.models.mixture.gmm import GaussianMixture
from tests.tiny import tiny_config, tiny_engine


def fitted(tmp_path: Path, **model: object) -> tuple[GaussianMixture, list[float], np.ndarray]:
    config = tiny_config("gmm", length="30 epochs", batch=64)
    config["model"] = {"name": "gmm", "components": 5, "axes": None, **model}
    config["data"] = {"name": "pinwheel", "n": 500}
    engine = tiny_engine(config, tmp_path / "run")
    engine.fit()
    epochs = [
        line["losses"]["em/negative log-likelihood"]
        for line in engine.run.log_lines()
        if "em/negative log-likelihood" in line["losses"]
    ]
    data = engine.source.batch(np.arange(len(engine.source))).x.double().numpy()
    assert isinstance(engine.published, GaussianMixture)
    per_pass = -(-len(data) // 64)
    means = [float(np.mean(epochs[i : i + per_pass])) for i in range(0, len(epochs), per_pass)]
    return engine.published, means, data


def test_likelihood_never_falls_and_ends_at_a_fixed_point_of_scikit_learns_em(tmp_path: Path) -> None:
    model, losses, data = fitted(tmp_path, regularisation=1e-6)
    assert len(losses) == 30
    assert all(b <= a + 2e-3 for a, b in itertools.pairwise(losses))  # batches differ by one row
    units = (data - model.mean.numpy()) / model.unit.numpy()
    reference = Reference(
        5,
        weights_init=model.weights.numpy(),
        means_init=model.centres.numpy() @ model.basis.numpy().T,
        precisions_init=np.linalg.inv(
            model.basis.numpy() @ model.covariances.numpy() @ model.basis.numpy().T
        ),
        max_iter=200,
        reg_covar=1e-6,
        tol=1e-6,
    ).fit(units)
    ours = model.log_prob(torch.from_numpy(data), noise=Noise(0)).mean().item()
    assert ours == pytest.approx(reference.score(units) - model.unit.log().sum().item(), abs=5e-3)


def test_density_is_that_of_the_mixture(tmp_path: Path) -> None:
    model, _, data = fitted(tmp_path)
    reference = Reference(5)
    reference.weights_ = model.weights.numpy()
    reference.means_ = model.centres.numpy() @ model.basis.numpy().T
    covariances = model.basis.numpy() @ model.covariances.numpy() @ model.basis.numpy().T
    reference.covariances_ = covariances
    reference.precisions_cholesky_ = np.linalg.cholesky(np.linalg.inv(covariances))
    ours = model.log_prob(torch.from_numpy(data), noise=Noise(0)).numpy()
    units = (data - model.mean.numpy()) / model.unit.numpy()
    assert np.abs(ours - reference.score_samples(units) + np.log(model.unit.numpy()).sum()).max() < 1e-8


def test_residual_axes_make_a_normalised_density() -> None:
    """One kept axis of two: the integral over the plane is 1."""
    model = GaussianMixture(DataSpec(example=Space(kind="vector", shape=(2,))), components=2, axes=1)
    direction = torch.tensor([[0.6], [0.8]], dtype=torch.float64)
    model.basis.copy_(direction)
    model.residual.fill_(0.3)
    model.weights.copy_(torch.tensor([0.4, 0.6]))
    model.centres.copy_(torch.tensor([[-1.0], [1.0]]))
    model.covariances.copy_(torch.tensor([[[0.2]], [[0.5]]]))
    axis = torch.linspace(-8, 8, 801, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis)
    total = model.log_prob(grid, noise=Noise(0)).exp().sum() * (axis[1] - axis[0]) ** 2
    assert total.item() == pytest.approx(1, abs=1e-4)


def test_samples_have_the_moments_of_the_mixture(tmp_path: Path) -> None:
    model, _, _ = fitted(tmp_path)
    samples = model.sample(20_000, noise=Noise(0)).double()
    centres = (model.centres @ model.basis.T) * model.unit + model.mean
    mean = (model.weights[:, None] * centres).sum(0)
    assert (samples.mean(0) - mean).abs().max() < 4 * samples.std(0).max() / 20_000**0.5


@pytest.mark.parametrize(
    ("part", "settings"),
    [
        ("optimizer", {"name": "adam", "lr": 0.1}),
        ("train", {"clip": 1.0}),
        ("train", {"warmup": 5}),
        ("train", {"schedule": "cosine"}),
    ],
)
def test_what_only_an_optimiser_would_use_is_refused(
    part: str, settings: dict[str, Any], tmp_path: Path
) -> None:
    config = tiny_config("gmm")
    config[part] = {**config.get(part, {}), **settings}
    unused = part if part == "optimizer" else f"train.{next(iter(settings))}"
    with pytest.raises(RecipeError, match=rf"^{unused}: .* fitted in closed form .* leave it out$"):
        tiny_engine(config, tmp_path / "run")


def test_batches_hold_an_example_for_each_gaussian(tmp_path: Path) -> None:
    config = tiny_config("gmm", batch=16)
    config["model"] = {"name": "gmm", "components": 20, "axes": 2}
    with pytest.raises(RecipeError, match=r"needs 20 \(one for each of model.components=20\)"):
        tiny_engine(config, tmp_path / "run")
