"""Patch distances and diversity inside one image, against direct computations."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from genus.core.errors import DataError
from genus.core.noise import Noise
from genus.metrics.frechet import frechet_distance
from genus.metrics.single_image import patch_frechet, pixel_diversity, random_phase


def test_one_scale_is_the_frechet_distance_of_all_patches() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.random((2, 12, 15)), rng.random((2, 10, 11))

    def rows(image: np.ndarray) -> np.ndarray:
        _, height, width = image.shape
        return np.array(
            [image[:, i : i + 3, j : j + 3].ravel() for i in range(height - 2) for j in range(width - 2)]
        )

    expected = frechet_distance(rows(x), rows(y))
    found = patch_frechet(torch.from_numpy(x), torch.from_numpy(y), side=3, scales=1)
    assert found == pytest.approx(expected, rel=1e-9)


def test_coarse_scales_see_what_small_patches_do_not() -> None:
    """The rows of a picture in another order have like small patches, but other large ones."""
    x = torch.zeros(1, 64, 64)
    x[:, 32:] = 1  # one edge
    stripes = torch.zeros(1, 64, 64)
    stripes[:, [i for i in range(64) if (i // 8) % 2]] = 1
    fine = patch_frechet(stripes, x, scales=1)
    assert patch_frechet(stripes, x, scales=3) > fine


@pytest.mark.parametrize("sides", [(40,), (20, 20), (12, 12, 12)])
def test_any_number_of_axes(sides: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    x = torch.rand(1, *sides)
    assert patch_frechet(x, x) == pytest.approx(0, abs=1e-6)
    assert patch_frechet(x, 0.5 * x) > 0.1


def test_images_smaller_than_a_patch_are_refused() -> None:
    with pytest.raises(DataError, match="holds no patch of side 7"):
        patch_frechet(torch.zeros(1, 6, 20), torch.zeros(1, 20, 20))


def test_diversity_of_copies_of_noise_and_of_shuffled_pixels() -> None:
    torch.manual_seed(0)
    image = torch.rand(1, 30, 30)
    assert pixel_diversity(image.expand(5, 1, 30, 30), image) == pytest.approx(0, abs=1e-9)
    shuffled = torch.stack([image.flatten()[torch.randperm(900)].view(1, 30, 30) for _ in range(400)])
    assert pixel_diversity(shuffled, image) == pytest.approx(1, abs=0.02)
    with pytest.raises(DataError, match="two samples"):
        pixel_diversity(image[None], image)


def test_random_phase_keeps_mean_and_spectrum_and_changes_the_picture() -> None:
    torch.manual_seed(0)
    image = torch.rand(3, 16, 21)
    texture = random_phase(image, Noise(0, block=1), 2)
    assert texture.shape == (2, 3, 16, 21)
    torch.testing.assert_close(texture.mean((2, 3)), image.mean((1, 2)).expand(2, 3), atol=1e-5, rtol=0)
    spectra = [torch.fft.fft2(x.double()).abs() for x in (texture[0], image)]
    torch.testing.assert_close(*spectra, atol=1e-3, rtol=1e-3)
    cross = [torch.fft.fft2(x.double()) for x in (texture[0], image)]
    torch.testing.assert_close(  # colours stay together: all channels are turned alike
        cross[0][0] * cross[0][1].conj(), cross[1][0] * cross[1][1].conj(), atol=1e-2, rtol=1e-3
    )
    assert (texture[0] - image).abs().mean() > 0.1
