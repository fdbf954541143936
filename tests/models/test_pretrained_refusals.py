"""Public weights that a network cannot take: told, and the network left as it was."""

from pathlib import Path
from typing import Any

import pytest
import torch
from public_networks import AUDIO, IMAGE, ours, saved, squares
from safetensors.torch import load_file, save_file
from transformers import ASTConfig, ASTModel, ViTConfig, ViTModel

from music_affect.contracts.errors import CheckpointError, ConfigurationError
from music_affect.models.ast import AST
from music_affect.models.cnn import CNN
from music_affect.models.pretrained import load_pretrained


def test_other_sizes_are_refused_with_the_words_that_set_them(tmp_path: Path) -> None:
    saved(ViTModel(ViTConfig(**IMAGE)), tmp_path)
    net = squares(width=48, norm_eps=1e-5)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    with pytest.raises(ConfigurationError, match="the network has width 48, distilled True, norm_eps 1e-05") as error:
        load_pretrained(net, tmp_path)
    assert error.value.fix == "add model.net.width=24 model.net.distilled=false model.net.norm_eps=1e-12"
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_audio_transformer_prescribes_its_stride(tmp_path: Path) -> None:
    saved(ASTModel(ASTConfig(**AUDIO, frequency_stride=16, time_stride=16)), tmp_path)
    with pytest.raises(ConfigurationError, match=r"add model\.net\.patch_stride=16"):
        load_pretrained(ours(), tmp_path)


@pytest.mark.parametrize("net", [AST(36, 56), CNN(36, 56)], ids=["convolutional stem", "another network"])
def test_networks_without_plain_patches_are_refused(tmp_path: Path, net: AST | CNN) -> None:
    saved(ASTModel(ASTConfig(**AUDIO)), tmp_path)
    with pytest.raises(ConfigurationError, match=r"without plain patches; .* choose model=ast_pretrained"):
        load_pretrained(net, tmp_path)


LAYER = "encoder.layer.1.output.dense.weight"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tensors: tensors.pop(LAYER), rf"has no {LAYER}; expected one of shape \[24, 72\]"),
        (lambda tensors: tensors.update({LAYER: torch.zeros(24, 24)}), r"of shape \[24, 24\]; expected \[24, 72\]"),
        (lambda tensors: tensors.update({LAYER.replace("1", "2"): torch.zeros(1)}), "has encoder.layer.2.output"),
        (lambda tensors: tensors.update({"embeddings.position_embeddings": torch.zeros(1, 9, 24)}), r"\[1, 17, 24\]"),
    ],
)
def test_tensors_that_are_not_as_announced(tmp_path: Path, change: Any, message: str) -> None:
    saved(ASTModel(ASTConfig(**AUDIO)), tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    change(tensors)
    save_file(tensors, tmp_path / "model.safetensors")
    net = ours()
    with pytest.raises(CheckpointError, match=message):
        load_pretrained(net, tmp_path)
    assert all(torch.equal(value, ours().state_dict()[name]) for name, value in net.state_dict().items())
