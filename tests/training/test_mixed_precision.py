"""Gradients in bfloat16 on processors: as float32's, whatever layers and layouts a recipe uses.

Rounding alone moves the gradient of a generator by up to a fifth, through a discriminator whose units switch,
so whole gradients cannot show that a library is wrong. Its calls can: each call's result is compared
with that of float32 on the same rounded numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

from genus.assembly import build_model, open_data
from genus.core.batch import Batch
from genus.core.binder import resolve
from genus.core.model import Model
from genus.core.noise import Noise
from genus.core.phase import Context, Phase, Progress, Stage
from genus.core.recipe import Recipe, load_recipe
from genus.core.space import Space
from genus.core.spec import DataSpec
from genus.layers.convolution import convolve_dilated
from genus.training.devices import autocast, launch, placed
from genus.training.gradients import gradients_of
from genus.training.groups import make_groups
from genus.training.update import Share, Updater
from tests.tiny import RECIPES, random_conditions

ALIKE = 0.02
EXAMPLES = 8
"""Even and below 16, where double backward of torch 2.13's convolutions is wrong in bfloat16."""
QUICK = ("pixelcnn", "sngan", "stylegan2", "vae")
MAXIMUM_LIKELIHOOD = {"pixelcnn", "vae", "ddpm", "realnvp", "rbm", "dbn"}
_CALLS = {
    getattr(torch.ops.aten, name).default
    for name in ("convolution", "convolution_backward", "mm", "addmm", "bmm", "baddbmm")
}


class Calls(TorchDispatchMode):
    """Compares products and convolutions in bfloat16 with float32 on the same numbers.

    ``errors`` holds the largest relative error of each kind of call.
    """

    def __init__(self) -> None:
        super().__init__()
        self.errors: dict[str, float] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        tensors = [value for value in args if isinstance(value, Tensor)]
        if func in _CALLS and any(value.dtype == torch.bfloat16 for value in tensors):
            exact = func(*tree_map(_wide, args), **tree_map(_wide, kwargs or {}))
            # the third result is the gradient of a bias, which a batch norm cancels to rounding
            for got, right in zip(_several(found)[:2], _several(exact)[:2], strict=True):
                if got is not None:
                    error = float((got.float() - right).norm() / right.norm().clamp_min(1e-20))
                    key = f"{func} of {[(tuple(t.shape), t.stride()) for t in tensors]}"
                    self.errors[key] = max(error, self.errors.get(key, 0.0))
        return found


def _wide(value: Any) -> Any:
    return value.float().contiguous() if isinstance(value, Tensor) else value


