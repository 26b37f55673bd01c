"""``genus explore``: each figure against samples drawn by hand; what does not fit is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import genus
from genus.core.binder import build, resolve
from genus.core.errors import CapabilityError, InputError
from genus.core.noise import Noise
from genus.core.spec import DataSpec
from genus.layers.pooled_attention import PooledAttention
from tests.terminal import Result

IMAGES = DataSpec(kind="image", shape=(1, 16, 16), range=(0.0, 1.0), levels=256, classes=("a", "b", "c"))
PLAYERS = {"generator": {"name": "mlp", "hidden": [8]}, "discriminator": {"name": "mlp", "hidden": [8]}}
MLP = {"name": "gan", **PLAYERS, "objective": "hinge", "latent": 4}
STYLES = {
    "name": "style-gan", "generator": {"name": "stylegan2", "width": 4}, "objective": "non-saturating",
    "discriminator": {"name": "stylegan2-discriminator", "width": 4}, "latent": 8,
}  # fmt: skip
ATTENTION = {
    "name": "gan", "generator": {"name": "resnet", "width": 8, "attention": 1}, "objective": "hinge",
    "discriminator": {"name": "resnet", "width": 8}, "latent": 4,
}  # fmt: skip


def model_of(config: dict[str, Any], spec: DataSpec = IMAGES) -> Any:
    torch.manual_seed(0)
    return build("model", resolve("model", config, "model"), spec).eval()


def test_interpolation_starts_and_ends_at_samples() -> None:
    model = model_of(MLP)
    figure = genus.explore(model, rows=2, columns=5, seed=3)
    samples = torch.from_numpy(genus.sample(model, 4, seed=3))
    rows = figure.examples.view(2, 5, *IMAGES.shape)
    torch.testing.assert_close(rows[:, 0], samples[0::2])
    torch.testing.assert_close(rows[:, -1], samples[1::2])
    straight = genus.explore(model, rows=2, columns=5, seed=3, linear=True).examples
    assert not torch.equal(straight, figure.examples)


def test_arithmetic_adds_means_of_latents() -> None:
    model = model_of(MLP)
    figure = genus.explore(model, "arithmetic", seed=1, terms=([0, 4], [2, 1], [7, 3]))
    z = torch.cat([model.draw_latent(1, noise=Noise(1, start=i, block=1)) for i in range(8)])
    total = z[[0, 4]].mean(0) - z[[2, 1]].mean(0) + z[[7, 3]].mean(0)
    with torch.no_grad():
        expected = model.generate_from(total[None], noise=Noise(1, block=1))
    assert figure.examples.shape == (12, 1, 16, 16)
    torch.testing.assert_close(figure.examples[-1:], expected)


def test_truncation_ends_with_less_and_less_of_it() -> None:
    figure = genus.explore(model_of(MLP), "truncation", rows=50, columns=3)
    spread = figure.examples.view(50, 3, -1).var(0).sum(1)
    assert spread[0] < 0.1 * spread[1] < spread[2]


def test_mixing_takes_both_styles_of_a_pair_where_they_are_one() -> None:
    model = model_of(STYLES)
    figure = genus.explore(model, "mixing", rows=2, columns=3, seed=2)
    cells = figure.examples.view(3, 4, *IMAGES.shape)
    assert cells[0, 0].abs().max() == 0  # the corner
    assert (cells[1:, 1:] - cells[:1, 1:]).abs().amax((2, 3, 4)).min() > 0  # no copy of the column's source
    assert (cells[1:, 1:] - cells[1:, :1]).abs().amax((2, 3, 4)).min() > 0  # nor of the row's
    z = torch.cat([model.draw_latent(1, noise=Noise(2, start=i, block=1)) for i in range(5)])
    styles = model.map_latent(z)[:, None].expand(-1, model.num_styles, -1)
    half = model.num_styles // 2
    mixed = torch.cat([styles[3:4, :half], styles[1:2, half:]], 1)  # second column over second row
    with torch.no_grad():
        drawn = model.generate_from_styles(mixed.expand(3, -1, -1), noise=Noise(2))
    torch.testing.assert_close(cells[2, 2], drawn[1])


def test_attention_shows_the_weights_of_the_generators_layer() -> None:
    model = model_of(ATTENTION)
    layer = next(m for m in model.generator.modules() if isinstance(m, PooledAttention))
    inputs: list[torch.Tensor] = []
    hook = layer.register_forward_pre_hook(lambda _, args: inputs.append(args[0]))
    genus.sample(model, 1, seed=5)
    hook.remove()
    figure = genus.explore(model, "attention", rows=1, seed=5)
    assert figure.columns == 6
    side = inputs[0].shape[-1]
    with torch.no_grad():
        centre = layer.weights(inputs[0])[0, side // 2 * side + side // 2].view(side // 2, side // 2)
    drawn = figure.examples[1, 0, :: 32 // side, :: 32 // side]
    torch.testing.assert_close(drawn, centre / centre.max())


def test_what_does_not_fit_is_refused_by_name() -> None:
    model = model_of(MLP)
    for kind, words in {
        "mixing": "no styles, as mixing needs; it offers interp",
        "attention": "sagan",
    }.items():
        with pytest.raises(CapabilityError, match=words):
            genus.explore(model, kind)
    with pytest.raises(InputError, match="did you mean 'mixing'"):
        genus.explore(model, "mixin")
    with pytest.raises(InputError, match="2 to 100 columns"):
        genus.explore(model, columns=1)
    with pytest.raises(InputError, match="as many sample numbers"):
        genus.explore(model, "arithmetic", terms=([1], [2, 3], [4]))
    points = model_of(MLP, DataSpec(kind="vector", shape=(2,)))
    with pytest.raises(CapabilityError, match="images and volumes"):
        genus.explore(points)


def test_at_the_command_line(
    genus_says: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    small = ("model.generator.width=4", "model.discriminator.width=4", "train.length=2", "train.device=cpu")
    assert genus_says("train", "dcgan", "--data", "digits8", *small, "--out", "run").code == 0
    said = genus_says("explore", "run", "--rows", 2, "--label", "7", "--out", "figures/way.png")
    assert (said.code, said.out) == (0, "figures/way.png: from left to right along great circles\n")
    assert (tmp_path / "figures/way.png").read_bytes().startswith(b"\x89PNG")
    wrong = {
        ("--label", "ten"): "the classes are",
        ("--kind", "arithmetic", "--a", "1,x"): "numbers of samples",
        ("--out", "way.jpg"): "written to a .png file",
    }
    for words, reason in wrong.items():
        said = genus_says("explore", "run", *words)
        assert (said.code, reason in said.err) == (2, True), said.err
