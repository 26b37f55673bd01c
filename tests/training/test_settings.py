"""No setting of training is dead: each changes what is trained, or does what it says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import genus
from genus.core.errors import InputError, RecipeError
from genus.core.recipe import load_recipe
from genus.core.train_settings import TrainSettings
from genus.training.callbacks import Callback, Moment
from genus.training.devices import launch
from genus.training.doctor.record import read_record
from genus.training.run import Run
from tests.tiny import tiny_config

SIGNIFICANT: dict[str, dict[str, Any]] = {
    "length": {"length": 6},
    "batch": {"batch": 11},
    "seed": {"seed": 1},
    "precision": {"precision": "bf16-mixed"},
    "clip": {"clip": 1e-3},
    "schedule": {"schedule": "linear"},
    "warmup": {"warmup": 3},
}
"""Settings that change the weights."""


def train(out: Path, *callbacks: Callback, **settings: Any) -> Run:
    """A short real training."""
    return genus.train(tiny_config("dcgan", **settings), out=out, callbacks=callbacks)


def weights_of(run: Run, stem: str = "model") -> torch.Tensor:
    """All floating tensors of a checkpoint, flat."""
    tensors = run.load().tensors[stem]
    return torch.cat(
        [tensors[n].flatten().double() for n in sorted(tensors) if tensors[n].is_floating_point()]
    )


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The training that others are compared with."""
    return train(tmp_path_factory.mktemp("plain") / "run", ema=None)


@pytest.mark.parametrize("name", SIGNIFICANT)
def test_changes_the_weights(name: str, plain: Run, tmp_path: Path) -> None:
    run = train(tmp_path / "run", **{"ema": None, **SIGNIFICANT[name]})
    assert not torch.equal(weights_of(run), weights_of(plain))


def test_nothing_else_changes_them(plain: Run, tmp_path: Path) -> None:
    run = train(
        tmp_path / "run", ema=0.9, workers=1, save_every=1, keep=3, sample_every=1, score_every=2,
        score_samples=20, log_every=2, tensorboard=False,
    )  # fmt: skip
    assert torch.equal(weights_of(run), weights_of(plain))


def test_ema(plain: Run, tmp_path: Path) -> None:
    runs = [train(tmp_path / str(decay), ema=decay) for decay in (0.01, 0.05)]
    assert not torch.equal(weights_of(runs[0], "ema"), weights_of(runs[1], "ema"))
    assert "ema" not in plain.load().tensors


class Spy(Callback):
    """What was shown when."""

    def __init__(self) -> None:
        self.sheets: list[int] = []
        self.scores: list[int] = []
        self.logs: list[int] = []

    def sampled(self, moment: Moment, path: Path) -> None:
        assert path.is_file()
        self.sheets.append(moment.iteration)

    def scored(self, moment: Moment, scores: Any) -> None:
        self.scores.append(moment.iteration)

    def logged(self, moment: Moment, values: Any) -> None:
        self.logs.append(moment.iteration)


def test_save_every_and_keep(tmp_path: Path) -> None:
    def saved(**settings: Any) -> list[int]:
        run = train(tmp_path / str(settings), length=6, **settings)
        return sorted(int(path.name) for path in run.checkpoints.iterdir())

    assert saved(save_every=100) == [6]
    assert saved(save_every=2, keep=9) == [2, 4, 6]
    assert saved(save_every=2, keep=2) == [4, 6]


def test_sample_every_and_score_every_and_log_every(tmp_path: Path) -> None:
    spy = Spy()
    train(tmp_path / "run", spy, length=12, sample_every=5, score_every=4, score_samples=20, log_every=6)
    assert spy.sheets == [5, 10, 12]
    assert spy.scores == [4, 8, 12]
    assert spy.logs == [1, 2, 3, 4, 5, 6, 12]


def test_score_samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def quick(model: Any, reference: Any, *, n: int) -> dict[str, float]:
        asked.append(n)
        return {"fake": 1.0}

    monkeypatch.setattr("genus.metrics.quick.quick_scores", quick)
    train(tmp_path / "run", score_every=4, score_samples=33)
    assert asked == [33]


