"""``genus sample --condition``: what a model is told, in a user's words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import genus
from genus.core.errors import InputError
from tests.terminal import Result

Says = Callable[..., Result]

GAN = """
model:
  name: gan
  generator: {name: mlp, hidden: [16]}
  discriminator: {name: mlp, hidden: [16]}
  objective: hinge
  conditioning: concatenation
  latent: 4
data: {name: digit-attributes, digits: digits8}
train: {length: 2, batch: 10, device: cpu}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory with a recipe."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.yaml").write_text(GAN)
    return tmp_path


def drawn(says: Says, *words: object) -> np.ndarray:
    assert says("sample", "run", "-n", 6, *words, "--out", "x.npy").code == 0
    return np.load("x.npy")


def test_what_is_given_is_used_and_what_does_not_fit_is_explained(genus_says: Says) -> None:
    assert genus_says("train", "small.yaml", "--out", "run").code == 0
    assert list(Path("run", "samples").iterdir()), "a sheet, with conditions of the data"
    free = drawn(genus_says)
    np.testing.assert_array_equal(free, drawn(genus_says))
    one = drawn(genus_says, "--condition", "slant=0.5,thickness=2")
    assert not np.array_equal(one, drawn(genus_says, "--condition", "slant=-5,thickness=2"))
    assert not np.array_equal(one, drawn(genus_says, "--given", "slant=0.5"))  # thickness of test digits
    np.testing.assert_array_equal(one, genus.sample("run", 6, condition={"slant": 0.5, "thickness": 2}))
    model = genus.load("run")
    np.testing.assert_array_equal(one, genus.sample(model, 6, condition={"slant": 0.5, "thickness": 2}))
    with pytest.raises(InputError, match="give its run"):
        genus.sample(model, 6, condition={"slant": 0.5})
    for words, what in (
        (("--condition", "slnt=1"), "did you mean 'slant'"),
        (("--label", "3"), "no classes; it is conditioned on columns slant, thickness"),
    ):
        said = genus_says("sample", "run", *words)
        assert (said.code, what in said.err) == (2, True), said.err
    said = genus_says("evaluate", "run", "--data", "digits8")
    assert (said.code, "come with something else" in said.err) == (2, True), said.err


def test_codes_are_chosen_by_name_and_the_rest_is_random(genus_says: Says) -> None:
    small = ("model.generator.width=4", "model.discriminator.width=4", "train.length=2", "train.device=cpu")
    assert genus_says("train", "infogan", "--data", "digits8", *small, "--out", "run").code == 0
    free = drawn(genus_says)
    np.testing.assert_array_equal(free, genus.sample("run", 6))
    one = drawn(genus_says, "--condition", "category=3")
    np.testing.assert_array_equal(one, genus.sample("run", 6, condition={"category": 3}))
    assert not np.array_equal(one, free)
    both = drawn(genus_says, "--condition", "category=3,code1=-1")
    np.testing.assert_array_equal(
        both, genus.sample(genus.load("run"), 6, condition={"category": 3, "code1": -1})
    )
    assert not np.array_equal(one, both)
    for words, what in (
        (("--condition", "category=10"), "give a whole number from 0 to 9"),
        (("--condition", "code1=1.5"), "give a number in [−1, 1]"),
        (("--condition", "kategory=1"), "did you mean 'category'"),
        (("--condition", "three"), "codes are written category=NUMBER"),
        (("--label", "3"), "use condition, such as category=1"),
    ):
        said = genus_says("sample", "run", *words)
        assert (said.code, what in said.err) == (2, True), said.err
    said = genus_says("explore", "run", "--kind", "traversal", "--rows", 3, "--columns", 3, "--code", "code2")
    assert said.out == (
        "explored.png: code2 -1, 0, 1 from left to right, category 0, 1, 2 from top to bottom\n"
    ), said.err


def test_models_of_classes_or_of_nothing_say_so(genus_says: Says) -> None:
    recipe = Path("small.yaml").read_text().replace("{name: digit-attributes, digits: digits8}", "digits8")
    Path("classes.yaml").write_text(recipe)
    Path("free.yaml").write_text(recipe.replace("concatenation", "null"))
    for name, what in (("classes", "the classes are 0, 1"), ("free", "so it takes none")):
        assert genus_says("train", f"{name}.yaml", "--out", name).code == 0
        said = genus_says("sample", name, "--condition", "slant=1")
        assert (said.code, what in said.err) == (2, True), said.err


def test_samples_of_a_table_with_offsets_are_written_in_its_own_numbers(
    genus_says: Says, folder: Path
) -> None:
    times = 1_700_000_000 + 60 * np.arange(100)
    Path("t.csv").write_text("time,x\n" + "".join(f"{t},{t % 7}\n" for t in times))
    genus.train("gmm", data="t.csv", out="run", overrides=["train.length=2 epochs", "model.components=2"])
    samples = genus.sample("run", 50)
    assert samples.dtype == np.float64
    assert abs(samples[:, 0].mean() - times.mean()) < 2000
    assert len(np.unique(samples[:, 0])) > 40
