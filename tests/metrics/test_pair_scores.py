"""Scores of samples beside the test examples whose images they were drawn for."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import genus
from genus.core.capabilities import Samples
from genus.core.model import Model
from genus.core.noise import Noise
from genus.core.space import Space
from genus.core.spec import DataSpec
from genus.data.array_source import ArraySource
from genus.data.paired import PairedSource
from genus.data.source import Source
from genus.metrics.compare import compare_evaluations, table_text
from genus.metrics.evaluate import Evaluation, gather, measure
from genus.metrics.intervals import mean_interval

SHAPE = (1, 12, 12)
GREY = DataSpec(example=Space(kind="image", shape=SHAPE, range=(0.0, 1.0), levels=256))
MASKS = DataSpec(example=Space(kind="image", shape=SHAPE, range=(0.0, 1.0), levels=2))
IMAGE_SCORES = ["psnr", "ssim", "ms-ssim"]
MASK_SCORES = ["dice", "jaccard", "hausdorff"]


def images(n: int, spec: DataSpec, *, seed: int = 0) -> Source:
    """Examples, each conditioned on itself as an image."""
    rng = np.random.default_rng(seed)
    array = rng.integers(0, spec.levels or 256, (n, *SHAPE)).astype(np.uint8)
    if spec.levels == 2:
        array[:, :, 6:] = 0  # something is empty in every mask
        array[:, :, 0] = 1
    examples = ArraySource(array, None, spec)
    return PairedSource(examples, examples)


class Answers(Model, Samples):
    """A model that returns a function of its condition."""

    conditional = True
    example_kinds = ("image", "labels")

    def __init__(self, spec: DataSpec, answer: Callable[[Tensor], Tensor]) -> None:
        super().__init__(spec)
        self.answer = answer

    def sample(self, n: int, *, condition: Tensor | None = None, noise: Noise) -> Tensor:
        assert condition is not None
        assert len(condition) == n
        return self.answer(condition)


def evaluated(
    answer: Callable[[Tensor], Tensor],
    metrics: Sequence[str],
    spec: DataSpec = GREY,
    model: type[Answers] = Answers,
    source: Callable[..., Source] = images,
) -> Evaluation:
    train, test = source(40, spec, seed=1), source(20, spec, seed=2)
    found = gather(model(train.spec, answer), train=train, test=test, data_name="own", fingerprint="", n=30)
    return measure(found, metrics)


def test_a_constant_shift_has_its_closed_form() -> None:
    """Half of the range away from every element: 20 log₁₀ 2 decibels, whatever the example."""
    half = 128 / 255
    found = evaluated(lambda c: torch.where(c < half, c + half, c - half), ["psnr"])["psnr"]
    known = -20 * math.log10(half)
    assert found.value == pytest.approx(known, abs=0.05)  # 127 and 128 levels, by turns
    assert found.low <= found.value <= found.high
    assert (found.n, found.better, found.unit) == (20, "higher", "dB")
    assert found.floor is None
    assert found.baseline is not None
    assert found.shared is not None
    assert "another test example in its place: 7.7" in found.note  # −10 log₁₀ 1/6 for independent ones


def test_the_conditions_of_test_examples_are_followed() -> None:
    """Each sample is compared with the example whose condition it had, rounded as a file would be."""
    close = evaluated(lambda c: c + 0.4 / 255, ["psnr", "ssim"])
    assert close["psnr"].value == math.inf
    assert close["ssim"].value == pytest.approx(1)
    assert close["ssim"].high == 1
    shuffled = evaluated(lambda c: c.roll(1, 0), ["psnr", "ssim"])
    assert shuffled["psnr"].value < 9
    assert abs(shuffled["ssim"].value) < 0.1
    assert shuffled["ssim"].low < shuffled["ssim"].value < shuffled["ssim"].high


def test_means_keep_every_case() -> None:
    """One infinite value makes the mean infinite, and the note says how many there are."""

    def some_equal(condition: Tensor) -> Tensor:
        answer = condition.clone()
        answer[::2] = 1 - answer[::2]
        return answer

    found = evaluated(some_equal, ["psnr"])
    score = found["psnr"]
    assert (score.value, score.low, score.high) == (math.inf, math.inf, math.inf)
    assert "10 of 20 pairs infinite, mean of the others" in score.note
    assert score.shared is None
    assert Evaluation.from_json(found.to_json())["psnr"] == score
    rows = compare_evaluations({"a": found, "b": evaluated(lambda c: 1 - c, ["psnr"]), "c": found})
    assert rows[0].ranking == ["a", "c", "b"]
    assert not rows[0].separated
    assert "inf [inf, inf]" in table_text(rows)


def test_masks_by_hand() -> None:
    """Half of each mask is left out: Dice 2·½/(½ + 1), Jaccard ½; distances to the row that is missing."""

    def band(n: int, spec: DataSpec, *, seed: int = 0) -> Source:
        array = np.zeros((n, *SHAPE), dtype=np.uint8)
        for i, row in enumerate(np.random.default_rng(seed).integers(0, 8, n)):
            array[i, :, row : row + 4, 2:10] = 1
        examples = ArraySource(array, None, spec)
        return PairedSource(examples, examples)

    def upper_half(condition: Tensor) -> Tensor:
        return condition * condition.roll(-2, 2)

    found = evaluated(upper_half, MASK_SCORES, MASKS, source=band)
    assert not found.refused
    assert found["dice"].value == pytest.approx(2 / 3)
    assert found["jaccard"].value == pytest.approx(1 / 2)
    assert found["hausdorff"].value == pytest.approx(2)
    assert found["hausdorff"].better == "lower"
    assert found["dice"].high <= 1


def test_an_empty_mask_counts() -> None:
    """Four empty predictions of 20: the mean Dice has four zeros, the mean distance is infinite."""

    def some_empty(condition: Tensor) -> Tensor:
        answer = condition.clone()
        answer[:4] = 0
        return answer

    found = evaluated(some_empty, MASK_SCORES, MASKS)
    assert found["dice"].value == found["jaccard"].value == pytest.approx(0.8)
    assert (found["dice"].low, found["dice"].high) == pytest.approx(mean_interval([0.0] * 4 + [1.0] * 16))
    assert found["hausdorff"].value == math.inf
    assert "4 of 20 pairs infinite, mean of the others 0" in found["hausdorff"].note


LABELS = DataSpec(example=Space(kind="labels", shape=SHAPE, names=("background", "lung", "tumour", "bone")))


def maps(n: int, spec: DataSpec, *, seed: int = 0) -> Source:
    """Maps of three of four classes: lung in rows 2 to 6, a tumour in every second map, no bone."""
    array = np.zeros((n, *SHAPE), dtype=np.int64)
    array[:, :, 2:6] = 1
    array[::2, :, 8:10] = 2
    examples = ArraySource(array, None, spec)
    return PairedSource(examples, examples)


def test_maps_of_labels_are_scored_per_class() -> None:
    """Half of the lung is called background; classes on neither side do not count, and are counted."""

    def half_a_lung(condition: Tensor) -> Tensor:
        answer = condition.clone()
        answer[:, :, 4:6] = 0
        return answer

    found = evaluated(half_a_lung, MASK_SCORES, LABELS, source=maps)
    assert not found.refused
    names = [score.name for score in found.scores]
    assert names[:4] == ["dice", "dice: background", "dice: lung", "dice: tumour"]
    even, odd = 2 * 72 / (72 + 96), 2 * 96 / (96 + 120)  # background of maps with a tumour, and without
    assert found["dice: background"].value == pytest.approx((even + odd) / 2)
    assert found["dice: lung"].value == pytest.approx(2 / 3)
    assert (found["dice: tumour"].value, found["dice: tumour"].n) == (1, 10)
    assert found["dice"].value == pytest.approx(((even + 2 / 3 + 1) / 3 + (odd + 2 / 3) / 2) / 2)
    assert "30 of 80 times a class occurs on neither side" in found["dice"].note
    assert found["jaccard: lung"].value == pytest.approx(1 / 2)
    assert found["hausdorff: lung"].value == pytest.approx(2)
    assert found["dice"].baseline is None


def test_a_class_that_is_missed_makes_the_distance_infinite() -> None:
    found = evaluated(lambda c: c * (c < 2), ["hausdorff"], LABELS, source=maps)
    assert found["hausdorff"].value == found["hausdorff: tumour"].value == math.inf
    assert "10 of 20 pairs infinite, mean of the others 0" in found["hausdorff"].note
    assert found["hausdorff: lung"].value == 0


def test_labels_that_are_none_are_refused() -> None:
    found = evaluated(lambda c: c + 3, ["dice"], LABELS, source=maps)
    assert "maps of 4 classes hold the whole numbers 0 to 3 only" in found.refused["dice"]


class Blind(Answers):
    """A model that is not conditional."""

    conditional = False


def test_what_does_not_fit_is_refused_by_name() -> None:
    grey = evaluated(lambda c: c, [*IMAGE_SCORES, *MASK_SCORES]).refused
    assert list(grey) == ["ms-ssim", *MASK_SCORES]
    assert "sides of at least 176" in grey["ms-ssim"]
    assert "one channel and two values" in grey["dice"]
    blind = evaluated(lambda c: c, ["psnr"], model=Blind).refused
    assert "Blind does not draw for a condition" in blind["psnr"]

    def unconditional(n: int, spec: DataSpec, *, seed: int = 0) -> Source:
        return ArraySource(np.zeros((n, *SHAPE), dtype=np.uint8), None, spec)

    alone = evaluated(lambda c: c, ["psnr"], source=unconditional).refused
    assert "these data come with none (image 1×12×12" in alone["psnr"]


def test_they_are_passed_over_where_they_do_not_fit() -> None:
    found = evaluated(lambda c: c.clamp(0.2, 0.8), None)
    names = {score.name for score in found.scores}
    assert {"psnr", "ssim"} <= names
    assert not names & {"ms-ssim", *MASK_SCORES}
    assert not set(found.refused) & {"ms-ssim", *MASK_SCORES}


@pytest.mark.parametrize("digits", ["digits8", "digits28"])
def test_a_gan_that_completes_digits_is_measured_against_them(tmp_path: Path, digits: str) -> None:
    recipe = tmp_path / "halves.yaml"
    recipe.write_text(f"""
model:
  name: gan
  generator: {{name: mlp, hidden: [8]}}
  discriminator: {{name: mlp, hidden: [8]}}
  objective: hinge
  conditioning: concatenation
  latent: 4
data: {{name: digit-halves, digits: {digits}}}
train: {{length: 2, batch: 10, device: cpu}}
""")
    run = genus.train(str(recipe), out=tmp_path / "run")
    found = genus.evaluate(run, n=20, metrics=["psnr", "ssim"])
    psnr = found["psnr"]
    assert 0 < psnr.low < psnr.value < psnr.high < 30
    assert psnr.n == 20
    assert genus.evaluate(run, n=20, metrics=["psnr"])["psnr"] == psnr
    if digits == "digits8":
        assert "sides of at least 11; these data are image 1×8×8" in found.refused["ssim"]
    else:
        assert -1 < found["ssim"].low < found["ssim"].value < found["ssim"].high < 1
