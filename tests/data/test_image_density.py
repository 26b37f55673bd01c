from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from genus.core.errors import DataError
from genus.data.density import image_density


def test_points_follow_the_brightness_with_the_top_up(tmp_path) -> None:
    pixels = np.array([[0, 60, 0, 0], [0, 0, 0, 180]], np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    dataset = image_density(path=str(tmp_path / "a.png"), n=20000)
    assert (len(dataset.train), len(dataset.test)) == (20000, 2000)
    x = dataset.train.fetch(np.arange(20000))[0]
    upper = x[:, 1] > 0
    assert upper.mean() == pytest.approx(0.25, abs=0.015)
    # Pixels have side 1 when four of them span [−2, 2]; within one, points are uniform.
    for rows, low in ((upper, (-1, 0)), (~upper, (1, -1))):
        inside = x[rows] - low
        assert inside.min() >= 0
        assert inside.max() <= 1
        np.testing.assert_allclose(inside.mean(0), 0.5, atol=0.02)
        np.testing.assert_allclose(inside.std(0), 12**-0.5, atol=0.02)


def test_inverted_the_dark_pixels_are_dense(tmp_path) -> None:
    Image.fromarray(np.array([[0, 255]], np.uint8)).save(tmp_path / "a.png")
    for invert, sign in ((False, 1), (True, -1)):
        x = image_density(path=str(tmp_path / "a.png"), n=100, invert=invert).train.fetch(np.arange(100))[0]
        assert (np.sign(x[:, 0]) == sign).all()


def test_an_image_without_density_or_with_transparency_is_refused(tmp_path) -> None:
    path = str(tmp_path / "a.png")
    Image.new("L", (3, 3), 0).save(path)
    with pytest.raises(DataError, match="set invert: true"):
        image_density(path=path)
    assert len(image_density(path=path, n=10, invert=True).train) == 10
    with pytest.raises(DataError, match="at least 1"):
        image_density(path=path, n=0)
    Image.new("RGBA", (3, 3), (0, 0, 0, 128)).save(path)
    with pytest.raises(DataError, match="transparent"):
        image_density(path=path)
    assert len(image_density(path=path, n=10, alpha="white").train) == 10
