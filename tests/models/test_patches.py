import pytest
import torch

from music_affect.models.patches import ConvolutionStem, GridPositions, PatchStem


def patches(num_features: int, max_frames: int) -> PatchStem:
    torch.manual_seed(0)
    return PatchStem(num_features, max_frames, patch_size=16, patch_stride=10, width=4)


def convolutions(num_features: int, max_frames: int, min_time_tokens: int = 8) -> ConvolutionStem:
    torch.manual_seed(0)
    return ConvolutionStem(num_features, max_frames, channels=(2, 3, 4, 4), width=6, min_time_tokens=min_time_tokens)


@pytest.mark.parametrize(
    ("max_frames", "strides", "grid"),
    [
        (129, [2, 2, 2, 2], (9, 8)),
        (60, [2, 2, 2, 1], (8, 8)),
        (20, [2, 1, 1, 1], (10, 8)),
        (9, [1, 1, 1, 1], (9, 8)),
    ],
)
def test_short_inputs_keep_steps_in_time(max_frames: int, strides: list[int], grid: tuple[int, int]) -> None:
    stem = convolutions(128, max_frames)
    assert [layer.time_stride for layer in stem.layers] == strides
    tokens, _ = stem.eval()(torch.randn(1, max_frames, 128), None)
    assert stem.grid == grid == tuple(tokens.shape[1:3])


@pytest.mark.parametrize(("size", "count"), [(1, 1), (12, 1), (16, 1), (17, 2), (26, 2), (27, 3), (128, 13), (140, 14)])
def test_patches_cover_every_row_and_frame(size: int, count: int) -> None:
    stem = patches(size, size)
    spectrogram = torch.randn(1, size, size, requires_grad=True)
    tokens, _ = stem(spectrogram, None)
    assert stem.grid == (count, count) == tuple(tokens.shape[1:3])
    tokens.square().sum().backward()
    assert spectrogram.grad is not None
    assert bool((spectrogram.grad.abs() > 0).all())


@pytest.mark.parametrize("length", [1, 6, 7, 16, 17, 26, 27, 40])
def test_valid_patches_are_those_of_the_clip_alone(length: int) -> None:
    stem = patches(20, 60)
    alone, _ = stem(torch.ones(1, length, 20), None)
    padded = torch.ones(1, 60, 20)  # the padding is not even zero
    tokens, mask = stem(padded, torch.arange(60).unsqueeze(0) < length)
    assert int(mask.sum()) == alone.shape[1]
    torch.testing.assert_close(tokens[:, : alone.shape[1]], alone)


def test_positions_up_to_the_grid_are_absolute() -> None:
    positions = GridPositions((4, 2), 3)
    tokens = torch.zeros(1, 3, 2, 3)
    assert torch.equal(positions(tokens, None)[0], positions.vectors[:3])


def test_a_longer_clip_has_the_grid_stretched_over_its_own_length() -> None:
    positions = GridPositions((3, 1), 1)
    positions.vectors.data = torch.tensor([0.0, 10.0, 30.0]).view(3, 1, 1)
    mask = torch.tensor([[True] * 5 + [False], [True] * 6, [True] * 2 + [False] * 4])
    found = positions(torch.zeros(3, 6, 1, 1), mask).squeeze()
    torch.testing.assert_close(found[0, :5], torch.tensor([0.0, 5.0, 10.0, 20.0, 30.0]))
    torch.testing.assert_close(found[1], torch.tensor([0.0, 4.0, 8.0, 14.0, 22.0, 30.0]))
    torch.testing.assert_close(found[2, :2], torch.tensor([0.0, 10.0]))
    torch.testing.assert_close(positions(torch.zeros(1, 5, 1, 1), None).squeeze(), found[0, :5])
