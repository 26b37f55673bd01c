"""Feature networks in files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

import genus
from genus.core.binder import build, resolve
from genus.core.errors import DataError, InputError
from genus.core.space import Space, class_space
from genus.core.spec import DataSpec
from genus.metrics.features import ClassifyingFeatures, make_features
from genus.metrics.features.trained import load_features, read_features, write_features

SPEC = DataSpec(
    example=Space(kind="image", shape=(2, 6, 9), range=(0.0, 1.0)),
    condition=class_space(("cat", "dog", "eel")),
)
MODEL = {"name": "classifier", "encoder": {"name": "convnet", "width": 4}, "features": 5}


@pytest.fixture
def record() -> dict[str, Any]:
    """What is said about a network."""
    return {
        "model": resolve("model", MODEL, "model"), "spec": SPEC.to_json(), "data": "pets",
        "data_fingerprint": "f", "accuracy": 0.9, "low": 0.8, "high": 0.95, "test_examples": 40,
    }  # fmt: skip


@pytest.fixture
def file(record: dict[str, Any], tmp_path: Path) -> Path:
    """A feature network with random weights."""
    torch.manual_seed(0)
    path = tmp_path / "net.safetensors"
    write_features(path, record, build("model", record["model"], SPEC).state_dict())
    return path


def examples(n: int) -> torch.Tensor:
    """Uniform examples."""
    return torch.rand(n, *SPEC.shape, generator=torch.Generator().manual_seed(0))


def test_a_file_gives_the_network_back(file: Path, record: dict[str, Any]) -> None:
    net = make_features(str(file), SPEC)
    assert isinstance(net, ClassifyingFeatures)
    assert (net.name, net.size, net.of_data) == ("trained on pets", 5, True)
    assert "90.00% [80.00%, 95.00%]" in net.note
    model = build("model", record["model"], SPEC)
    model.load_state_dict(read_features(file)[1])
    model.eval()
    x = examples(4)
    torch.testing.assert_close(net(x), model.features(x))
    torch.testing.assert_close(net.classify(x), model.classify(x))
    assert list(file.parent.iterdir()) == [file]  # no draft is left


def test_classes_are_read_by_name(file: Path) -> None:
    x = examples(6)
    whole = load_features(file, SPEC)
    turned = load_features(file, replace(SPEC, condition=class_space(("eel", "cat", "dog"))))
    assert isinstance(whole, ClassifyingFeatures)
    assert isinstance(turned, ClassifyingFeatures)
    torch.testing.assert_close(turned.classify(x), whole.classify(x)[:, [2, 0, 1]])
    unlabelled = load_features(file, replace(SPEC, condition=None))
    assert isinstance(unlabelled, ClassifyingFeatures)
    torch.testing.assert_close(unlabelled.classify(x), whole.classify(x))
    others = load_features(file, replace(SPEC, condition=class_space(("ant", "bee"))))
    assert not isinstance(others, ClassifyingFeatures)  # their accuracy would mean nothing
    torch.testing.assert_close(others(x), whole(x))


def test_data_of_another_shape_or_range_are_refused(file: Path) -> None:
    for change in ({"shape": (2, 6, 8)}, {"range": (0.0, 2.0)}):
        with pytest.raises(DataError, match="the data are"):
            load_features(file, replace(SPEC, example=replace(SPEC.example, **change)))


def test_the_fingerprint_knows_weights_and_record(file: Path, record: dict[str, Any], tmp_path: Path) -> None:
    tensors = read_features(file)[1]
    prints = {load_features(file, SPEC).fingerprint}
    for number, changed in enumerate(({**record, "accuracy": 0.91}, record)):
        if changed is record:
            tensors["head.bias"] += 1e-3
        write_features(tmp_path / f"{number}.safetensors", changed, tensors)
        prints.add(load_features(tmp_path / f"{number}.safetensors", SPEC).fingerprint)
    assert len(prints) == 3


def test_damage_is_noticed(file: Path, tmp_path: Path) -> None:
    good = file.read_bytes()
    for place in (len(good) - 3, len(good) // 2, good.index(b"pets")):
        file.write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
        with pytest.raises(DataError, match="no usable feature network"):
            load_features(file, SPEC)
    file.write_bytes(good[:100])
    with pytest.raises(DataError, match="no usable feature network"):
        load_features(file, SPEC)
    save_file({"a": torch.zeros(2)}, file)
    with pytest.raises(DataError, match="its header is of another kind"):
        load_features(file, SPEC)


def test_a_model_without_features_is_refused(file: Path, record: dict[str, Any]) -> None:
    write_features(file, {**record, "model": resolve("model", "gmm", "model")}, {"a": torch.zeros(2)})
    with pytest.raises(DataError, match="no usable feature network"):
        load_features(file, SPEC)


def test_a_network_is_trained_kept_and_measures_well(tmp_path: Path) -> None:
    out = tmp_path / "digits.safetensors"
    settings = ["train.length=8 epochs", "model.encoder.width=12", "train.device=cpu"]
    made = genus.train_features("digits8", out=out, run=tmp_path / "run", overrides=settings)
    assert made.test_examples == 180
    assert made.accuracy > 0.93
    assert made.low < made.accuracy < made.high
    with safe_open(out, "pt") as file:
        assert made.sha256 == file.metadata()["sha256"]
    record = read_features(out)[0]
    assert record["spec"]["condition"]["names"] == list("0123456789")
    assert record["data_fingerprint"] == genus.data_info("digits8")["fingerprint"]
    with pytest.raises(InputError, match="exists"):
        genus.export_features(made.run, out)
    again = genus.export_features(made.run, tmp_path / "again.safetensors")
    assert again.sha256 == made.sha256


def test_what_cannot_work_is_refused_before_training(tmp_path: Path) -> None:
    import numpy as np

    np.savez(tmp_path / "plain.npz", x=np.zeros((20, 8, 8), dtype=np.uint8))
    run = tmp_path / "run"
    for data, out, lesson in [
        (tmp_path / "plain.npz", "net.safetensors", "no classes"),
        ("digits8", "net.pt", "ends in .safetensors"),
        ("digits8", "nowhere/net.safetensors", "there is no folder"),
    ]:
        with pytest.raises(InputError, match=lesson):
            genus.train_features(str(data), out=tmp_path / out, run=run)
    assert not run.exists()
