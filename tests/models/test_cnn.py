import pytest
import torch

from music_affect.models.cnn import CNN


@pytest.fixture
def net() -> CNN:
    torch.manual_seed(0)
    return CNN(20, 40, channels=(4, 6))


def test_embedding_is_mean_and_maximum_of_the_last_channels(net: CNN) -> None:
    embedding = net.eval()(torch.randn(2, 40, 20), torch.tensor([40, 40]))
    assert net.out_features == 12
    assert bool((embedding[:, 6:] >= embedding[:, :6]).all())
    assert bool((embedding[:, 6:] > embedding[:, :6]).any())


def test_first_convolution_halves_time_and_frequency(net: CNN) -> None:
    strides = [layer.convolution.stride for layer in net.layers]
    assert strides == [(2, 2), (1, 1)]


def test_noise_in_the_padding_changes_nothing(net: CNN) -> None:
    spectrogram, lengths = torch.randn(2, 40, 20), torch.tensor([40, 13])
    noisy = spectrogram.clone()
    noisy[1, 13:] = 1e3
    for training in (False, True):
        torch.manual_seed(3)
        expected = net.train(training)(spectrogram, lengths)
        torch.manual_seed(3)
        torch.testing.assert_close(net(noisy, lengths), expected)


def test_every_valid_frame_and_row_of_whole_pairs_counts(net: CNN) -> None:
    spectrogram = torch.randn(2, 36, 20, requires_grad=True)
    net.eval()(spectrogram, torch.tensor([36, 24])).sum().backward()
    assert spectrogram.grad is not None
    seen = spectrogram.grad.abs() > 0
    assert bool(seen[0].any(1).all())
    assert bool(seen[1, :24].any(1).all())
    assert bool(seen.any(1).all())
    assert not seen[1, 24:].any()


def test_a_single_frame_is_kept_alone_and_in_a_batch(net: CNN) -> None:
    net.eval()
    spectrogram = torch.randn(2, 12, 20)
    alone = net(spectrogram[:1, :1], torch.tensor([1]))
    together = net(spectrogram, torch.tensor([1, 12]))
    torch.testing.assert_close(together[:1], alone)
    assert bool(alone.abs().sum() > 0)


def test_same_weights_for_other_sizes(net: CNN) -> None:
    other = CNN(128, 1300, channels=(4, 6))
    other.load_state_dict(net.state_dict())
    assert other.eval()(torch.randn(1, 300, 128), torch.tensor([300])).shape == (1, 12)


def test_exported_program_masks_other_lengths(net: CNN) -> None:
    net.eval()
    program = torch.export.export(net, (torch.randn(2, 40, 20), torch.tensor([40, 40]))).module()
    spectrogram, lengths = torch.randn(2, 40, 20), torch.tensor([9, 40])
    torch.testing.assert_close(program(spectrogram, lengths), net(spectrogram, lengths))