def test_patience(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genus.metrics.quick.quick_scores", lambda model, reference, n: {"fake": 1.0})
    run = train(tmp_path / "run", length=20, score_every=1, patience=2)
    assert run.load().number == 3


def test_accumulate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from genus.models.adversarial.gan import GAN

    sizes: list[int] = []
    loss = GAN.discriminator_loss

    def spy(self: GAN, batch: Any, ctx: Any) -> Any:
        sizes.append(len(batch))
        return loss(self, batch, ctx)

    monkeypatch.setattr(GAN, "discriminator_loss", spy)
    train(tmp_path / "run", length=1, batch=13, accumulate=3, ema=None)
    assert len(sizes) == 3
    assert 12 <= sum(sizes) <= 13


def test_channels_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from genus.training.engine import Engine

    layouts: list[bool] = []
    fit = Engine.fit

    def look(self: Engine) -> None:
        weights = [m.weight for m in self.model.modules() if isinstance(m, torch.nn.Conv2d)]
        wide = [w for w in weights if w.shape[1] > 1]
        layouts.append(all(w.is_contiguous(memory_format=torch.channels_last) for w in wide))
        fit(self)

    monkeypatch.setattr(Engine, "fit", look)
    train(tmp_path / "a", length=1, channels_last=True)
    train(tmp_path / "b", length=1, channels_last=False)
    assert layouts == [True, False]


@pytest.mark.filterwarnings("default::genus.core.recipe.RecipeNote")
def test_channels_of_volumes_come_last_too(tmp_path: Path) -> None:
    volumes = tmp_path / "volumes.npy"
    np.save(volumes, np.random.default_rng(0).random((40, 8, 9, 10), dtype=np.float32))
    small = ["model.generator.width=4", "model.discriminator.width=4", "model.conditioning=null"]
    short = ["train.batch=8", "train.length=2", "train.ema=null", "train.precision='32'"]
    even = "optimizer={name: sgd, lr: 0.01}"  # Adam would make steps of rounding errors
    first, second = (
        genus.train(
            "sngan",
            data=str(volumes),
            overrides=[*small, *short, even, f"train.channels_last={last}"],
            out=tmp_path / last,
        )
        for last in ("true", "false")
    )
    assert torch.allclose(weights_of(first), weights_of(second), atol=1e-5)


def test_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import genus.data.loader as loader

    asked: list[int] = []
    real = loader.DataLoader

    def spy(*arguments: Any, **options: Any) -> Any:
        asked.append(options["num_workers"])
        return real(*arguments, **options)

    monkeypatch.setattr(loader, "DataLoader", spy)
    train(tmp_path / "run", length=2, workers=1, ema=None)
    assert asked == [1]


def test_device(tmp_path: Path) -> None:
    missing = [
        name
        for name, there in (("cuda", torch.cuda.is_available()), ("mps", torch.backends.mps.is_available()))
        if not there
    ]
    assert missing, "this machine has every device, so there is nothing to refuse"
    for name in missing:
        with pytest.raises(InputError, match=rf"train\.device={name}: this machine has none"):
            train(tmp_path / name, device=name)
        assert not (tmp_path / name).exists()


def test_tensorboard(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    run = train(tmp_path / "run", tensorboard=True)
    assert list((run.path / "tensorboard").glob("events*"))


def test_doctor_and_doctor_every(plain: Run, tmp_path: Path) -> None:
    watched = train(tmp_path / "watched", ema=None, doctor="watch", doctor_every=2)
    assert torch.equal(weights_of(watched), weights_of(plain))
    assert [line["iteration"] for line in read_record(watched.doctor_path) if "look" in line] == [2, 4]
    assert not plain.doctor_path.exists(), "it was off"


def test_labels(tmp_path: Path) -> None:
    """Fewer labels train a semi-supervised model otherwise; others refuse to do with few."""
    few, more = (
        genus.train(tiny_config("improved-gan", ema=None, labels=labels), out=tmp_path / str(labels))
        for labels in (20, 1000)
    )
    assert not torch.equal(weights_of(few), weights_of(more))
    with pytest.raises(RecipeError, match="semi-supervised"):
        train(tmp_path / "run", labels=20)


TESTED: dict[str, Callable[..., None]] = {
    **dict.fromkeys(SIGNIFICANT, test_changes_the_weights),
    "accumulate": test_accumulate,
    "channels_last": test_channels_last,
    "device": test_device,
    "doctor": test_doctor_and_doctor_every,
    "doctor_every": test_doctor_and_doctor_every,
    "ema": test_ema,
    "keep": test_save_every_and_keep,
    "labels": test_labels,
    "log_every": test_sample_every_and_score_every_and_log_every,
    "patience": test_patience,
    "sample_every": test_sample_every_and_score_every_and_log_every,
    "save_every": test_save_every_and_keep,
    "score_every": test_sample_every_and_score_every_and_log_every,
    "score_samples": test_score_samples,
    "tensorboard": test_tensorboard,
    "workers": test_workers,
}


def test_every_setting_is_tested() -> None:
    assert TESTED.keys() == TrainSettings.model_fields.keys()


@pytest.mark.parametrize(
    "bad",
    [
        "length=0", "length=soon", "batch=0", "seed=-1", "precision=16", "accumulate=0", "clip=0",
        "ema=1", "ema=0", "schedule=stairs", "warmup=-1", "keep=0", "save_every=never", "workers=-1",
        "score_samples=1", "patience=0", "log_every=0", "device=tpu", "lenght=3",
    ],
)  # fmt: skip
def test_impossible_settings_are_refused(bad: str) -> None:
    with pytest.raises(RecipeError, match=r"^train\." + bad.split("=")[0].replace(".", r"\.")):
        load_recipe("dcgan", [f"train.{bad}"])


@pytest.mark.parametrize(("supported", "precision"), [((), "32-true"), (("amx_tile",), "bf16-mixed")])
def test_automatic_precision_asks_the_processor(
    supported: tuple[str, ...], precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("amx_tile", "avx512_bf16"):
        monkeypatch.setattr(torch.cpu, f"_is_{name}_supported", lambda name=name: name in supported)
    assert launch("cpu", "auto")._precision.precision == precision
    assert launch("cpu", "bf16-mixed")._precision.precision == "bf16-mixed"
    assert launch("cpu", "32")._precision.precision == "32-true"
