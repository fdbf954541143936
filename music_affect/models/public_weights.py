"""A local folder with a public transformer: its two files, its sizes, its tensors. Reads no network and no pickle."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from music_affect.contracts.errors import CheckpointError, ConfigurationError

if TYPE_CHECKING:
    from torch import Tensor

CONFIG, WEIGHTS, PICKLE = "config.json", "model.safetensors", "pytorch_model.bin"
AUDIO = "audio-spectrogram-transformer"
PREFIXES = {AUDIO: "audio_spectrogram_transformer.", "deit": "deit.", "vit": "vit."}
FETCH = (
    "fetch one where there is a network, e.g. `hf download MIT/ast-finetuned-audioset-10-10-0.4593 config.json "
    "model.safetensors --local-dir DIR` (AudioSet), or from ImageNet facebook/deit-base-distilled-patch16-384, "
    "facebook/deit-base-distilled-patch16-224, google/vit-base-patch16-224; then set model.pretrained=DIR"
)
CONVERT = (
    'convert it once, where transformers is installed: python -c "from transformers import AutoModel; '
    "AutoModel.from_pretrained('{folder}').save_pretrained('{folder}')\""
)
# Parts of a layer as transformers >= 5 calls them in memory, and as they are called in the public files.
FORMER_NAMES = {
    "layers.": "encoder.layer.",
    "attention.q_proj": "attention.attention.query",
    "attention.k_proj": "attention.attention.key",
    "attention.v_proj": "attention.attention.value",
    "attention.o_proj": "attention.output.dense",
    "mlp.fc1": "intermediate.dense",
    "mlp.fc2": "output.dense",
}
EXTRA = "pip install music_affect[pretrained]"


@dataclass(frozen=True)
class PublicWeights:
    """A public checkpoint in the layout of the Hugging Face hub.

    Args:
        folder: with ``config.json`` and ``model.safetensors``.
        family: ``audio-spectrogram-transformer``, ``deit`` or ``vit``.
        sizes: what the network has to be built with, under the names of its settings (``model.net``).
        channels: of the images that its patches were learnt from.
        grid: its positions in frequency and in time.
    """

    folder: Path
    family: str
    sizes: Mapping[str, str | int | float]
    channels: int
    grid: tuple[int, int]

    @property
    def distilled(self) -> bool:
        """Whether it has a distillation token beside its class token."""
        return bool(self.sizes["distilled"])

    def check(self, settings: Mapping[str, Any]) -> None:
        """Compares sizes with a network's.

        Args:
            settings: of the network; those that are not among ``sizes`` are passed over.

        Raises:
            ConfigurationError: they differ.
        """
        wrong = {name: size for name, size in self.sizes.items() if settings.get(name) != size}
        if wrong:
            raise ConfigurationError(
                f"the network has {', '.join(f'{name} {settings.get(name)}' for name in wrong)}",
                expected=f"the sizes of {self.folder}: {', '.join(f'{name} {size}' for name, size in wrong.items())}",
                fix=f"add {' '.join(f'model.net.{name}={str(size).lower()}' for name, size in wrong.items())}",
            )

    def tensors(self) -> dict[str, Tensor]:
        """Every tensor of the file, in float32, by the name that it has in the bare backbone of the public files."""
        from safetensors import safe_open

        with safe_open(self.folder / WEIGHTS, framework="pt") as file:
            return {self._public_name(name): file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118

    def _public_name(self, name: str) -> str:
        name = name.removeprefix(PREFIXES[self.family])
        if name.startswith("layers."):
            for now, former in FORMER_NAMES.items():
                name = name.replace(now, former)
        return name


def find(folder: str | Path | None) -> PublicWeights:
    """Looks at a folder without loading its weights: takes milliseconds.

    Args:
        folder: where the files lie, or None where none was chosen.

    Returns:
        What the folder holds.

    Raises:
        ConfigurationError: no folder was chosen, or the package that reads safetensors is not installed.
        CheckpointError: a file is absent or cannot be used.
    """
    if folder is None:
        raise ConfigurationError("model.pretrained is not set", expected="a folder with public weights", fix=FETCH)
    if importlib.util.find_spec("safetensors") is None:
        raise ConfigurationError("the package safetensors is not installed", expected="it, to read weights", fix=EXTRA)
    path = Path(folder).expanduser()
    _check_files(path)
    _check_complete(path / WEIGHTS)
    return _described(path, _read_config(path / CONFIG))


def _check_files(folder: Path) -> None:
    absent = [name for name in (CONFIG, WEIGHTS) if not (folder / name).is_file()]
    if absent == [WEIGHTS] and (folder / PICKLE).is_file():
        raise CheckpointError(
            f"{folder} holds its weights as {PICKLE}, a pickle, which can run any code when it is read",
            expected=WEIGHTS,
            fix=CONVERT.format(folder=folder),
        )
    if absent:
        found = f"{folder} has no {' and no '.join(absent)}" if folder.is_dir() else f"there is no folder {folder}"
        raise CheckpointError(found, expected=f"a local folder with {CONFIG} and {WEIGHTS}", fix=FETCH)


def _check_complete(path: Path) -> None:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy"):  # reads the table of contents, and imports no torch
            pass
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} cannot be read ({error})", expected="the complete file", fix=FETCH) from error


def _read_config(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read ({error})", expected="its JSON", fix=FETCH) from error
    family = content.get("model_type") if isinstance(content, dict) else None
    if family not in PREFIXES:
        raise CheckpointError(
            f"{path} is of model_type {family!r}", expected=f"one of {', '.join(PREFIXES)}", fix=FETCH
        )
    return dict(content)


def _described(folder: Path, config: Mapping[str, Any]) -> PublicWeights:
    family = str(config["model_type"])
    try:
        patch, stride, image = _geometry(family, config)
        _check_kind(folder, config, square=patch[0] == patch[1] and stride[0] == stride[1])
        sizes = {
            "stem": "patch",
            "patch_size": patch[0],
            "width": config["hidden_size"],
            "depth": config["num_hidden_layers"],
            "heads": config["num_attention_heads"],
            "mlp_ratio": config["intermediate_size"] // config["hidden_size"],
            "distilled": family != "vit",
            "norm_eps": config["layer_norm_eps"],
        }
        channels = 1 if family == AUDIO else config["num_channels"]
        grid = ((image[0] - patch[0]) // stride[0] + 1, (image[1] - patch[1]) // stride[1] + 1)
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise CheckpointError(
            f"{folder / CONFIG} cannot be used ({error!r})", expected="the sizes of a transformer", fix=FETCH
        ) from error
    # Patches of images do not overlap; those of a spectrogram may all the same, as in the paper.
    return PublicWeights(
        folder, family, sizes | ({"patch_stride": stride[0]} if family == AUDIO else {}), channels, grid
    )


def _geometry(family: str, config: Mapping[str, Any]) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    """Patch, stride and input, each in frequency and in time."""
    patch = _both(config["patch_size"])
    if family == AUDIO:
        stride = config["frequency_stride"], config["time_stride"]
        return patch, stride, (config["num_mel_bins"], config["max_length"])
    return patch, patch, _both(config["image_size"])


def _both(size: Any) -> tuple[int, int]:
    """A size that may be given once for both axes."""
    height, width = (size, size) if isinstance(size, int) else size
    return height, width


def _check_kind(folder: Path, config: Mapping[str, Any], *, square: bool) -> None:
    whole = config["intermediate_size"] % config["hidden_size"] == 0
    activation = config.get("hidden_act", "gelu")
    if not square or not whole or activation != "gelu":
        raise CheckpointError(
            f"{folder / CONFIG} describes a network that AST cannot be",
            expected="square patches, one stride, intermediate_size a multiple of hidden_size, hidden_act gelu",
            fix=FETCH,
        )
