"""The classifier: shifts, refusals, features of any data."""

from __future__ import annotations

import pytest
import torch

from genus.core.batch import Batch
from genus.core.binder import build, resolve
from genus.core.capabilities import Recognises
from genus.core.errors import RecipeError
from genus.core.noise import Noise
from genus.core.phase import Context
from genus.core.space import Space, class_space
from genus.core.spec import DataSpec
from genus.models.classifier.classifier import Classifier, shifted


def make(spec: DataSpec, encoder: object = "convnet", **options: object) -> Classifier:
    """A small classifier."""
    return build(
        "model", resolve("model", {"name": "classifier", "encoder": encoder, **options}, "model"), spec
    )


def test_shift_by_hand() -> None:
    x = torch.arange(6.0).view(1, 1, 2, 3).repeat(3, 2, 1, 1)
    found = shifted(x, torch.tensor([[0, 0], [1, 0], [0, -1]]))
    assert torch.equal(found[0], x[0])
    assert found[1, 0].tolist() == [[0, 1, 2], [0, 1, 2]]
    assert found[2, 1].tolist() == [[1, 2, 2], [4, 5, 5]]


@pytest.mark.parametrize(
    ("shape", "encoder"),
    [
        ((1, 8, 8), "convnet"),
        ((3, 5, 31), "convnet"),
        ((2, 40), "convnet"),
        ((1, 4, 5, 6), "convnet"),
        ((7,), "mlp"),
    ],
)
def test_any_data_with_classes(shape: tuple[int, ...], encoder: str) -> None:
    spec = DataSpec(
        example=Space(kind="image", shape=shape, range=(0.0, 1.0)), condition=class_space(("a", "b", "c"))
    )
    model = make(spec, encoder, features=6, shift=1).eval()
    assert isinstance(model, Recognises)
    x = torch.rand(4, *shape)
    found = model.features(x)
    assert found.shape == (4, model.num_features) == (4, 6)
    assert (found >= 0).all()
    assert torch.equal(model.classify(x), model.read_out(found))
    loss = model.loss(Batch(x, torch.tensor([0, 1, 2, 0])), Context(noise=Noise(0)))
    assert torch.isfinite(loss["cross-entropy"])


def test_shifts_come_from_the_noise() -> None:
    spec = DataSpec(
        example=Space(kind="image", shape=(1, 9, 9), range=(0.0, 1.0)), condition=class_space(("a", "b"))
    )
    x = torch.rand(5, 1, 9, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    batch = Batch(x, torch.tensor([0, 1, 0, 1, 1]))
    losses = []
    for shift, seed in ((0, 0), (0, 1), (3, 0), (3, 0), (3, 1)):
        torch.manual_seed(0)
        model = make(spec, shift=shift).eval().double()
        losses.append(float(model.loss(batch, Context(noise=Noise(seed)))["cross-entropy"].detach()))
    assert losses[0] == losses[1]
    assert losses[2] == losses[3]
    assert len(set(losses)) == 3


def test_unfit_data_are_refused() -> None:
    labelled = DataSpec(
        example=Space(kind="image", shape=(1, 4, 9), range=(0.0, 1.0)), condition=class_space(("a", "b"))
    )
    with pytest.raises(RecipeError, match="at least two classes"):
        make(DataSpec(example=Space(kind="image", shape=(1, 8, 8), range=(0.0, 1.0))))
    with pytest.raises(RecipeError, match="more than shift = 4"):
        make(labelled, shift=4)
    with pytest.raises(RecipeError, match="use 'mlp'"):
        make(DataSpec(example=Space(kind="vector", shape=(3,)), condition=class_space(("a", "b"))))
