"""Public weights in our AST, against the library that they come from."""

import socket
from pathlib import Path

import pytest
import torch
from public_networks import AUDIO, IMAGE, as_pixels, clips, embed, ours, saved, squares
from safetensors.torch import load_file
from transformers import (
    ASTConfig,
    ASTForAudioClassification,
    ASTModel,
    DeiTConfig,
    DeiTForImageClassificationWithTeacher,
    DeiTModel,
    ViTConfig,
    ViTModel,
)

from music_affect.models.ast import AST
from music_affect.models.pretrained import Account, adapt, load_pretrained


def assert_moved(net: AST, account: Account, untouched: AST) -> None:
    """Every parameter is accounted for, and holds something else than before."""
    assert sorted([*account.loaded, *account.new]) == sorted(name for name, _ in net.named_parameters())
    before = dict(untouched.named_parameters())
    assert [name for name, now in net.named_parameters() if torch.equal(now, before[name])] == []


@pytest.mark.parametrize("qkv_bias", [True, False])
def test_audio_transformer_gives_the_numbers_of_its_library(tmp_path: Path, qkv_bias: bool) -> None:
    theirs = saved(ASTModel(ASTConfig(**AUDIO, qkv_bias=qkv_bias)), tmp_path)
    net = ours()
    account = load_pretrained(net, tmp_path)
    spectrogram = clips(56, 36)
    with torch.no_grad():
        expected = theirs(spectrogram).pooler_output
    torch.testing.assert_close(embed(net, spectrogram), expected, atol=1e-4, rtol=0)
    assert expected.std() > 0.1
    assert_moved(net, account, ours())
    biases = () if qkv_bias else tuple(f"layers.{layer}.attention.query_key_value.bias" for layer in (0, 1))
    assert account.new == biases
    assert account.unused == ()


def test_classifier_is_left_and_the_rest_gives_its_logits(tmp_path: Path) -> None:
    theirs = saved(ASTForAudioClassification(ASTConfig(**AUDIO, num_labels=5)), tmp_path)
    net = ours()
    account = load_pretrained(net, tmp_path)
    spectrogram = clips(56, 36)
    with torch.no_grad():
        torch.testing.assert_close(
            theirs.classifier(embed(net, spectrogram)), theirs(spectrogram).logits, atol=1e-4, rtol=0
        )
    head = [f"classifier.{part}.{kind}" for part in ("dense", "layernorm") for kind in ("bias", "weight")]
    assert sorted(account.unused) == head
    assert str(account).startswith(f"{len(list(net.parameters()))} tensors loaded (positions: 3 x 5 to 3 x 5 in")
    assert str(account).endswith(f"new: none; not used: {', '.join(account.unused)}")


def test_distilled_images_show_the_spectrogram_in_every_channel(tmp_path: Path) -> None:
    theirs = saved(DeiTModel(DeiTConfig(**IMAGE)), tmp_path)
    net = squares()
    account = load_pretrained(net, tmp_path)
    spectrogram = clips(32, 32)
    with torch.no_grad():
        expected = theirs(as_pixels(spectrogram)).last_hidden_state[:, :2].mean(1)
    torch.testing.assert_close(embed(net, spectrogram), expected, atol=1e-4, rtol=0)
    assert_moved(net, account, squares())
    assert sorted(account.unused) == ["pooler.dense.bias", "pooler.dense.weight"]


def test_images_without_distillation_answer_with_the_class_token(tmp_path: Path) -> None:
    theirs = saved(ViTModel(ViTConfig(**IMAGE, num_channels=1), use_mask_token=True), tmp_path)
    net = squares(distilled=False)
    account = load_pretrained(net, tmp_path)
    spectrogram = clips(32, 32)
    with torch.no_grad():
        expected = theirs(as_pixels(spectrogram)[:, :1]).last_hidden_state[:, 0]
    torch.testing.assert_close(embed(net, spectrogram), expected, atol=1e-4, rtol=0)
    assert_moved(net, account, squares(distilled=False))
    assert "embeddings.mask_token" in account.unused


