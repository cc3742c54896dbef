"""Single-file checkpoints, and what is laid over a model: the same numbers as from a folder of diffusers."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline, UNet2DConditionModel
from diffusers.loaders.single_file_utils import CHECKPOINT_KEY_NAMES
from safetensors.torch import load_file, save_file
from transformers import CLIPTextModel, CLIPTokenizer

import engine
import hub
from engine import checkpoints, codec
from engine.backbones.unet import StableDiffusion
from engine.errors import UnknownModel
from tests.engine.backbones.parity import sampled
from tests.engine.backbones.tiny_sdxl import save_sdxl
from tests.engine.ldm import save_checkpoint


def configured(folder: Path, file: Path) -> Path:
    """Configurations and tokenizers of a folder, beside a checkpoint."""
    shutil.copytree(
        folder, file.with_suffix(""), ignore=shutil.ignore_patterns("*.safetensors", "image_encoder")
    )
    return file


@pytest.fixture(scope="module")
def single(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("single") / "tiny.safetensors"
    return configured(folder, save_checkpoint(folder, file, attended=(True, True)))


def test_a_checkpoint_of_stable_diffusion_is_the_model_of_its_folder(
    model: engine.Backbone, single: Path
) -> None:
    loaded = engine.load(single)

    torch.testing.assert_close(sampled(loaded, 2, 5.0), sampled(model, 2, 5.0))
    assert loaded.revision != model.revision
    assert not loaded.network.training


def test_a_checkpoint_of_sdxl_is_the_model_of_its_folder(tmp_path: Path) -> None:
    folder = save_sdxl(tmp_path / "sdxl", unet_more={"transformer_layers_per_block": 1})
    file = save_checkpoint(folder, tmp_path / "xl.safetensors", attended=(False, True, True))
    loaded = engine.load(configured(folder, file))

    torch.testing.assert_close(sampled(loaded, 2, 5.0), sampled(engine.load(folder), 2, 5.0))


def test_a_checkpoint_that_says_so_predicts_v(folder: Path, tmp_path: Path) -> None:
    file = save_checkpoint(
        folder, tmp_path / "v.safetensors", attended=(True, True), more=("v_pred", "ztsnr")
    )
    loaded = engine.load(configured(folder, file))

    assert loaded.scheduler.config.prediction_type == "v_prediction"
    assert loaded.schedule(4).levels[-1].a < 1e-3


def test_a_checkpoint_that_lacks_a_part_is_refused(single: Path, tmp_path: Path) -> None:
    weights = {name: each for name, each in load_file(single).items() if not name.startswith("first_stage")}
    file = tmp_path / "part.safetensors"
    save_file(weights, file)
    shutil.copytree(single.with_suffix(""), file.with_suffix(""))

    with pytest.raises(UnknownModel, match=r"the vae of part.safetensors cannot be read"):
        engine.load(file)


def test_a_pickle_and_a_file_of_another_kind_are_refused(tmp_path: Path) -> None:
    pickle = tmp_path / "model.ckpt"
    pickle.write_bytes(b"x")
    with pytest.raises(UnknownModel, match="pickles"):
        engine.load(pickle)
    flux = tmp_path / "flux.safetensors"
    save_file({"double_blocks.0.img_attn.norm.key_norm.scale": torch.zeros(2)}, flux)
    with pytest.raises(UnknownModel, match="a model of the kind"):
        engine.load(flux)


@pytest.mark.parametrize(
    ("kind", "shape", "family", "parameters"),
    [
        ("v1", (1,), "sd1", 859_520_964),
        ("v2", (1, 1024), "sd2", 865_910_724),
        ("xl_base", (1,), "sdxl", 2_567_463_684),
    ],
)
def test_the_configurations_are_those_of_the_public_architectures(
    tmp_path: Path, kind: str, shape: tuple[int, ...], family: str, parameters: int
) -> None:
    file = tmp_path / "any.safetensors"
    save_file({CHECKPOINT_KEY_NAMES[kind]: torch.zeros(shape)}, file)
    found = checkpoints.configurations(file)
    with torch.device("meta"):
        unet = UNet2DConditionModel.from_config(UNet2DConditionModel.load_config(found / "unet"))

    assert found.name == family
    assert sum(weight.numel() for weight in unet.parameters()) == parameters


def test_the_vocabulary_is_clips() -> None:
    tokenizer = checkpoints.clip_tokenizer(CLIPTokenizer, {"hidden_act": "quick_gelu"})

    assert tokenizer("a photo of a cat").input_ids == [49406, 320, 1125, 539, 320, 2368, 49407]
    assert (len(tokenizer), tokenizer.pad_token_id) == (49408, 49407)
    assert checkpoints.clip_tokenizer(CLIPTokenizer, {"hidden_act": "gelu"}).pad_token_id == 0


@pytest.fixture(scope="module")
def lora(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LoRA of the attention of the tiny model, as diffusers saves it."""
    generator = torch.Generator().manual_seed(3)
    unet = UNet2DConditionModel.from_pretrained(folder / "unet")
    found = {}
    for name, module in unet.named_modules():
        if name.endswith(("to_q", "to_v")):
            rows, columns = module.weight.shape
            found[f"unet.{name}.lora_A.weight"] = torch.randn(2, columns, generator=generator)
            found[f"unet.{name}.lora_B.weight"] = torch.randn(rows, 2, generator=generator)
    file = tmp_path_factory.mktemp("lora") / "ink.safetensors"
    save_file(found, file)
    return file


