"""The classical Inception network: layout of its weights, resize, quantisation, refusals.

The published weights are not here, so its features are tested for what follows without them.
"""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional as F

from genus.core.errors import DataError
from genus.core.space import Space
from genus.core.spec import DataSpec
from genus.metrics.features import ClassifyingFeatures, make_features
from genus.metrics.features.inception_blocks import BlockA, BlockE, InceptionNet, average_around
from genus.metrics.features.inception_network import prepare, read_weights, resize

PICTURES = DataSpec(example=Space(kind="image", shape=(3, 8, 8), range=(0.0, 1.0)))


@pytest.fixture(scope="module")
def weights() -> dict[str, torch.Tensor]:
    """A state dict of the published layout with random values."""
    torch.manual_seed(0)
    net = InceptionNet()
    for name, buffer in net.named_buffers():
        if name.endswith("running_var"):
            buffer.uniform_(0.5, 1.5)
    return net.state_dict()


@pytest.fixture(scope="module")
def file(weights: dict[str, torch.Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Those weights in a file as torch saves it."""
    path = tmp_path_factory.mktemp("inception") / "weights.pth"
    torch.save(weights, path)
    return path


def test_the_layout_is_that_of_the_published_weights(weights: dict[str, torch.Tensor]) -> None:
    net = InceptionNet()
    assert sum(p.numel() for p in net.parameters()) == 23_850_960
    shapes = {n: tuple(t.shape) for n, t in weights.items() if not n.endswith("num_batches_tracked")}
    assert len(shapes) == 94 * 5 + 2
    for name, shape in {
        "Conv2d_1a_3x3.conv.weight": (32, 3, 3, 3),
        "Conv2d_4a_3x3.bn.running_mean": (192,),
        "Mixed_5b.branch5x5_2.conv.weight": (64, 48, 5, 5),
        "Mixed_5c.branch_pool.conv.weight": (64, 256, 1, 1),
        "Mixed_6a.branch3x3dbl_3.conv.weight": (96, 96, 3, 3),
        "Mixed_6c.branch7x7dbl_5.conv.weight": (192, 160, 1, 7),
        "Mixed_7a.branch7x7x3_4.conv.weight": (192, 192, 3, 3),
        "Mixed_7c.branch3x3dbl_3b.conv.weight": (384, 384, 3, 1),
        "fc.weight": (1008, 2048),
        "fc.bias": (1008,),
    }.items():
        assert shapes[name] == shape
    # of all names and shapes; with these, torch-fidelity's network and this one agree bit for bit
    text = "\n".join(f"{name} {shapes[name]}" for name in sorted(shapes))
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == "d84f693f2abd7fea"


def test_resize_by_hand() -> None:
    x = torch.tensor([[[[0.0, 4.0], [8.0, 16.0]]]])
    # places 0, ½, 1, 1½: the last has nothing behind it
    rows = torch.tensor([[0.0, 2, 4, 4], [4, 7, 10, 10], [8, 12, 16, 16], [8, 12, 16, 16]])
    assert torch.equal(resize(x, 4)[0, 0], rows)
    ramp = torch.arange(6.0)[None, None, None].expand(1, 1, 6, 6)
    assert torch.equal(resize(ramp, 4)[0, 0, 0], torch.tensor([0.0, 1.5, 3.0, 4.5]))  # not antialiased
    assert torch.equal(resize(ramp, 6), ramp)


def test_resize_is_neither_of_torch_s() -> None:
    x = torch.rand(1, 1, 5, 7, generator=torch.Generator().manual_seed(0))
    for aligned in (False, True):
        other = F.interpolate(x, (9, 9), mode="bilinear", align_corners=aligned)
        assert (resize(x, 9) - other).abs().max() > 0.05


def test_images_become_eight_bits_first() -> None:
    x = torch.tensor([0.0, 0.4999 / 255, 0.5001 / 255, 128 / 255, 1.0, 1.2, -0.1])[:, None, None, None]
    found = prepare(x.expand(-1, 1, 2, 2))
    assert found.shape == (7, 3, 299, 299)  # grey ones are repeated
    levels = torch.tensor([0.0, 0, 1, 128, 255, 255, 0])
    assert torch.equal(found, ((levels - 128) / 128)[:, None, None, None].expand_as(found))


def test_padding_does_not_count_in_average_pools() -> None:
    ones = torch.ones(1, 1, 4, 4)
    assert torch.equal(average_around(ones), ones)
    x = torch.rand(1, 8, 5, 5)
    assert torch.equal(BlockE(8, last=False).pool(x), average_around(x))
    assert torch.equal(BlockE(8, last=True).pool(x), F.max_pool2d(x, 3, 1, 1))
    assert BlockA(8, 32).eval()(x).shape == (1, 256, 5, 5)


def test_features_of_a_file(
    file: Path, weights: dict[str, torch.Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENUS_INCEPTION", str(file))
    net = make_features("inception", PICTURES)
    assert isinstance(net, ClassifyingFeatures)
    assert not net.of_data
    assert "not the published file" in net.note
    x = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    found = net(x)
    assert found.shape == (2, 2048)
    torch.testing.assert_close(net.read_out(found), found @ weights["fc.weight"].T)  # without the bias
    plain = {name: t.clone() for name, t in weights.items() if not name.endswith("num_batches_tracked")}
    save_file(plain, tmp_path / "weights.safetensors")
    monkeypatch.setenv("GENUS_INCEPTION", str(tmp_path / "weights.safetensors"))
    again = make_features("inception", PICTURES)
    assert again.fingerprint == net.fingerprint
    assert torch.equal(again(x), found)


class Bomb:
    """Runs code when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("how", ["torch", "pickle"])
def test_code_in_a_file_is_not_run(how: str, weights: dict[str, torch.Tensor], tmp_path: Path) -> None:
    evil = {**weights, "fc.bias": Bomb(tmp_path / "ran")}
    path = tmp_path / "weights.pth"
    if how == "torch":
        torch.save(evil, path)
    else:
        path.write_bytes(pickle.dumps(evil["fc.bias"]))
    with pytest.raises(DataError, match="was not loaded"):
        read_weights(path)
    assert not (tmp_path / "ran").exists()


def test_wrong_contents_are_refused(weights: dict[str, torch.Tensor], tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    for wrong, name in [
        ({n: t for n, t in weights.items() if n != "fc.bias"}, "fc.bias"),
        ({**weights, "AuxLogits.fc.bias": torch.zeros(3)}, "AuxLogits.fc.bias"),
        ({**weights, "fc.weight": torch.zeros(1000, 2048)}, "fc.weight"),
    ]:
        torch.save(wrong, path)
        with pytest.raises(DataError, match=f"1 tensors are missing.*{name}"):
            read_weights(path)
    torch.save([1, 2], path)
    with pytest.raises(DataError, match="holds list"):
        read_weights(path)
    for name in ("empty.pth", "empty.safetensors"):
        (tmp_path / name).write_bytes(b"")
        with pytest.raises(DataError, match="was not loaded"):
            read_weights(tmp_path / name)


def test_nothing_is_downloaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, file: Path) -> None:
    monkeypatch.delenv("GENUS_INCEPTION", raising=False)
    with pytest.raises(DataError, match="set GENUS_INCEPTION to the file"):
        make_features("inception", PICTURES)
    monkeypatch.setenv("GENUS_INCEPTION", str(tmp_path / "nowhere.pth"))
    with pytest.raises(DataError, match="which is no file"):
        make_features("inception", PICTURES)
    monkeypatch.setenv("GENUS_INCEPTION", str(file))
    with pytest.raises(DataError, match="1 or 3 channels"):
        make_features("inception", DataSpec(example=Space(kind="image", shape=(2, 8, 8), range=(0.0, 1.0))))
