"""Folders of public weights: what is read from them, and what is said of those that cannot be used."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from transformers import ASTConfig, ASTModel, ViTConfig, ViTModel

from music_affect.contracts.errors import CheckpointError, ConfigurationError
from music_affect.models.public_weights import find

SIZES: dict[str, Any] = {
    "hidden_size": 24,
    "num_hidden_layers": 1,
    "num_attention_heads": 3,
    "intermediate_size": 48,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    ASTModel(ASTConfig(**SIZES, num_mel_bins=36, max_length=56)).save_pretrained(tmp_path)
    return tmp_path


def edit(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    content = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in content.items() if value is not ...}))


def test_sizes_of_an_audio_transformer(folder: Path) -> None:
    public = find(folder)
    assert (public.family, public.grid, public.channels) == ("audio-spectrogram-transformer", (3, 5), 1)
    assert public.sizes == {
        "stem": "patch",
        "patch_size": 16,
        "patch_stride": 10,
        "width": 24,
        "depth": 1,
        "heads": 3,
        "mlp_ratio": 2,
        "distilled": True,
        "norm_eps": 1e-12,
    }


def test_sizes_of_an_image_transformer_leave_the_stride_open(tmp_path: Path) -> None:
    ViTModel(ViTConfig(**SIZES, image_size=(32, 48), patch_size=(8, 8))).save_pretrained(tmp_path)
    public = find(str(tmp_path))
    assert (public.grid, public.channels, public.distilled) == ((4, 6), 3, False)
    assert "patch_stride" not in public.sizes


def test_network_settings_are_compared_by_name(folder: Path) -> None:
    public = find(folder)
    public.check({**public.sizes, "dropout": 0.2})
    with pytest.raises(ConfigurationError, match=r"add model.net.depth=1 model.net.distilled=true\."):
        public.check({**public.sizes, "depth": 2, "distilled": False})


def test_both_namings_of_the_library_are_read(folder: Path) -> None:
    before = find(folder).tensors()
    ASTModel.from_pretrained(folder).save_pretrained(folder, save_original_format=False)
    with safe_open(folder / "model.safetensors", "pt") as file:
        assert "layers.0.mlp.fc1.weight" in file.keys()  # noqa: SIM118
    after = find(folder).tensors()
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], before[name]) for name in before)


FETCH = r"fetch one .*hf download MIT/ast-finetuned-audioset-10-10-0\.4593 .*facebook/deit.*google/vit.*=DIR"


def test_no_folder_was_chosen() -> None:
    with pytest.raises(ConfigurationError, match=f"model.pretrained is not set; .*{FETCH}"):
        find(None)


def test_absent_folder(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=f"there is no folder .*weights; .*{FETCH}"):
        find(tmp_path / "weights")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_absent_file(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(CheckpointError, match=f"has no {name}; .*{FETCH}"):
        find(folder)


def test_incomplete_download(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(
        CheckpointError, match=f"model.safetensors cannot be read .*expected the complete file; {FETCH}"
    ):
        find(folder)


def test_pickles_are_refused_and_the_told_conversion_works(folder: Path) -> None:
    model, before = ASTModel.from_pretrained(folder), find(folder).tensors()
    (folder / "model.safetensors").unlink()
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match=r"pytorch_model\.bin, a pickle") as error:
        find(folder)
    told = re.search(r'python -c "(.*)"', error.value.fix)
    assert told is not None
    exec(told[1], {})
    after = find(folder).tensors()
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], before[name]) for name in before)


def test_missing_extra(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(
        ConfigurationError, match=r"safetensors is not installed; .*pip install music_affect\[pretrained"
    ):
        find(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_type": "bert"}, "model_type 'bert'; expected one of audio-spectrogram-transformer, deit, vit"),
        ({"hidden_size": ...}, "KeyError.*hidden_size.*expected the sizes of a transformer"),
        ({"hidden_size": "24"}, "TypeError"),
        ({"time_stride": 5}, "a network that AST cannot be; expected square patches, one stride"),
        ({"intermediate_size": 50}, "a network that AST cannot be"),
        ({"hidden_act": "relu"}, "a network that AST cannot be"),
    ],
)
def test_configurations_that_cannot_be_used(folder: Path, changes: dict[str, Any], message: str) -> None:
    edit(folder, **changes)
    with pytest.raises(CheckpointError, match=message):
        find(folder)


def test_broken_configuration(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": ')
    with pytest.raises(CheckpointError, match=r"config\.json cannot be read"):
        find(folder)


def test_a_folder_is_looked_at_without_torch(folder: Path) -> None:
    program = (
        f"import sys; from music_affect.models.public_weights import find; find({str(folder)!r}); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
