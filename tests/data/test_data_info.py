from __future__ import annotations

import numpy as np
import pytest
import yaml
from PIL import Image

from genus.core.binder import resolve
from genus.core.errors import DataError, RecipeError
from genus.data import info


def test_numbers_are_those_of_the_array(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(info, "_CHUNK", 100)  # so that several chunks are joined
    array = np.random.default_rng(0).integers(0, 256, size=(40, 5, 6), dtype=np.uint8)
    labels = np.arange(40) % 3
    np.savez(tmp_path / "a.npz", x_train=array, y_train=labels, x_test=array[:4] // 2, y_test=labels[:4])
    result = info.data_info(str(tmp_path / "a.npz"))
    train, test = result["splits"]["train"], result["splits"]["test"]
    units = array / 255
    assert train["examples"] == 40
    assert train["classes"] == {"0": 14, "1": 13, "2": 13}
    assert test["classes"] == {"0": 2, "1": 1, "2": 1}
    assert train["mean"] == pytest.approx(units.mean(), abs=1e-7)
    assert train["std"] == pytest.approx(units.std(), abs=1e-7)
    assert (train["minimum"], train["maximum"]) == pytest.approx((units.min(), units.max()))
    assert train["megabytes"] == 40 * 30 * 4 / 1e6
    assert result["spec"] == "image 1×5×6, 256 levels in [0, 1], 3 classes"
    assert len(result["fingerprint"]) == 16


def test_a_large_offset_does_not_cancel(tmp_path) -> None:
    (tmp_path / "a.csv").write_text("".join(f"{1e6 + i % 2}\n" for i in range(200)))
    assert info.data_info(str(tmp_path / "a.csv"))["splits"]["train"]["std"] == pytest.approx(0.5, rel=1e-3)


def test_the_recipe_text_opens_the_same_data(tmp_path) -> None:
    for i in range(4):
        Image.new("RGBA", (4 + i, 5), (9 * i, 0, 0, 255)).save(tmp_path / f"{i}.png")
    with pytest.raises(DataError, match="sizes"):
        info.data_info(str(tmp_path))
    result = info.data_info(str(tmp_path), {"size": [6, 4], "resize": "crop", "alpha": "drop"})
    entry = yaml.safe_load(result["recipe"])["data"]
    assert entry == {
        "name": "folder", "path": str(tmp_path), "size": [6, 4], "resize": "crop", "alpha": "drop",
    }  # fmt: skip
    assert info.open_data(resolve("data", entry, "data")).fingerprint == result["fingerprint"]
    assert info.data_info("digits8")["recipe"] == "data: digits8\n"


def test_unknown_arguments_are_named() -> None:
    with pytest.raises(RecipeError, match=r"data\.sighma: .*did you mean 'sigma'"):
        info.data_info("ring", {"sighma": 1})
