"""SinGAN: the pyramid, its noise, what is frozen, and what can be drawn from it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import genus
from genus.assembly import open_data
from genus.core.batch import Batch
from genus.core.errors import CapabilityError, InputError, RecipeError
from genus.core.noise import Noise
from genus.core.phase import Context
from genus.core.space import Space
from genus.core.spec import DataSpec
from genus.layers.cubic import resample
from genus.models.adversarial.patch_pyramid import pyramid_of
from genus.models.adversarial.singan import SinGAN
from genus.objectives.adversarial import wasserstein
from tests.terminal import Result
from tests.tiny import tiny_config, tiny_engine, weights

NO = np.zeros(1, dtype=np.int64)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short training on a small photograph."""
    out = tmp_path_factory.mktemp("singan") / "run"
    tiny_engine(tiny_config("singan", length=60), out).fit()
    return out


def prepared(run: Path) -> tuple[Any, torch.Tensor]:
    model = genus.load(run)
    return model, open_data(genus.show(tiny_config("singan"))).train.batch(NO).x


def test_sizes_of_the_paper() -> None:
    """From 25 pixels by factors near 4/3, as the published models of images of 250 pixels."""
    sizes = pyramid_of((188, 250), 25, 0.75)
    assert sizes[0] == (25, 34)
    assert sizes[-1] == (188, 250)
    assert len(sizes) == 9
    ratios = [after[0] / before[0] for before, after in pairwise(sizes)]
    assert all(1.2 < ratio < 1.36 for ratio in ratios)
    assert pyramid_of((25, 60), 25, 0.75) == [(25, 60)]


def test_the_noise_of_a_size_follows_the_error_of_the_reconstruction(run: Path) -> None:
    model, x = prepared(run)
    with torch.no_grad():
        rebuilt = resample(model.pyramid.rebuilt(1), model.sizes[2])
        real = resample(model.scaling.inward(x), model.sizes[2])
        error = (rebuilt - real).square().mean().sqrt()
    assert model.pyramid.amounts[2].item() == pytest.approx(0.1 * error.item(), rel=1e-4)
    assert model.pyramid.amounts[0] == 1
    assert int(model.pyramid.begun) == model.num_scales


def test_a_size_begins_with_the_weights_of_the_one_before_where_they_fit(run: Path) -> None:
    model, x = prepared(run)
    batch = Batch(x)
    with torch.no_grad():
        model.prepare(1, batch, Context(noise=Noise(0)))
        model.prepare(2, batch, Context(noise=Noise(0)))
    for players in (model.pyramid.generators, model.critics):
        first, second, third = (list(player.parameters()) for player in players)
        assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
        assert first[0].shape != third[0].shape  # twice as wide


def test_sizes_that_are_done_do_not_change(tmp_path: Path) -> None:
    engine = tiny_engine(tiny_config("singan", length=9), tmp_path / "run")
    seen: list[dict[str, torch.Tensor]] = []
    prepare = engine.model.prepare

    def spy(k: int, *args: Any) -> Any:
        seen.append({n: v for n, v in weights(engine.model).items() if n.startswith("pyramid.generators.0.")})
        return prepare(k, *args)

    engine.model.prepare = spy
    engine.fit()
    after = weights(engine.model)
    assert len(seen) == 3
    assert not all(torch.equal(seen[0][name], after[name]) for name in seen[0])
    assert all(torch.equal(seen[1][name], after[name]) for name in seen[1])


def test_the_image_itself_is_remembered(tmp_path: Path) -> None:
    engine = tiny_engine(tiny_config("singan", length=150), tmp_path / "run")
    x = engine.source.batch(NO).x

    def error() -> float:
        with torch.no_grad():
            return float((engine.model.eval().rebuilt() - x).square().mean())

    before = error()
    engine.fit()
    assert error() < 0.2 * before


def test_samples_of_other_sizes_and_from_an_image(run: Path) -> None:
    model, x = prepared(run)
    with torch.no_grad():
        assert model.redraw(2, size=(20, 50), noise=Noise(0)).shape == (2, 3, 20, 50)
        assert torch.equal(model.redraw(2, noise=Noise(1)), model.sample(2, noise=Noise(1)))
        assert torch.equal(model.redraw(2, start=2, noise=Noise(1)), model.sample(2, noise=Noise(1)))
        other = torch.rand(1, 3, 30, 40)
        near = [
            float((model.redraw(1, image=x, start=start, noise=Noise(0)) - x).square().mean())
            for start in (1, 2)
        ]
        assert near[1] < near[0]  # less is redrawn
        drawn = model.redraw(3, image=other, start=1, noise=Noise(0))
        assert drawn.shape == (3, *model.spec.shape)
        assert not torch.equal(drawn[0], drawn[1])
        larger = model.enlarge(x, 2.5, noise=Noise(0))
        assert larger.shape == (1, 3, 40, 60)
        assert (resample(larger, (16, 24)) - x).abs().mean() < 0.04  # made smaller it is the image again


