"""Source files: parsed when needed, with components as a whole reading finds them."""

from __future__ import annotations

import ast
import gc

from genus.core.annotations import definition
from genus.core.registry import catalogue, component, components, forget_components
from genus.core.source_files import collector_paused, source_files


def test_files_know_their_modules_and_are_parsed_when_asked() -> None:
    forget_components()
    files = {file.module: file for file in source_files(("verbs", "core"))}
    file = files["genus.core.errors"]
    assert "body" not in vars(file)
    assert any(isinstance(node, ast.ClassDef) and node.name == "GenusError" for node in file.body)
    assert "genus.verbs" in files
    assert [node.name for node in files["genus.core.errors"].functions()] == ["nearest"]


def test_one_component_is_read_as_among_all_and_from_few_files() -> None:
    forget_components()
    component("model", "vae")
    files = source_files(("networks", "objectives", "models", "training", "data", "metrics", "lab"))
    parsed = [file.module for file in files if "body" in vars(file)]
    assert 0 < len(parsed) < 10, parsed
    for (kind, name), entry in catalogue().items():
        assert component(kind, name) == entry
        assert components(kind)[name] == entry


def test_a_definition_is_found_through_imports() -> None:
    found = definition("genus.models.adversarial.auxiliary_heads", "DataConditioning")
    assert found is not None
    assert found[0] == "genus.models.adversarial.conditioning_base"
    assert definition("genus.models.adversarial.auxiliary_heads", "Tensor") is None, "of another package"
    assert definition("genus.no.such.module", "Anything") is None


def test_the_collector_is_left_as_it_was() -> None:
    assert gc.isenabled()
    with collector_paused():
        assert not gc.isenabled()
        with collector_paused():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()
