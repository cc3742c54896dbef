"""The model card that lies beside the weights."""

from collections.abc import Sequence
from pathlib import Path

_CARD = """---
license: apache-2.0
library_name: diffusers
pipeline_tag: text-to-image
---
# The Pentimento miniature

A complete text-to-image latent diffusion model in Stable Diffusion's architecture, small enough to ship
and to run on a laptop's processor: CLIP text and vision towers, `AutoencoderKL`, `UNet2DConditionModel`,
DDIM scheduler, and a byte-level BPE tokenizer. It paints 64x64 pictures of the scenes this project renders:
twenty objects, six of them in six colours, on eight backgrounds, in four styles; none, one, two or three of
them, small or large, some with a hat or glasses. It knows nothing else.

- trained by `python -m miniature.train` on `miniature/scenes.py` and `miniature/wider.py`, seeds below
  1,000,000; in four goes, which `docs/adr/0002-the-miniature.md` describes
- measured by `python -m miniature.evaluate` on {captions} held-out captions, guidance 3, 50 DDIM steps,
  in float32; inversion and attention on an eighth of the scenes
- `judge.safetensors` is the small classifier that says what a picture shows; it was trained on renders
- `wide_judge.safetensors` also says whether anything is there, how many, and what they wear; half precision
- `text_projection.safetensors` is CLIP's projection of the text, fitted to the finished towers
- the objects are glyphs of Noto Color Emoji (SIL Open Font License, `miniature/assets/OFL.txt`)

{table}

`StableDiffusionPipeline.from_pretrained` loads this folder. The U-Net is stored in half precision.
"""


def write_card(folder: Path, rows: Sequence[tuple[str, str, str, str]], captions: int) -> None:
    head = ("figure", "measured", "bar", "met")
    lines = [head, ("---",) * 4, *rows]
    table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    (folder / "README.md").write_text(_CARD.format(table=table, captions=captions))
