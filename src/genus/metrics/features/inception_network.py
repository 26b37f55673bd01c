"""The features of the published FID, when the user has the weights of its network."""

from __future__ import annotations

import hashlib
import os
import pickle
import warnings
from functools import lru_cache
from pathlib import Path

import safetensors
import torch
from safetensors.torch import load_file
from torch import Tensor

from genus.core.errors import DataError
from genus.core.registry import features
from genus.core.spec import DataSpec
from genus.metrics.features.base import ClassifyingFeatures, in_parts, weights_digest
from genus.metrics.features.efficientnet import require_pictures
from genus.metrics.features.inception_blocks import InceptionNet

VARIABLE = "GENUS_INCEPTION"
"""Environment variable that names the file of the weights."""
PUBLISHED = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
"""SHA-256 of ``pt_inception-2015-12-05-6726825d.pth``, which pytorch-fid and torch-fidelity use."""
_SIDE = 299


@features("inception", paper="arXiv:1706.08500")
class InceptionFeatures(ClassifyingFeatures):
    """The 2,048 features of the Inception network that FID is defined with, and its 1,008 logits.

    The environment variable ``GENUS_INCEPTION`` names the file of the weights (that of pytorch-fid
    or torch-fidelity, or the same tensors as safetensors); nothing is downloaded. As in the
    TensorFlow graph, images are rounded to 8 bits, resized to 299×299 by bilinear interpolation
    without half-pixel centres or antialiasing, and enter as (x − 128)/128; grey ones are repeated.
    Logits are without the bias, as the published Inception score takes them.
    """

    name = "inception"
    size = 2048
    of_data = False

    def __init__(self, spec: DataSpec) -> None:
        super().__init__(spec)
        require_pictures(self.name, spec)
        path = _weights()
        self._net, self.fingerprint, published = _network(path, path.stat().st_mtime_ns)
        self.note = (
            "the published Inception weights: this is FID at this n, where papers take 50,000 samples"
            if published
            else "Inception weights, but not the published file: FID only if the tensors are the same"
        )

    @classmethod
    def require(cls) -> None:
        _weights()

    def __call__(self, x: Tensor) -> Tensor:
        return in_parts(lambda part: self._net(prepare(part)), x, self.size, at_once=16)

    def read_out(self, features: Tensor) -> Tensor:
        with torch.no_grad():
            return features @ self._net.fc.weight.T


def _weights() -> Path:
    """The file that the environment names."""
    where = os.environ.get(VARIABLE, "")
    if not where:
        raise DataError(
            f"inception features need the weights of FID's network: set {VARIABLE} to the file "
            "pt_inception-2015-12-05-6726825d.pth of pytorch-fid; genus downloads nothing"
        )
    path = Path(where).resolve()
    if not path.is_file():
        raise DataError(f"{VARIABLE} names {where!r}, which is no file")
    return path


def prepare(x: Tensor) -> Tensor:
    """From images in [0, 1], ``(n, 1 or 3, h, w)``, to what the network receives."""
    x = (255 * x).round().clamp(0, 255).expand(-1, 3, -1, -1)
    return (resize(x, _SIDE) - 128) / 128


def resize(x: Tensor, side: int) -> Tensor:
    """Bilinear resize as TensorFlow 1 does it by default: place i looks at i · length/side.

    There are no half-pixel centres and no antialiasing; what lies behind the last pixel is the
    last pixel.

    Args:
        x: ``(n, channels, height, width)``.
        side: new height and width.

    >>> resize(torch.tensor([[[[0.0, 2.0]]]]), 4)[0, 0, 0]
    tensor([0., 1., 2., 2.])
    """
    upper, lower, down = _neighbours(x.shape[-2], side, x)
    left, right, across = _neighbours(x.shape[-1], side, x)
    top, bottom = x[..., upper, :], x[..., lower, :]
    top = top[..., left] + (top[..., right] - top[..., left]) * across
    bottom = bottom[..., left] + (bottom[..., right] - bottom[..., left]) * across
    return top + (bottom - top) * down[:, None]


def _neighbours(length: int, side: int, like: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Pixels before and after each place, and how far it lies between them."""
    places = torch.arange(side, dtype=like.dtype) * (length / side)
    before = places.floor()
    after = (before + 1).clamp_max(length - 1)
    return before.long(), after.long(), places - before


@lru_cache(maxsize=1)
def _network(path: Path, changed: int) -> tuple[InceptionNet, str, bool]:
    """The network of a file, the digest of its weights, and whether it is the published file."""
    del changed  # part of the key: a file that was replaced is read again
    weights = read_weights(path)
    net = InceptionNet()
    net.load_state_dict(weights, strict=False)
    published = hashlib.sha256(path.read_bytes()).hexdigest() == PUBLISHED
    return net.eval().requires_grad_(False), weights_digest(weights), published


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read and check the weights; no code in the file is run.

    Args:
        path: a state dict that torch saved, or safetensors.

    Returns:
        float32 tensors by name, without counters of batches.

    Raises:
        DataError: when the file holds anything else.
    """
    try:
        if path.suffix == ".safetensors":
            found = load_file(path)
        else:
            with warnings.catch_warnings():  # of pickles that torch did not write; they are refused
                warnings.simplefilter("ignore")
                found = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, safetensors.SafetensorError, RuntimeError, EOFError, ValueError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise DataError(f"{path} is no file of Inception weights and was not loaded: {reason}") from None
    if not isinstance(found, dict):
        raise DataError(f"{path} holds {type(found).__name__}, not the tensors of the Inception network")
    wanted = {name: tensor.shape for name, tensor in InceptionNet().state_dict().items() if _counts(name)}
    tensors = {str(k): v for k, v in found.items() if _counts(str(k))}
    wrong = [name for name in wanted if getattr(tensors.get(name), "shape", None) != wanted[name]]
    wrong += [name for name in tensors if name not in wanted]
    if wrong:
        raise DataError(
            f"{path} does not hold FID's Inception network: {len(wrong)} tensors are missing, left over or "
            f"of another shape, the first is {wrong[0]!r}; use pt_inception-2015-12-05-6726825d.pth"
        )
    return {name: tensors[name].float() for name in wanted}


def _counts(name: str) -> bool:
    return not name.endswith("num_batches_tracked")
