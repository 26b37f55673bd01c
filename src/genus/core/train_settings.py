"""Settings of a training and the expectations of a recipe: the keys that every recipe has."""

from __future__ import annotations

from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, field_validator

from genus.core.errors import RecipeError
from genus.core.length import Length
from genus.core.ranges import Count, Natural, Number, Positive, Whole

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast where it was compiled


def check_length(value: Any) -> Any:
    """Pass a value that :meth:`Length.parse` reads, or None; for fields of schemas.

    Raises:
        ValueError: saying how lengths are written.
    """
    if value is not None:
        try:
            Length.parse(value)
        except RecipeError as error:
            raise ValueError(str(error)) from None
    return value


class TrainSettings(BaseModel):
    """How long and how to train; the same keys for every model."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    length: Whole | Number | str = Field(description="iterations, '2 minutes', '500k samples' or '10 epochs'")
    batch: Count = Field(64, description="examples per update, over all ranks")
    seed: Natural = Field(0, description="seed of weights, data order and noise")
    precision: Literal["32", "bf16-mixed", "auto"] = Field(
        "32", description="arithmetic of forward passes; auto: bf16-mixed where the hardware is fast at it"
    )
    labels: Count | None = Field(None, description="labels the model may see; null for all")
    accumulate: Count = Field(1, description="micro-batches per update")
    clip: Positive | None = Field(None, description="largest norm of a group's gradient")
    ema: Number | None = Field(None, gt=0, lt=1, description="decay of the averaged weights; null for none")
    schedule: Any = Field("constant", description="learning-rate schedule")
    warmup: Natural = Field(0, description="iterations over which the learning rate rises from 0")
    channels_last: bool = Field(False, description="memory layout of image networks")
    workers: Natural = Field(0, description="processes that read data")
    save_every: Whole | Number | str = Field("60 seconds", description="between checkpoints")
    keep: Count = Field(2, description="newest checkpoints kept, besides the best")
    sample_every: Whole | Number | str = Field("30 seconds", description="between sample sheets")
    score_every: Whole | Number | str | None = Field(None, description="between scores; null for none")
    score_samples: Whole = Field(500, ge=10, description="examples per score")
    patience: Count | None = Field(
        None, description="stop after so many scores without a better one; null for never"
    )
    log_every: Count = Field(10, description="iterations between lines of metrics.jsonl")
    doctor: Literal["off", "watch", "act"] = Field(
        "watch", description="name illnesses of the run as they show; act: also treat them with smaller steps"
    )
    doctor_every: Whole | Number | str | None = Field(
        None, description="between the doctor's looks at samples; null for ten per run"
    )
    tensorboard: bool = Field(False, description="also write TensorBoard events")
    device: Literal["auto", "cpu", "cuda", "mps"] = Field("auto", description="where to train")

    @field_validator("precision", mode="before")
    @classmethod
    def _text(cls, value: Any) -> Any:
        return str(value)

    @field_validator("length", "save_every", "sample_every", "score_every", "doctor_every")
    @classmethod
    def _length(cls, value: Any) -> Any:
        return check_length(value)


class Expects(BaseModel):
    """What the recipe's author measured."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cost: str = Field("", description="time on two CPU cores")
    numbers: dict[str, str] = Field(default_factory=dict, description="scores with their conditions")