def test_a_lora_changes_the_weights_by_its_product(folder: Path, model: engine.Backbone, lora: Path) -> None:
    loaded = engine.load(f"{folder} + lora:{lora}:0.5")
    name = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"
    added = load_file(lora)
    product = added[f"unet.{name}.lora_B.weight"] @ added[f"unet.{name}.lora_A.weight"]

    expected = model.network.get_submodule(name).weight + 0.5 * product
    torch.testing.assert_close(loaded.network.get_submodule(name).weight, expected)
    assert not any(weight.requires_grad for weight in loaded.network.parameters())
    assert type(loaded.network.get_submodule(name)) is type(model.network.get_submodule(name))


def test_records_belong_to_the_model_with_what_is_laid_over_it(folder: Path, lora: Path) -> None:
    names = [
        str(folder),
        f"{folder} + lora:{lora}:0.5",
        f"{folder} + lora:{lora}",
        f"{folder} + vae:{folder}",
    ]

    assert len({engine.load(name).revision for name in names}) == len(names)


def test_several_loras_add_up(folder: Path, lora: Path) -> None:
    once = engine.load(f"{folder} + lora:{lora}:0.5")
    twice = engine.load(f"{folder} + lora:{lora}:0.25 + lora:{lora.parent}:0.25")

    for one, two in zip(once.network.parameters(), twice.network.parameters(), strict=True):
        torch.testing.assert_close(one, two)


def test_a_lora_of_another_architecture_is_refused(folder: Path, lora: Path, tmp_path: Path) -> None:
    wide = {
        name: torch.cat([each, each], dim=int("lora_A" in name)) for name, each in load_file(lora).items()
    }
    save_file(wide, tmp_path / "wide.safetensors")

    with pytest.raises(UnknownModel, match=r"wide.safetensors is no LoRA for"):
        engine.load(f"{folder} + lora:{tmp_path / 'wide.safetensors'}")


def other_vae(folder: Path, place: Path) -> Path:
    vae = AutoencoderKL.from_pretrained(folder / "vae")
    torch.nn.init.constant_(vae.decoder.conv_out.bias, 0.5)
    vae.save_pretrained(place)
    return place


def test_another_autoencoder_decodes(folder: Path, model: engine.Backbone, tmp_path: Path) -> None:
    place = other_vae(folder, tmp_path / "vae")
    loaded = engine.load(f"{folder} + vae:{place}")
    latent = torch.zeros(1, 4, 8, 8)

    assert codec.decode(loaded, latent)[0].tobytes() != codec.decode(model, latent)[0].tobytes()
    file = place / "diffusion_pytorch_model.safetensors"
    again = engine.load(f"{folder} + vae:{file}")
    assert codec.decode(loaded, latent)[0].tobytes() == codec.decode(again, latent)[0].tobytes()


def test_a_learned_word_reads_all_its_vectors_as_the_pipeline_does(folder: Path, tmp_path: Path) -> None:
    vectors = torch.randn(3, 12, generator=torch.Generator().manual_seed(1))
    save_file({"emb_params": vectors}, tmp_path / "ink.safetensors")
    loaded = engine.load(f"{folder} + embedding:{tmp_path / 'ink.safetensors'}")
    assert isinstance(loaded, StableDiffusion)
    pipeline = StableDiffusionPipeline(
        unet=loaded.network,
        vae=loaded.vae,
        safety_checker=None,
        feature_extractor=None,
        scheduler=engine.load("miniature").scheduler,
        text_encoder=CLIPTextModel.from_pretrained(folder / "text_encoder"),
        tokenizer=CLIPTokenizer.from_pretrained(folder / "tokenizer"),
    )
    pipeline.load_textual_inversion(vectors, token="<ink>")
    expected, _ = pipeline.encode_prompt("a <ink> cat", "cpu", 1, False)

    tokens = loaded.tokens("a <ink> cat")
    torch.testing.assert_close(loaded.read("a <ink> cat", (8, 8)).context, expected)
    assert tokens.positions("ink") == (2, 3, 4)
    assert tokens.positions("cat") == (5,)


def test_a_folder_gives_the_word_of_its_name(folder: Path, tmp_path: Path) -> None:
    place = tmp_path / "ink"
    place.mkdir()
    save_file({"<other>": torch.ones(1, 12)}, place / "learned_embeds.safetensors")
    save_file({"<other>": torch.zeros(1, 12)}, place / "checkpoint.safetensors")
    loaded = engine.load(f"{folder} + embedding:{place}")

    assert loaded.tokens("a <ink> cat").positions("ink") == (2,)


def test_a_repository_gives_the_word_of_its_name(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_file({"<other>": torch.ones(1, 12)}, tmp_path / "learned_embeds.safetensors")
    monkeypatch.setattr(hub, "here", {"some/ink@v1": tmp_path}.get)
    loaded = engine.load(f"{folder} + embedding:some/ink@v1")

    assert loaded.tokens("a <ink> cat").positions("ink") == (2,)


@pytest.mark.parametrize("kind", ["lora", "embedding"])
def test_a_folder_without_the_one_file_is_refused(folder: Path, tmp_path: Path, kind: str) -> None:
    with pytest.raises(UnknownModel, match=r"there is no .safetensors file in"):
        engine.load(f"{folder} + {kind}:{tmp_path}")
    for name in ("a", "b"):
        save_file({"x": torch.ones(1, 12)}, tmp_path / f"{name}.safetensors")
    with pytest.raises(UnknownModel, match=r"name one of the files in .*: a.safetensors, b.safetensors"):
        engine.load(f"{folder} + {kind}:{tmp_path}")
