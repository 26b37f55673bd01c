"""LAPGAN: real images put together again, pairs that train alone, samples of any size."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from genus.core.binder import build, resolve
from genus.core.errors import RecipeError
from genus.core.noise import Noise
from genus.core.phase import Context, Progress
from genus.core.space import Space, class_space
from genus.core.spec import DataSpec
from genus.layers.pyramid import enlarge, laplacian, shrink
from genus.sampling.draw import draw
from tests.models.adversarial.test_gan import batch_of

SPECS = [
    DataSpec(example=Space(kind="image", shape=(1, 17, 24), range=(0.0, 1.0))),
    DataSpec(example=Space(kind="sequence", shape=(2, 31), range=(-1.0, 1.0))),
    DataSpec(example=Space(kind="volume", shape=(1, 8, 9, 11), range=(0.0, 1.0))),
    DataSpec(example=Space(kind="image", shape=(3, 16, 19))),
]


def pyramid_gan(spec: DataSpec, **changes: Any) -> Any:
    torch.manual_seed(0)
    coarse, level = {"name": "mlp", "hidden": [8]}, {"name": "laplacian-level", "width": 4}
    config = {
        "name": "lapgan", "coarse_generator": coarse, "coarse_discriminator": coarse, "generator": level,
        "discriminator": level, "objective": "non-saturating", "latent": 4, "smallest": 4, **changes,
    }  # fmt: skip
    return build("model", resolve("model", config, "model"), spec)


def name_of(spec: DataSpec) -> str:
    return f"{spec.kind}{spec.shape}"


class Says(nn.Module):
    """A player that says what it was told to."""

    def __init__(self, answer: Tensor) -> None:
        super().__init__()
        self.answer = answer

    def forward(self, *_: Any) -> Tensor:
        return self.answer


@pytest.mark.parametrize("spec", SPECS, ids=name_of)
def test_real_images_are_put_together_again(spec: DataSpec) -> None:
    """When every generator draws what the real pyramid has, sampling gives the real images."""
    model = pyramid_gan(spec)
    x = batch_of(spec).x * 0.9 + 0.05
    inward = model.scaling.inward(x)
    smallest, *details = laplacian(inward, model.sizes)
    model.coarse_generator = Says(smallest.atanh() if spec.range is not None else smallest)
    model.generators = nn.ModuleList(Says(detail) for detail in details)
    torch.testing.assert_close(model.sample(len(x), noise=Noise(0)), x, rtol=0, atol=1e-5)


@pytest.mark.parametrize("spec", SPECS, ids=name_of)
def test_samples_have_the_shape_and_range_of_the_data(spec: DataSpec) -> None:
    model = pyramid_gan(spec)
    x = draw(model, 5, seed=0)
    assert x.shape == (5, *spec.shape)
    assert torch.isfinite(x).all()
    if spec.range is not None:
        assert spec.range[0] <= x.min() <= x.max() <= spec.range[1]
    torch.testing.assert_close(draw(model, 5, seed=0, batch=2), x, rtol=0, atol=1e-5)


def test_each_stage_trains_its_own_pair_and_nothing_else() -> None:
    model = pyramid_gan(SPECS[0])
    stages = model.stages()
    assert len(stages) == len(model.sizes) == 3  # 5×6, 9×12, 17×24
    seen: set[int] = set()
    for number, stage in enumerate(stages):
        own: set[int] = set()
        for phase in stage.phases:
            terms = phase.loss(batch_of(SPECS[0]), Context(noise=Noise(0)))
            updated = [p for group in phase.updates.values() for p in group()]
            gradients = torch.autograd.grad(
                torch.stack(list(terms.values())).sum(), updated, allow_unused=True
            )
            moved = [g is not None and bool(g.any()) for g in gradients]
            # the generator's score does not depend on the offset of anything behind it
            assert sum(moved) >= len(moved) - 1, (number, phase.name)
            own |= {id(p) for p in updated}
        assert not own & seen
        seen |= own
    assert seen == {id(p) for p in model.parameters()}


def test_a_level_compares_real_and_generated_detail_on_the_same_ground() -> None:
    """The discriminator sees (image, enlarged smaller image); with real detail the two are the same."""
    spec = SPECS[0]
    model = pyramid_gan(spec)
    x = model.scaling.inward(batch_of(spec).x)
    low = enlarge(shrink(x, model.sizes[1]), model.sizes[2])
    model.generators[1] = Says(x - low)
    seen: list[Tensor] = []
    model.discriminators[1].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    phase = model.stages()[2].phases[0]
    phase.loss(batch_of(spec), Context(noise=Noise(0)))
    of_real, of_fake = seen
    assert torch.equal(of_real, torch.cat([x, low], 1))
    torch.testing.assert_close(of_fake, of_real, rtol=0, atol=1e-6)


def test_the_smallest_image_is_that_of_its_class() -> None:
    spec = DataSpec(
        example=Space(kind="image", shape=(1, 16, 16), range=(0.0, 1.0)), condition=class_space(("a", "b"))
    )
    model = pyramid_gan(spec, conditioning={"name": "projection", "features": 8})
    assert model.conditional
    first, second = (draw(model, 4, condition=torch.full((4,), k), seed=0) for k in (0, 1))
    assert not torch.allclose(first, second)


def test_pieces_that_look_at_the_batch_get_it_whole() -> None:
    def whole(**changes: Any) -> list[bool]:
        return [p.whole_batch for s in pyramid_gan(SPECS[0], **changes).stages() for p in s.phases]

    assert not any(whole())
    assert all(whole(objective="relativistic-hinge"))


LABELLED = DataSpec(
    example=Space(kind="image", shape=(1, 16, 16), range=(0.0, 1.0)), condition=class_space(("a", "b"))
)


def test_players_of_every_level_are_told_the_class() -> None:
    """On the same ground and noise, detail and scores differ between classes."""
    model = pyramid_gan(LABELLED, conditioning={"name": "projection", "features": 8})
    for level in range(1, len(model.sizes)):
        x = torch.randn(3, 1, *model.sizes[level])
        first, second = (torch.full((3,), k) for k in (0, 1))
        detail = [model._draw(level, 3, x, condition, Noise(0)) for condition in (first, second)]
        assert not torch.allclose(*detail)
        judge = model.discriminators[level - 1]
        pair = torch.cat([x, x], 1)
        assert not torch.allclose(judge(pair, first).score, judge(pair, second).score)


def test_codes_that_are_not_of_the_data_stay_with_the_smallest_image() -> None:
    model = pyramid_gan(LABELLED, conditioning={"name": "information", "features": 8})
    assert not model.conditional
    for stage in model.stages():
        terms = stage.phases[1].loss(batch_of(LABELLED), Context(noise=Noise(0)))
        assert ("category" in terms) == (stage.name == "level 1 of 3")


@pytest.mark.parametrize("level", [1, 2])
def test_penalties_are_slopes_by_the_image_alone_and_lazy(level: int) -> None:
    """R1 of D(x, l) is ½ E‖∂D/∂x‖², here with l held; every second iteration at twice the weight.

    A smaller image has a share of it, that of its elements.
    """
    r1 = {"name": "r1", "weight": 3.0}
    model = pyramid_gan(LABELLED, penalties=[r1], penalty_every=2).double().eval()
    batch = batch_of(LABELLED)
    batch = replace(batch, x=batch.x.double())
    real, low = model._real(level, batch)
    x = real.clone().requires_grad_(True)
    score = model.discriminators[level - 1](torch.cat([x, low], 1), None).score.sum()
    (slope,) = torch.autograd.grad(score, x)
    share = slope[0].numel() / batch.x[0].numel()
    expected = share * 2 * 3.0 / 2 * slope.square().flatten(1).sum(1).mean()
    even, odd = (
        model.discriminator_loss(level, batch, Context(noise=Noise(0), progress=Progress(stage_iteration=i)))
        for i in (0, 1)
    )
    assert even["penalty 0"].item() == pytest.approx(expected.item(), rel=1e-5)
    assert "penalty 0" not in odd


def test_the_smallest_players_have_rates_of_their_own() -> None:
    small = DataSpec(example=Space(kind="image", shape=(1, 8, 8), range=(0.0, 1.0)))
    for spec, finer in ((LABELLED, {"generator", "discriminator"}), (small, set[str]())):
        model = pyramid_gan(spec, smallest=8)
        groups = {name for stage in model.stages() for phase in stage.phases for name in phase.updates}
        assert groups == {"coarse_generator", "coarse_discriminator"} | finer
        assert groups | set(model.groups_elsewhere) == groups | {"generator", "discriminator"}


def test_smaller_images_may_be_trained_longer() -> None:
    assert [stage.share for stage in pyramid_gan(LABELLED, coarser_share=3.0).stages()] == [9.0, 3.0, 1.0]


def test_a_smallest_image_of_one_place_is_refused() -> None:
    for smallest in (1, 0):
        with pytest.raises(RecipeError, match=r"model\.smallest.*(choose 2 or more|than or equal to 1)"):
            pyramid_gan(LABELLED, smallest=smallest)
    assert pyramid_gan(LABELLED, smallest=2).sizes[0] == (2, 2)