def test_other_data_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="learns from one example, and the data 'digits8' have 1,617"):
        genus.train(
            "singan", data="digits8", out=tmp_path / "run", overrides=["model.smallest=8", "model.depth=2"]
        )
    assert not (tmp_path / "run").exists()
    with pytest.raises(RecipeError, match="sides of 25 or more"):
        genus.train("singan", data="digits8", out=tmp_path / "run")
    with pytest.raises(RecipeError, match=r"data\.path=FILE names an image"):
        genus.train("singan", data="ring", out=tmp_path / "run")


def test_patches_larger_than_the_smallest_image_are_refused() -> None:
    spec = DataSpec(example=Space(kind="image", shape=(3, 40, 40), range=(0.0, 1.0), levels=256))
    with pytest.raises(RecipeError, match="patches have the side 11 at depth 5"):
        SinGAN(spec, objective=wasserstein, smallest=10)


@pytest.mark.parametrize("sides", [(30,), (14, 12, 13)])
def test_sequences_and_volumes(sides: tuple[int, ...]) -> None:
    kind = "sequence" if len(sides) == 1 else "volume"
    spec = DataSpec(example=Space(kind=kind, shape=(1, *sides)))
    model = SinGAN(spec, objective=wasserstein, smallest=7, depth=3, width=4)
    batch = Batch(torch.randn(1, 1, *sides))
    for k in range(model.num_scales):
        with torch.no_grad():
            model.prepare(k, batch, Context(noise=Noise(k)))
        terms = [model.critic_loss(k, batch, Context(noise=Noise(k)))]
        terms.append(model.generator_loss(k, batch, Context(noise=Noise(k))))
        assert all(torch.isfinite(value) for part in terms for value in part.values())
    assert model.eval().sample(2, noise=Noise(0)).shape == (2, 1, *sides)


# --- genus redraw ----------------------------------------------------------------------------


def test_redraw_on_the_command_line(run: Path, genus_says: Callable[..., Result], tmp_path: Path) -> None:
    said = genus_says("redraw", run, "-n", 2, "--size", "20x60", "--out", tmp_path / "wide.png")
    assert said.code == 0
    assert "2 of 20×60 pixels" in said.out
    assert (tmp_path / "wide.png").is_file()
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (32, 48, 3), dtype=np.uint8)).save(tmp_path / "a.png")
    said = genus_says("redraw", run, tmp_path / "a.png", "--start", 1, "-n", 1, "--out", tmp_path / "b.png")
    assert "1 of 16×24 pixels" in said.out
    said = genus_says("redraw", run, "--enlarge", 2, "-n", 1, "--out", tmp_path / "c.png")
    assert "1 of 32×48 pixels" in said.out


def test_a_mask_keeps_the_rest(run: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 255, (16, 24, 3), dtype=np.uint8)
    Image.fromarray(picture).save(tmp_path / "a.png")
    mask = np.zeros((16, 24), np.uint8)
    mask[:, :12] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    drawn = genus.redraw(run, tmp_path / "a.png", mask=tmp_path / "mask.png")[0]
    condition = picture.transpose(2, 0, 1) / 255
    np.testing.assert_allclose(drawn[:, :, 12:], condition[:, :, 12:], atol=1e-6)
    assert np.abs(drawn[:, :, :12] - condition[:, :, :12]).mean() > 0.01


def test_what_does_not_go_together_is_said(run: Path, tmp_path: Path) -> None:
    Image.fromarray(np.zeros((16, 24), np.uint8)).save(tmp_path / "a.png")
    for words, options in {
        "at least one image": {"n": 0},
        "height and width": {"size": (3,)},
        "name its file": {"start": 1},
        "factor above 1": {"enlarge": 1.0},
        "takes an image as it is": {"enlarge": 2.0, "size": (9, 9)},
        ".png file": {"out": "x.jpg"},
        "scales 1 to 2": {"image": tmp_path / "a.png", "start": 3},
        "there is no image": {"image": tmp_path / "missing.png"},
        "Ask for less": {"size": (30_000, 30_000)},
    }.items():
        with pytest.raises(InputError, match=words):
            genus.redraw(run, **options)


def test_models_of_many_examples_cannot_redraw(tmp_path: Path) -> None:
    tiny_engine(tiny_config("gmm"), tmp_path / "run").fit()
    with pytest.raises(CapabilityError, match="recipe singan"):
        genus.redraw(tmp_path / "run")
    evaluation = genus.evaluate(tmp_path / "run", n=20, metrics=["single-image"])
    assert "learns from many" in evaluation.refused["single-image"]