def _several(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def colour(recipe: Recipe, side: int) -> tuple[DataSpec, Batch]:
    """Smooth colour images with the conditions of the recipe's own data."""
    condition = open_data(recipe).spec.condition
    space = Space(kind="image", shape=(3, side, side), range=(0.0, 1.0), levels=256)
    n = 1 if recipe.config["model"]["name"] == "singan" else EXAMPLES
    chance = torch.Generator().manual_seed(0)
    coarse = torch.rand(n, 3, side // 4, side // 4, generator=chance)
    x = (F.interpolate(coarse, scale_factor=4, mode="bilinear") * 255).round() / 255
    return DataSpec(example=space, condition=condition), Batch(
        x, None if condition is None else random_conditions(condition, n)
    )


def losses(model: Model, recipe: Recipe) -> Iterator[tuple[Stage, Phase, dict[str, Any]]]:
    """Every phase with a loss, with its stage's groups; parameters of others frozen."""
    for stage in model.stages():
        if stage.enter is not None:
            stage.enter()
        phases = [phase for phase in stage.phases if phase.loss is not None]
        groups = make_groups(stage, recipe.config["optimizer"]) if phases else {}
        for phase in phases:
            own = {id(p) for name in phase.updates for p in groups[name].parameters}
            for parameter in model.parameters():
                parameter.requires_grad_(id(parameter) in own)
            yield stage, phase, groups


def gradients(
    model: Model, phase: Phase, groups: dict[str, Any], batch: Batch, precision: str
) -> list[Tensor]:
    """One flat gradient per group, from the buffers as they are, which are left so."""
    buffers = {name: value.clone() for name, value in model.named_buffers()}
    torch.manual_seed(0)
    owners = {p: group.optimizer for group in groups.values() for p in group.parameters}
    context = Context(noise=Noise(1), progress=Progress(), optimizers=owners)
    chosen = [groups[name] for name in phase.updates]
    with autocast(launch("cpu", precision)):
        terms = phase.loss(batch, context)  # type: ignore[misc]
    if context.gradients:
        found = [context.gradients.get(p) for group in chosen for p in group.parameters]
    else:
        found = gradients_of(phase, terms, chosen)
    with torch.no_grad():
        for name, value in model.named_buffers():
            value.copy_(buffers[name])
    parts = iter(found)
    flat = [
        [g.flatten().float() for _ in group.parameters if (g := next(parts)) is not None] for group in chosen
    ]
    return [torch.cat(group) for group in flat]


def _cases() -> Iterator[Any]:
    for name in RECIPES:
        for side in (32, 64):
            quick = name in QUICK and side == 32
            yield pytest.param(name, side, marks=[] if quick else pytest.mark.slow, id=f"{name}-{side}")


@pytest.mark.parametrize(("name", "side"), list(_cases()))
def test_every_recipe_computes_in_bf16_what_float32_does(name: str, side: int) -> None:
    recipe = load_recipe(name)
    if open_data(recipe).spec.kind != "image":
        pytest.skip("a recipe of vectors")
    if name in ("realnvp", "nice", "glow", "spline-flow") and side == 64:
        pytest.skip("correlations of at most 4096 numbers")
    spec, batch = colour(recipe, side)
    layout = recipe.train.channels_last
    model = placed(build_model(recipe, spec), torch.device("cpu"), in_channels_last=layout)
    model.train()
    for stage, phase, groups in losses(model, recipe):
        with Calls() as calls:
            rounded = gradients(model, phase, groups, batch, "bf16-mixed")
        wrong = {key: error for key, error in calls.errors.items() if not error <= ALIKE}
        assert not wrong, f"{stage.name}, {phase.name}: {wrong}"
        if name in MAXIMUM_LIKELIHOOD:
            for ours, exact in zip(rounded, gradients(model, phase, groups, batch, "32"), strict=True):
                assert float(ours.norm()) == pytest.approx(float(exact.norm()), rel=ALIKE)


class Shared(Model):
    """A model whose loss uses one weight many times: as a recurrent or an unrolled network does.

    Args:
        uses: how often.
        kind: of the layer.
    """

    def __init__(self, uses: int, kind: str) -> None:
        super().__init__(DataSpec(example=Space(kind="vector", shape=(1,))))
        self.uses = uses
        self.layer = nn.Conv1d(1, 1, 1, bias=False) if kind == "convolution" else nn.Linear(1, 1, bias=False)
        self.kind = kind

    def phases(self) -> list[Phase]:
        return [Phase(name="all", updates={"layer": self.layer.parameters}, loss=self.loss)]

    def loss(self, batch: Batch, ctx: Context) -> dict[str, Tensor]:
        x = batch.x if self.kind != "convolution" else batch.x[:, None]
        total = torch.zeros(())
        for _ in range(self.uses):
            if self.kind == "nested":
                with torch.autocast("cpu", enabled=False), torch.autocast("cpu", torch.bfloat16):
                    total = total + self.layer(x).float().mean()
            else:
                total = total + self.layer(x).float().mean()
        return {"sum": total}


@pytest.mark.parametrize("kind", ["linear", "convolution", "nested"])
@pytest.mark.parametrize("uses", [300, 1000])
def test_all_uses_of_a_weight_count(uses: int, kind: str) -> None:
    model = Shared(uses, kind)
    groups = make_groups(model.stages()[0], resolve("optimizer", {"name": "sgd", "lr": 1.0}, "optimizer"))
    before = float(model.layer.weight.detach())
    updater = Updater(model, launch("cpu", "bf16-mixed"), accumulate=1, clip=None)
    share = Share(batch=Batch(torch.ones(2, 1)), start=0, total=2)
    updater.run(model.phases()[0], list(groups.values()), share, seed=0, progress=Progress())
    assert before - float(model.layer.weight.detach()) == pytest.approx(uses, rel=1e-3)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_dilated_kernels_have_their_gradient(layout: torch.memory_format) -> None:
    chance = torch.Generator().manual_seed(0)
    x = torch.randn(8, 33, 40, 40, generator=chance).contiguous(memory_format=layout)
    weight = torch.randn(16, 33, 2, 3, generator=chance).contiguous(memory_format=layout)
    found = []
    for enabled in (True, False):
        w = weight.clone().requires_grad_()
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            out = convolve_dilated(x.bfloat16() if enabled else x, w, None, 4)
        assert out.dtype == (torch.bfloat16 if enabled else torch.float32)
        found += torch.autograd.grad(out.float().square().sum(), w)
    assert float((found[0] - found[1]).norm() / found[1].norm()) < ALIKE