def test_half_precision_arrives_as_single(tmp_path: Path) -> None:
    saved(DeiTForImageClassificationWithTeacher(DeiTConfig(**IMAGE)).half(), tmp_path)
    net = squares()
    load_pretrained(net, tmp_path)
    assert {parameter.dtype for parameter in net.parameters()} == {torch.float32}
    kernels = load_file(tmp_path / "model.safetensors")["deit.embeddings.patch_embeddings.projection.weight"]
    assert torch.equal(net.stem.projection.weight[:, 0], kernels.float().sum(1).transpose(1, 2))


@pytest.mark.parametrize(("rows", "frames", "grid"), [(140, 300, (30, 14)), (12, 20, (2, 1)), (40, 56, (5, 4))])
def test_other_grids_of_the_audio_transformer(tmp_path: Path, rows: int, frames: int, grid: tuple[int, int]) -> None:
    model = ASTModel(ASTConfig(**AUDIO))
    saved(model, tmp_path)
    with torch.no_grad():
        model.embeddings.position_embeddings[:] = 0.5
    model.save_pretrained(tmp_path)
    net = ours(rows, frames)
    account = load_pretrained(net, tmp_path)
    assert net.positions.vectors.shape == (*grid, 24)
    torch.testing.assert_close(net.positions.vectors.data, torch.full((*grid, 24), 0.5))
    assert account.positions == f"3 x 5 to {grid[1]} x {grid[0]} in frequency x time"
    assert embed(net, clips(frames, rows)).isfinite().all()


def test_squares_of_images_become_overlapping_rectangles(tmp_path: Path) -> None:
    saved(DeiTModel(DeiTConfig(**IMAGE)), tmp_path)
    net = ours(20, 60, patch_size=8, patch_stride=5)
    load_pretrained(net, tmp_path)
    square = load_file(tmp_path / "model.safetensors")["embeddings.position_embeddings"][0, 2:].view(4, 4, 24)
    assert net.positions.vectors.shape == (12, 4, 24)
    # Ends of a stretched axis stay what they were; frequency is as long as before.
    torch.testing.assert_close(net.positions.vectors.data[[0, -1]], square.transpose(0, 1)[[0, -1]])


def test_positions_keep_their_middle_or_are_stretched() -> None:
    vectors = torch.arange(6.0).view(6, 1, 1) + 10 * torch.arange(2.0).view(1, 2, 1)
    assert adapt(vectors, (6, 2)).equal(vectors)
    assert adapt(vectors, (3, 2))[:, 0, 0].tolist() == [2, 3, 4]
    assert adapt(vectors, (1, 1)).flatten().tolist() == [13]
    stretched = adapt(vectors, (12, 3))
    assert stretched.shape == (12, 3, 1)
    assert stretched[0].flatten().tolist() == pytest.approx([0, 5, 10])
    assert bool((stretched[1:, 0] >= stretched[:-1, 0]).all())


def test_loaded_network_is_no_longer_warned_of_and_goes_without_its_folder(tmp_path: Path) -> None:
    saved(ASTModel(ASTConfig(**AUDIO)), tmp_path)
    net, again = ours(), ours()
    assert net.caution is not None
    load_pretrained(net, tmp_path)
    assert net.caution is None
    (tmp_path / "model.safetensors").unlink()
    again.load_state_dict(net.state_dict())
    assert torch.equal(embed(again, clips(56, 36)), embed(net, clips(56, 36)))


def test_loaded_network_masks_padding_and_learns(tmp_path: Path) -> None:
    saved(ASTModel(ASTConfig(**AUDIO)), tmp_path)
    net = ours()
    load_pretrained(net, tmp_path)
    spectrogram = clips(56, 36)
    spectrogram[1, 30:] = 0.0
    together = net(spectrogram, torch.tensor([56, 30, 56]))
    torch.testing.assert_close(together[1:2], net(spectrogram[1:2, :30], torch.tensor([30])), atol=1e-5, rtol=1e-4)
    together.square().mean().backward()
    assert [name for name, parameter in net.named_parameters() if parameter.grad is None] == []


def test_the_network_is_not_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(ASTModel(ASTConfig(**AUDIO)), tmp_path)

    def refuse(*_: object) -> None:
        raise AssertionError("a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    load_pretrained(ours(), tmp_path)
