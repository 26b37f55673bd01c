"""What scores are called and which exist depends on the features."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from genus.core.batch import Batch
from genus.core.capabilities import Samples
from genus.core.model import Model
from genus.core.noise import Noise
from genus.core.space import Space, class_space
from genus.core.spec import DataSpec
from genus.metrics.evaluate import Evaluation, gather, measure
from genus.metrics.features import ClassifyingFeatures

POINTS = DataSpec(example=Space(kind="vector", shape=(2,)), condition=class_space(("left", "right")))


class Halves:
    """Normal points, labelled by their side."""

    spec = POINTS
    centres = None
    sigma = None

    def __init__(self, seed: int) -> None:
        self.x = torch.randn(300, 2, generator=torch.Generator().manual_seed(seed))

    def __len__(self) -> int:
        return len(self.x)

    def batch(self, indices: np.ndarray) -> Batch:
        x = self.x[indices]
        return Batch(x, (x[:, 0] > 0).long())


class Draws(Model, Samples):
    """Draws such points, on the side that is asked for."""

    conditional = True

    def sample(self, n: int, *, condition: Tensor | None = None, noise: Noise) -> Tensor:
        assert condition is not None
        x = noise.normal(n, 2)
        x[:, 0] = x[:, 0].abs() * (2 * condition - 1)
        return x


class Sides(ClassifyingFeatures):
    """The points themselves, and which side they lie on."""

    size = 2

    def __init__(self, name: str, *, of_data: bool) -> None:
        super().__init__(POINTS)
        self.name, self.of_data = name, of_data
        self.fingerprint, self.note = name, f"said of {name}"

    def __call__(self, x: Tensor) -> Tensor:
        return x

    def read_out(self, features: Tensor) -> Tensor:
        return torch.stack([-features[:, 0], features[:, 0]], 1) * 20


def measured(features: ClassifyingFeatures) -> Evaluation:
    """An evaluation in given features."""
    wanted = ["frechet", "kid", "inception-score", "accuracy", "classes-drawn", "class-histogram"]
    return measure(
        gather(
            Draws(POINTS),
            train=Halves(0),
            test=Halves(1),
            data_name="halves",
            fingerprint="f",
            features=features,
            n=200,
        ),
        wanted,
    )


def test_only_inception_s_distance_is_called_fid() -> None:
    classical, other = measured(Sides("inception", of_data=False)), measured(Sides("other", of_data=True))
    assert classical["fid"].value == other["frechet"].value
    assert "fid" not in [score.name for score in other.scores]
    assert "frechet" not in [score.name for score in classical.scores]
    for name in ("fid", "kid", "inception-score"):
        assert "said of inception" in classical[name].note
    assert "not Inception" in other["inception-score"].note
    assert "not Inception" not in classical["inception-score"].note


def test_other_classes_tell_no_accuracy() -> None:
    own, foreign = measured(Sides("own", of_data=True)), measured(Sides("foreign", of_data=False))
    assert own["accuracy"].value == 1
    extra = {score.name for score in own.scores} - {score.name for score in foreign.scores}
    assert extra == {"accuracy", "classes-drawn", "class-divergence"}
