"""Training further: what a batch holds, what a checkpoint keeps, what one run of the command leaves."""

from pathlib import Path

import numpy as np
import pytest
import torch
import typer
from diffusers import AutoencoderKL
from safetensors.torch import load_file
from torch import nn
from transformers import CLIPTokenizer
from typer.testing import CliRunner

import engine
from miniature import WEIGHTS, train
from miniature.recipe import checkpoint, corpus, further, projection
from miniature.recipe.clip import token_ids

TOKENIZER = CLIPTokenizer.from_pretrained(WEIGHTS / "tokenizer")


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> corpus.Corpus:
    vae = AutoencoderKL.from_pretrained(WEIGHTS / "vae").eval()
    return corpus.kept(tmp_path_factory.mktemp("corpus"), vae, TOKENIZER, "cpu", 12)


def shorten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fit the projection to next to nothing."""
    monkeypatch.setattr(train.projection, "SCENES", 8)
    monkeypatch.setattr(train.projection, "STEPS", 2)


def test_a_corpus_holds_both_worlds_each_scene_with_several_captions(known: corpus.Corpus) -> None:
    rows = 2 * 12 * corpus.RENDERS
    assert known.mean.shape == known.std.shape == (rows, 6, 16, 16)
    assert known.ids.shape == (rows, corpus.CAPTIONS, 48)
    assert known.wide.sum() == rows // 2
    own, other = known.ids[:, 0], known.ids[:, 1]
    assert (own != other).any(-1).float().mean() > 0.7
    named = known.spoken[:, 0].any(-1)
    assert torch.equal(known.spoken[:, -1].any(-1), named)
    assert (known.covered.flatten(2).any(-1) == named).all()


def test_a_scene_is_rendered_on_several_textures() -> None:
    scenes = [scene for scene, wide in corpus.drawn(5) if wide]
    for first, second in zip(scenes[::2], scenes[1::2], strict=True):
        assert first.things == second.things
        assert first.mask(second).mean() > 0.3


def test_half_of_a_batch_is_of_the_wider_world(known: corpus.Corpus) -> None:
    groups = further.groups_of(known)
    for step in range(5):
        rows = further.rows_of(step, 16, groups)
        assert known.wide[rows].tolist() == [True] * 8 + [False] * 8
        assert known.demanding[rows[12:]].all()
        np.testing.assert_array_equal(rows, further.rows_of(step, 16, groups))


def test_the_rate_warms_up_holds_and_falls_over_the_last_fifth() -> None:
    plan = further.Plan(seconds=100, lr=1.0)
    rates = [plan.rate(step, spent) for step, spent in ((0, 0), (49, 1), (500, 5), (500, 79.9), (500, 90))]
    assert rates == pytest.approx([0.01, 0.5, 1, 1, 0.5], abs=1e-3)
    assert plan.rate(500, 100) == plan.rate(500, 130) == 0


def test_the_text_encoder_and_the_unet_learn_together(known: corpus.Corpus) -> None:
    model = further.painter_of(WEIGHTS).train()
    rows = torch.arange(20, 28)
    empty = token_ids(TOKENIZER, [""])[0]
    loss = further.loss_at(0, model, known, rows, empty, 0.43)
    loss.backward()
    assert loss.item() == further.loss_at(0, model, known, rows, empty, 0.43).item()
    for part in (model.unet, model.text):
        norms = [p.grad.norm() for p in part.parameters() if p.grad is not None]
        assert len(norms) > 60
        assert sum(norms) > 0


def test_a_checkpoint_is_small_and_resumes_where_it_stopped(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = nn.Linear(64, 64)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    for _ in range(30):
        model(torch.randn(8, 64)).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    averaged = {name: value + 1e-4 * torch.randn_like(value) for name, value in model.state_dict().items()}
    path = tmp_path / "some.safetensors"
    checkpoint.save(path, model, averaged, optimizer, 30)
    assert path.stat().st_size < 6.5 * sum(p.numel() for p in model.parameters()) + 2000

    again = nn.Linear(64, 64)
    fresh = torch.optim.AdamW(again.parameters(), lr=1e-3)
    found, step = checkpoint.restore(path, again, fresh)
    assert step == 30
    for name, value in model.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value, atol=1e-4, rtol=1e-3)
        torch.testing.assert_close(found[name], averaged[name], atol=1e-4, rtol=1e-3)
        distance = found[name] - again.state_dict()[name]
        torch.testing.assert_close(distance, averaged[name] - value, atol=2e-6, rtol=1e-2)
    kept = [optimizer.state[p]["exp_avg_sq"] for p in model.parameters()]
    for parameter, moment in zip(again.parameters(), kept, strict=True):
        torch.testing.assert_close(fresh.state[parameter]["exp_avg_sq"], moment, atol=1e-9, rtol=1e-2)
    again(torch.randn(8, 64)).square().mean().backward()
    fresh.step()


@pytest.mark.parametrize(("text", "length"), [("90s", 90), ("10m", 600), ("2h", 7200)])
def test_a_budget_is_a_length_of_time(text: str, length: int) -> None:
    assert train.seconds(text) == length


@pytest.mark.parametrize("text", ["", "10", "0m", "ten minutes", "1.5h"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="10m"):
        train.seconds(text)


def test_the_command_trains_resumes_and_leaves_a_package_that_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shorten(monkeypatch)
    monkeypatch.setattr(train.samples, "STEPS", 1)
    monkeypatch.setattr(train.samples, "PROMPTS", ("a cat on grass", "grass"))
    app = typer.Typer()
    app.command()(train.main)
    monkeypatch.setattr(train.evaluate, "STEPS", 1)
    asked = ["--budget", "1s", "--scenes", "4", "--batch", "4", "--runs", str(tmp_path)]
    for more in (["--measure", "0"], ["--resume", "--measure", "8"]):
        result = CliRunner().invoke(app, [*asked, *more], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        assert (tmp_path / "package" / "README.md").exists() is ("--resume" in more)
        steps = int(load_file(tmp_path / train.CHECKPOINT)["step"])
    first, second = (int(path.stem.split("-")[1]) for path in sorted(tmp_path.glob("samples-*.png")))
    assert 0 < first < second == steps
    package = tmp_path / "package"
    card = (package / "README.md").read_text()
    assert "measured by `python -m miniature.evaluate` on 8 held-out captions" in card
    assert "| autoencoder, photo | 3" in card
    models = engine.load(package)
    assert models.revision != engine.load("miniature").revision
    assert not torch.equal(projection.load(package).weight, projection.load(WEIGHTS).weight)


def test_the_package_of_a_checkpoint_can_be_written_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shorten(monkeypatch)
    model = further.painter_of(WEIGHTS)
    averaged = {name: value * 1.01 for name, value in model.state_dict().items()}
    optimizer = torch.optim.AdamW(model.parameters())
    checkpoint.save(tmp_path / train.CHECKPOINT, model, averaged, optimizer, 1)
    app = typer.Typer()
    app.command()(train.main)
    asked = ["--export", "--runs", str(tmp_path), "--out", str(tmp_path / "out")]
    assert CliRunner().invoke(app, asked, catch_exceptions=False).exit_code == 0
    written = load_file(tmp_path / "out" / "unet" / "diffusion_pytorch_model.safetensors")
    torch.testing.assert_close(
        written["conv_in.weight"].float(), averaged["unet.conv_in.weight"], atol=1e-4, rtol=1e-2
    )
    nowhere = CliRunner().invoke(app, ["--export", "--runs", str(tmp_path / "none")])
    assert nowhere.exit_code == 2
    assert "--budget" in nowhere.output
