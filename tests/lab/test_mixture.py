"""Expectation maximisation on real grey values: it never loses, and agrees with scikit-learn."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from genus.core.errors import DataError, InputError
from genus.lab.grey_values import brain_slice, grey_image
from genus.lab.mixture import expectation_maximisation
from genus.lab.normal import mixture
from tests.lab.helpers import run


def test_known_mixture_is_found() -> None:
    target = mixture([0.3, 0.7], [-1, 3], [0.5, 1])
    values = target.sample(20_000, np.random.default_rng(0))
    fitted = expectation_maximisation(values, [0, 1])
    assert fitted.weights == pytest.approx([0.3, 0.7], abs=0.02)
    assert fitted.means == pytest.approx([-1, 3], abs=0.05)
    assert fitted.stds == pytest.approx([0.5, 1], abs=0.05)
    assert fitted.likelihoods[-1] == pytest.approx(target.log_density(values).mean(), abs=1e-3)
    assert (np.diff(fitted.likelihoods) >= 0).all()
    assert np.array_equal(fitted.most_likely([-1.5, 4]), [0, 1])


def test_one_gaussian_is_mean_and_variance() -> None:
    values = np.array([1.0, 2, 2, 7])
    fitted = expectation_maximisation(values, [0], floor=0)
    assert (fitted.means[0], fitted.stds[0]) == pytest.approx((3, np.sqrt(5.5)))
    assert fitted.parts([3.0]) == pytest.approx(1 / np.sqrt(2 * np.pi * 5.5))


def test_one_step_by_hand() -> None:
    # values 0 and 4, first means 0 and 4: each takes one, of variance `floor` times 4
    fitted = expectation_maximisation([0.0, 4.0], [0, 4], iterations=1, floor=0.25)
    assert fitted.means == pytest.approx([0, 4], abs=0.01)
    assert len(fitted.likelihoods) == 2


def test_the_slice_is_a_picture_of_a_head() -> None:
    picture = brain_slice()
    assert picture.shape == (256, 256)
    assert (picture[:20, :20] == 0).all()  # air
    assert picture[80:120, 80:180].mean() > 100  # brain


def test_experiment() -> None:
    findings = run("mixture")
    assert len(findings.numbers["means"]) == 4
    assert findings.numbers["mean log-likelihood"] > findings.numbers["of one Gaussian"]
    with pytest.raises(InputError):
        run("mixture", components=0)
    with pytest.raises(InputError, match="lower it"):
        run("mixture", background=300.0)


def test_files_are_read(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    grey = np.clip(rng.choice([60, 180], (32, 32)) + 10 * rng.standard_normal((32, 32)), 1, 255)
    Image.fromarray(grey.astype(np.uint8)).save(tmp_path / "a.png")
    np.save(tmp_path / "a.npy", grey)
    findings = run("mixture", image=str(tmp_path / "a.png"), components=2)
    assert findings.numbers["means"] == pytest.approx([60, 180], abs=3)
    assert grey_image(str(tmp_path / "a.npy")) == pytest.approx(grey)
    Image.fromarray(np.dstack([grey, 0 * grey, 0 * grey]).astype(np.uint8)).save(tmp_path / "c.png")
    assert grey_image(str(tmp_path / "c.png")) == pytest.approx(grey.astype(np.uint8) / 3)
    np.save(tmp_path / "flat.npy", np.ones((4, 4)))
    (tmp_path / "text.png").write_text("no picture")
    for name, lesson in (
        ("flat.npy", "differ"),
        ("text.png", "neither a picture"),
        ("no.png", "no such file"),
    ):
        with pytest.raises(DataError, match=lesson):
            grey_image(str(tmp_path / name))


def test_a_real_volume(shared_data: Path, tmp_path: Path) -> None:
    volumes = sorted((shared_data / "msd_hippocampus").rglob("images/*.nii.gz"))
    if not volumes:
        pytest.skip("needs msd_hippocampus")
    raw = gzip.decompress(volumes[0].read_bytes())
    shape = np.frombuffer(raw, "<i2", 3, 42)
    kind = {2: "<u1", 4: "<i2", 16: "<f4", 64: "<f8", 512: "<u2"}[int(np.frombuffer(raw, "<i2", 1, 70)[0])]
    offset = int(np.frombuffer(raw, "<f4", 1, 108)[0])
    volume = np.frombuffer(raw, kind, int(np.prod(shape)), offset).reshape(shape[::-1])
    np.save(tmp_path / "volume.npy", volume)
    run("mixture", image=str(tmp_path / "volume.npy"), components=3)
