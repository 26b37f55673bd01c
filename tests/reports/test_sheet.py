"""Sheets of what is no image."""

from __future__ import annotations

import io

import numpy as np
from matplotlib.image import imread

from genus.core.space import Space
from genus.core.spec import DataSpec
from genus.reports.sheet import sheet

BLUE = np.array([0x1F, 0x77, 0xB4]) / 255


def heights(samples: np.ndarray, spec: DataSpec, columns: int) -> list[float]:
    """Mean height of the first channel's curve in each column of a sheet of one row, 1 at the top."""
    picture = imread(io.BytesIO(sheet(samples.astype(np.float32), spec, columns=columns)))[:, :, :3]
    parts = np.array_split(np.abs(picture - BLUE).max(-1) < 0.05, columns, axis=1)
    return [1 - float(np.nonzero(part)[0].mean()) / len(picture) for part in parts]


def test_sequences_are_curves_on_one_scale() -> None:
    spec = DataSpec(example=Space(kind="sequence", shape=(2, 20), range=(0.0, 1.0)))
    samples = np.zeros((3, 2, 20))
    samples[:, 0] = np.array([0.1, 0.5, 0.9])[:, None]
    low, middle, high = heights(samples, spec, 3)
    assert low < middle - 0.2 < high - 0.4


def test_sequences_without_bounds_or_with_nan_are_drawn() -> None:
    spec = DataSpec(example=Space(kind="sequence", shape=(1, 20)))
    samples = np.stack([np.full((1, 20), -300.0), np.full((1, 20), 500.0), np.full((1, 20), 100.0)])
    low, high, middle = heights(samples, spec, 3)
    assert low < middle < high
    assert sheet(np.full((2, 1, 20), np.nan, np.float32), spec).startswith(b"\x89PNG")
