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
from genus.core.space import Space, class_space
from genus.core.spec import DataSpec
from genus.layers.pooled_attention import PooledAttention
from tests.terminal import Result

IMAGES = DataSpec(
    example=Space(kind="image", shape=(1, 16, 16), range=(0.0, 1.0), levels=256),
    condition=class_space(("a", "b", "c")),
)
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

CODES = {
    **MLP, "name": "infogan",
    "conditioning": {"name": "information", "features": 8, "categories": 3, "continuous": 2},
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
    figure = genus.explore(model, "arithmetic", seed=1, a=[0, 4], b=[2, 1], c=[7, 3])
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


def test_traversal_changes_one_code_a_row_and_holds_all_else() -> None:
    """Each cell is the generator's example of a code written out by hand."""
    model = model_of(CODES)
    conditioned: list[torch.Tensor] = []
    hook = model.generator.embed.register_forward_hook(
        lambda _, inputs, output: conditioned.append(inputs[0])
    )
    figure = genus.explore(model, "traversal", rows=5, columns=3, seed=4)
    hook.remove()
    cells = figure.examples.view(5, 3, *IMAGES.shape)
    codes = torch.cat(conditioned).view(5, 3, 5)
    for row, (number, category) in enumerate([(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)]):
        noise = Noise(4, start=number, block=1)
        z = model.draw_latent(1, noise=noise)
        held = model.conditioning.draw(1, Noise(4, start=number, block=1))[0, 4].item()
        for column, value in enumerate([-1.0, 0.0, 1.0]):
            code = [*torch.eye(3)[category].tolist(), value, held]
            torch.testing.assert_close(codes[row, column], torch.tensor(code))
            with torch.no_grad():
                expected = model.generate_from(
                    z, condition=torch.tensor([code]), noise=Noise(4, start=number)
                )
            torch.testing.assert_close(cells[row, column], expected[0])
    assert (cells[:, 0] - cells[:, 2]).abs().flatten(1).amax(1).min() > 0
    assert figure.caption == "code1 -1, 0, 1 from left to right, category 0, 1, 2, 0, 1 from top to bottom"


def test_traversal_holds_what_is_given_and_goes_through_what_is_named() -> None:
    model = model_of(CODES)
    figure = genus.explore(model, "traversal", rows=2, columns=4, condition="code2=0.5", code="category")
    z = torch.cat([model.draw_latent(1, noise=Noise(0, start=i, block=1)) for i in range(2)])
    held = [model.conditioning.draw(1, Noise(0, start=i, block=1))[0, 3].item() for i in range(2)]
    for i, cell in enumerate(figure.examples):
        row, column = divmod(i, 4)
        code = torch.tensor([*torch.eye(3)[column % 3].tolist(), held[row], 0.5])
        with torch.no_grad():
            expected = model.generate_from(z[row : row + 1], condition=code[None], noise=Noise(0, start=row))
        torch.testing.assert_close(cell, expected[0])
    other = genus.explore(model, "traversal", rows=1, columns=2, condition={"code1": 0, "category": 2})
    assert other.caption == "code2 -1, 1 from left to right"
    for condition, code, words in [
        ("code1=0", "code1", "code1 is chosen"),
        ("category=0,code1=0,code2=1", None, "each code is chosen"),
        (None, "code3", "no code 'code3'; did you mean 'code"),
        ("categori=1", None, "did you mean 'category'"),
    ]:
        with pytest.raises(InputError, match=words):
            genus.explore(model, "traversal", condition=condition, code=code)


def test_other_figures_take_codes_that_are_given() -> None:
    model = model_of(CODES)
    rows = genus.explore(model, rows=2, columns=3, condition="category=1,code1=0,code2=1", seed=3)
    samples = torch.from_numpy(
        genus.sample(model, 4, seed=3, condition={"category": 1, "code1": 0, "code2": 1})
    )
    torch.testing.assert_close(rows.examples[0::3], samples[0::2])
    styles = model_of({**STYLES, "conditioning": CODES["conditioning"]})
    figures = [genus.explore(styles, "mixing", rows=2, columns=2, condition=condition).examples
               for condition in (None, "category=0", "category=1")]  # fmt: skip
    assert all(figure.isfinite().all() for figure in figures)
    assert not torch.equal(figures[1], figures[2])


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
        "traversal": "GAN has no codes, as traversal needs; it offers interpolation",
    }.items():
        with pytest.raises(CapabilityError, match=words):
            genus.explore(model, kind)
    with pytest.raises(InputError, match="did you mean 'mixing'"):
        genus.explore(model, "mixin")
    with pytest.raises(InputError, match="2 to 100 columns"):
        genus.explore(model, columns=1)
    with pytest.raises(InputError, match="as many sample numbers"):
        genus.explore(model, "arithmetic", a=[1], b=[2, 3], c=[4])
    points = model_of(MLP, DataSpec(example=Space(kind="vector", shape=(2,))))
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
        ("--kind", "arithmetic", "--a", "1,x"): "whole numbers separated by commas",
        ("--out", "way.jpg"): "written to a .png file",
    }
    for words, reason in wrong.items():
        said = genus_says("explore", "run", *words)
        assert (said.code, reason in said.err) == (2, True), said.err


@pytest.mark.parametrize("config", [{"name": "rbm", "hidden": 20}, {"name": "dbn", "hidden": [20, 10]}])
def test_filters_are_the_weights_of_the_strongest_units(config: dict[str, Any]) -> None:
    model = model_of(config)
    machine = model.machine if config["name"] == "rbm" else model.machines[0]
    with torch.no_grad():
        machine.weight.zero_()
        machine.weight[:, 13] = torch.linspace(-4, 4, 256)
        machine.weight[7, 2] = -2
    figure = genus.explore(model, "filters", rows=2, columns=4)
    assert figure.examples.shape == (8, 1, 16, 16)
    torch.testing.assert_close(figure.examples[0].flatten(), torch.linspace(0, 1, 256))
    expected = torch.full((256,), 0.5)
    expected[7] = 0.25
    torch.testing.assert_close(figure.examples[1].flatten(), expected)
    assert torch.equal(figure.examples[2:], torch.full((6, 1, 16, 16), 0.5))
    with pytest.raises(
        CapabilityError, match="no latent to choose, as interpolation needs; it offers filters"
    ):
        genus.explore(model, "interpolation")
    with pytest.raises(CapabilityError, match="no hidden units that see whole examples"):
        genus.explore(model_of(MLP), "filters")
