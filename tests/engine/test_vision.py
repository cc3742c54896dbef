"""The vision tower: frozen, exact, and asked for only where it is there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from transformers.utils import logging

import engine
from engine.errors import UnknownModel
from engine.vision import load_tower, normalisation


def test_the_vision_tower_is_frozen_and_in_float32(folder: Path) -> None:
    model = engine.load(folder, dtype="bfloat16")

    assert model.vision is model.vision
    assert not model.vision.training
    for weight in model.vision.parameters():
        assert (weight.dtype, weight.requires_grad) == (torch.float32, False)


def test_a_model_without_a_vision_tower_says_what_to_do(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    shutil.rmtree(copy / "image_encoder")
    model = engine.load(copy)

    with pytest.raises(UnknownModel, match="image_encoder"):
        _ = model.vision


def test_a_damaged_vision_tower_is_refused(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    (copy / "image_encoder" / "model.safetensors").write_bytes(b"x" * 100)
    model = engine.load(copy)

    with pytest.raises(UnknownModel, match="image_encoder"):
        _ = model.vision


@pytest.mark.parametrize("content", ["{", "[]"])
def test_a_damaged_normalisation_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "feature_extractor" / "preprocessor_config.json"
    file.parent.mkdir()
    file.write_text(content)

    with pytest.raises(UnknownModel, match=r"preprocessor_config.json cannot be read"):
        normalisation("this", tmp_path)


def test_a_tower_from_elsewhere_serves_where_the_folder_has_none(folder: Path, tmp_path: Path) -> None:
    tower = load_tower("this", tmp_path, str(folder / "image_encoder"))

    own = load_tower("this", folder, str(tmp_path / "nothing"))
    assert all(torch.equal(a, b) for a, b in zip(tower.parameters(), own.parameters(), strict=True))
    with pytest.raises(UnknownModel, match="nothing"):
        load_tower("this", tmp_path, str(tmp_path / "nothing"))


def test_nobody_hears_of_the_rest_of_clip(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    heard = logging.is_progress_bar_enabled(), logging.get_verbosity()

    load_tower("this", folder, None)

    assert (logging.is_progress_bar_enabled(), logging.get_verbosity()) == heard
    assert capfd.readouterr() == ("", "")
