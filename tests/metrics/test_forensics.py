"""Spectrum and detector: known pictures, known areas, planted traces."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from genus.core.errors import DataError
from genus.core.space import Space
from genus.core.spec import DataSpec
from genus.metrics.detector import auc_interval, detector_scores
from genus.metrics.spectrum import as_stored, azimuthal_spectra, spectrum_gap


def waves(frequency: int, side: int = 16) -> torch.Tensor:
    rows = torch.arange(side, dtype=torch.float64)
    return torch.cos(2 * torch.pi * frequency * rows / side).expand(1, 1, side, side).clone()


@pytest.mark.parametrize("frequency", [1, 3, 7])
def test_a_wave_has_its_power_at_its_frequency(frequency: int) -> None:
    spectrum = azimuthal_spectra(waves(frequency))[0]
    assert spectrum.argmax() == frequency
    assert spectrum[np.arange(9) != frequency].max() < 1e-20


def test_white_noise_is_flat_and_power_is_kept() -> None:
    noise = torch.randn(400, 2, 12, 20, generator=torch.Generator().manual_seed(0))
    spectra = azimuthal_spectra(noise).mean(0)
    assert spectra.shape == (7,)
    np.testing.assert_allclose(spectra, 1.0, rtol=0.15)
    assert spectrum_gap(azimuthal_spectra(3 * noise), azimuthal_spectra(noise)) == pytest.approx(
        20 * np.log10(3), rel=1e-9
    )


def test_doubled_pixels_lack_high_frequencies() -> None:
    small = torch.randn(200, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    doubled = small.repeat_interleave(2, 2).repeat_interleave(2, 3)
    spectra = azimuthal_spectra(doubled).mean(0)
    assert spectra[8] < 0.1 * spectra[1]


def test_anything_else_is_refused() -> None:
    with pytest.raises(DataError, match="sides of at least 8"):
        azimuthal_spectra(torch.zeros(2, 1, 4, 9))


def test_area_agrees_with_scikit_learn_and_covers() -> None:
    rng = np.random.default_rng(0)
    truth = 0.7602499389065233  # Φ(1/√2)
    hits = 0
    for _ in range(400):
        x, y = rng.normal(1, 1, 60), rng.normal(0, 1, 80)
        area, low, high = auc_interval(x, y)
        hits += low <= truth <= high
    assert area == pytest.approx(roc_auc_score(np.repeat([1, 0], [60, 80]), np.concatenate([x, y])))
    assert 0.92 <= hits / 400 <= 0.98
    assert auc_interval([1.0, 1.0], [1.0, 1.0])[0] == 0.5


def test_a_planted_trace_is_found_and_nothing_else() -> None:
    rng = torch.Generator().manual_seed(0)
    real = torch.rand(300, 1, 16, 16, generator=rng)
    same = torch.rand(300, 1, 16, 16, generator=rng)
    checker = (torch.arange(16)[:, None] + torch.arange(16)) % 2
    traced = same + 0.1 * checker
    found = detector_scores(real, traced)
    assert auc_interval(found[1], found[0])[1] > 0.9
    fair = detector_scores(real, same)
    area = auc_interval(fair[1], fair[0])[0]
    assert abs(area - 0.5) < 0.08
    with pytest.raises(DataError, match="at least 10"):
        detector_scores(real[:4], same)


def test_samples_are_rounded_as_files_would_be() -> None:
    spec = DataSpec(example=Space(kind="image", shape=(1, 8, 8), range=(0.0, 1.0), levels=3))
    x = torch.tensor([0.0, 0.2, 0.26, 0.74, 0.8, 1.3])
    assert as_stored(x, spec).tolist() == [0.0, 0.0, 0.5, 0.5, 1.0, 1.0]
    continuous = DataSpec(example=Space(kind="image", shape=(1, 8, 8)))
    assert torch.equal(as_stored(x, continuous), x)
