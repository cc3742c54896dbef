"""Single files in the layout of the original code: Stable Diffusion 1, 2 and XL as model sites offer them.

They hold weights alone. What they do not say is in the folders beside this file: the configurations of each
architecture, and CLIP's vocabulary.
"""

from __future__ import annotations

import gzip
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from diffusers.loaders import single_file_utils
from safetensors import safe_open
from safetensors.torch import load_file

_HERE = Path(__file__).parent
_FAMILIES = {"v1": "sd1", "v2": "sd2", "xl_base": "sdxl"}
_V, _ZERO_SNR = "v_pred", "ztsnr"


def configurations(file: Path) -> Path:
    """The folder with the configurations of what a checkpoint holds: beside it, of its own name, or ours.

    Raises:
        ValueError: it is of no architecture that there are configurations of; says which.
    """
    beside = file.with_suffix("")
    if (beside / "unet" / "config.json").is_file():
        return beside
    found = str(single_file_utils.infer_diffusers_model_type(_shapes(file)))
    if found not in _FAMILIES:
        raise ValueError(
            f"it holds a model of the kind {found!r}, and known are Stable Diffusion 1, 2 and XL; its "
            f"configurations may lie in a folder {beside.name} beside it"
        )
    return _HERE / _FAMILIES[found]


def changes(file: Path) -> dict[str, dict[str, Any]]:
    """What a checkpoint says of its scheduler by tensors of certain names: v, and zero terminal SNR."""
    with safe_open(file, "pt") as opened:
        names = set(opened.keys())
    zero = {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing"} if _ZERO_SNR in names else {}
    return {"scheduler": {"prediction_type": "v_prediction", **zero}} if _V in names else {}


def network(kind: Any, file: Path, config: Path, dtype: Any) -> Any:
    """One network of a checkpoint, whose configuration is in the folder `config`.

    Raises:
        ValueError, KeyError, RuntimeError: it is not in there, or not all of it.
    """
    weights = load_file(file)
    where = {"config": str(config.parent), "subfolder": config.name, "local_files_only": True}
    if hasattr(kind, "from_single_file"):
        if not any(name.startswith(("first_stage_model.", "model.diffusion_model.")) for name in weights):
            where = {"config": str(config), "local_files_only": True}
        try:
            found = kind.from_single_file(weights, torch_dtype=dtype, **where)
        except single_file_utils.SingleFileComponentError as error:
            raise ValueError("there are no weights of it") from error
    else:
        found = single_file_utils.create_diffusers_clip_model_from_ldm(
            kind, checkpoint=weights, torch_dtype=dtype, **where
        )
    if missing := [name for name, weight in found.named_parameters() if weight.is_meta]:
        raise ValueError(f"it lacks {len(missing)} weights, such as {missing[0]}")
    return found.to(dtype)


def clip_tokenizer(kind: Any, encoder: dict[str, Any]) -> Any:
    """CLIP's tokenizer, padding as the encoder of this configuration was taught: OpenCLIP's with zeros."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    letters = [*map(chr, printable), *(chr(256 + index) for index in range(len(others)))]
    lines = gzip.decompress((_HERE / "clip_merges.txt.gz").read_bytes()).decode().splitlines()
    merges = [(first, second) for first, second in (line.split() for line in lines)]
    pieces = [*letters, *(f"{letter}</w>" for letter in letters), *(a + b for a, b in merges)]
    pieces += ["<|startoftext|>", "<|endoftext|>"]
    vocab = {piece: index for index, piece in enumerate(pieces)}
    padding = "<|endoftext|>" if encoder.get("hidden_act") == "quick_gelu" else "!"
    return kind(vocab=vocab, merges=merges, pad_token=padding, model_max_length=77)


def _shapes(file: Path) -> dict[str, Any]:
    """The tensors of a file without their contents."""
    with safe_open(file, "pt") as opened:
        names = list(opened.keys())
        return {name: SimpleNamespace(shape=opened.get_slice(name).get_shape()) for name in names}
