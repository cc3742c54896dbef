"""The decoder is trained by itself: latents stay what they were, and pictures come out nearer."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import typer
from diffusers import AutoencoderKL
from typer.testing import CliRunner

import engine
from miniature import WEIGHTS
from miniature.recipe import decoder
from miniature.recipe.data import HELD_OUT


def test_no_two_steps_have_the_same_renders_and_none_is_held_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder, "BATCH", 4)
    first, second = decoder.renders(0), decoder.renders(1)
    assert first.shape == (4, 64, 64, 3)
    assert len({picture.tobytes() for picture in (*first, *second)}) == 8
    np.testing.assert_array_equal(first, decoder.renders(0))
    assert decoder.STEPS * decoder.BATCH < HELD_OUT


def test_a_decoder_of_no_use_learns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder, "BATCH", 4)
    vae = AutoencoderKL.from_pretrained(WEIGHTS / "vae")
    torch.nn.init.zeros_(vae.decoder.conv_out.weight)
    before = decoder.loss_at(1000, vae, "cpu")
    trained = decoder.train(vae, tmp_path, "cpu", steps=12)
    assert decoder.loss_at(1000, trained, "cpu") < 0.98 * before


def test_the_command_changes_the_decoder_of_a_package_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoder, "BATCH", 2)
    package = tmp_path / "package"
    shutil.copytree(WEIGHTS, package)
    app = typer.Typer()
    app.command()(decoder.main)
    result = CliRunner().invoke(app, [str(package), "--runs", str(tmp_path), "--steps", "2"])
    assert result.exit_code == 0, result.output
    assert (package / "vae" / "config.json").read_text() == (WEIGHTS / "vae" / "config.json").read_text()
    old, new = (AutoencoderKL.from_pretrained(folder / "vae").state_dict() for folder in (WEIGHTS, package))
    changed = {name.partition(".")[0] for name in old if not torch.equal(old[name], new[name])}
    assert changed == {"decoder", "post_quant_conv"}
    assert engine.load(package).revision != engine.load("miniature").revision


def test_a_checkpoint_of_another_package_brings_no_other_encoder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoder, "BATCH", 2)
    first, second = (AutoencoderKL.from_pretrained(WEIGHTS / "vae") for _ in range(2))
    torch.nn.init.zeros_(second.encoder.conv_in.weight)
    trained = decoder.train(first, tmp_path, "cpu", steps=1)
    resumed = decoder.train(second, tmp_path, "cpu", steps=1)
    assert not resumed.encoder.conv_in.weight.any()
    assert torch.equal(resumed.decoder.conv_out.weight, trained.decoder.conv_out.weight)
