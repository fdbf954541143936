import torch
from torch import nn
from torch.nn import functional as F

from music_affect.models.masked_convolution import MaskedConvolution, padding_mask, to_image


def padded_images() -> tuple[torch.Tensor, torch.Tensor]:
    """Two images of 6 and 3 frames by 5 rows with 2 channels, padded with noise, and their mask."""
    torch.manual_seed(0)
    return torch.randn(2, 2, 6, 5), torch.tensor([[True] * 6, [True] * 3 + [False] * 3])


def test_no_mask_where_nothing_is_padded() -> None:
    assert padding_mask(torch.tensor([4, 4]), 4, training=False) is None
    mask = padding_mask(torch.tensor([4, 1]), 4, training=True)
    assert mask is not None
    assert mask.tolist() == [[True] * 4, [True, False, False, False]]


def test_image_has_nothing_in_the_padding() -> None:
    image = to_image(torch.ones(2, 3, 4), torch.tensor([[True, True, True], [True, False, False]]))
    assert image.shape == (2, 1, 3, 4)
    assert image.sum((1, 2, 3)).tolist() == [12.0, 4.0]


def test_statistics_are_those_of_valid_frames_only() -> None:
    image, mask = padded_images()
    image = image * mask[:, None, :, None]
    layer = MaskedConvolution(2, 3)
    layer.norm.momentum = 1.0
    layer.train()
    layer(image, mask)
    convolved = layer.convolution(image)
    valid = torch.cat([convolved[0], convolved[1, :, :3]], dim=1).flatten(1)  # [C, 9 frames x 5 rows]
    torch.testing.assert_close(layer.norm.running_mean, valid.mean(1))
    torch.testing.assert_close(layer.norm.running_var, valid.var(1))
    assert int(layer.norm.num_batches_tracked) == 1


def test_without_padding_both_ways_are_the_plain_batch_norm() -> None:
    image, _ = padded_images()
    layer = MaskedConvolution(2, 3, stride=(2, 1)).train()
    reference = nn.BatchNorm2d(3)
    expected = F.relu(reference(layer.convolution(image)))
    unmasked, no_mask = layer(image, None)
    masked, mask = layer(image, torch.ones(2, 6, dtype=torch.bool))
    torch.testing.assert_close(unmasked, expected)
    torch.testing.assert_close(masked, expected)
    assert no_mask is None
    assert mask.shape == (2, 3)


def test_padding_is_zero_again_and_its_length_is_rounded_up() -> None:
    image, mask = padded_images()
    for training in (True, False):
        layer = MaskedConvolution(2, 3, stride=(2, 2)).train(training)
        nn.init.constant_(layer.norm.bias, 1.0)  # a bias would fill the padding
        out, shorter = layer(image * mask[:, None, :, None], mask)
        assert out.shape == (2, 3, 3, 3)
        assert shorter.tolist() == [[True] * 3, [True, True, False]]
        assert not out[1, :, 2].any()
        assert out[1, :, :2].any()


def test_a_single_value_a_channel_uses_the_running_statistics() -> None:
    layer = MaskedConvolution(1, 2).train()
    image = torch.ones(1, 1, 1, 1)
    out, _ = layer(image, None)
    torch.testing.assert_close(out, layer.eval()(image, None)[0])
    assert layer.norm.running_mean.tolist() == [0.0, 0.0]
