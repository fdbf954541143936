import pytest
import torch

from music_affect.contracts.errors import ConfigurationError
from music_affect.models.ast import AST


def small(stem: str, max_frames: int = 40) -> AST:
    torch.manual_seed(0)
    return AST(20, max_frames, stem=stem, channels=(4, 6, 8, 8), width=12, depth=2)


def test_published_size() -> None:
    net = AST(128, 1024, stem="patch", width=192, depth=12, heads=3, mlp_ratio=4)
    assert sum(p.numel() for p in net.layers.parameters()) == 12 * 444_864
    assert net.out_features == 192
    assert net.positions.vectors.shape == (102, 13, 192)


def test_convolutions_answer_with_the_mean_and_patches_with_the_class_token() -> None:
    assert small("conv").class_token is None
    net = small("patch").eval()
    spectrogram, lengths = torch.randn(1, 30, 20), torch.tensor([30])
    before = net(spectrogram, lengths)
    assert net.class_token is not None
    net.class_token.data += torch.randn(12)
    assert not torch.allclose(net(spectrogram, lengths), before)


def test_a_distilled_network_answers_with_the_mean_of_two_tokens() -> None:
    net = AST(20, 40, stem="patch", width=12, depth=0, dropout=0.0, distilled=True).eval()
    assert net.class_token is not None
    assert net.distillation_token is not None
    expected = (net.norm(net.class_token) + net.norm(net.distillation_token)) / 2
    torch.testing.assert_close(net(torch.randn(1, 30, 20), torch.tensor([30]))[0], expected)
    assert small("patch").distillation_token is None


def test_every_norm_takes_its_epsilon() -> None:
    net = AST(20, 40, width=12, depth=2, norm_eps=1e-12)
    assert [m.eps for m in net.modules() if isinstance(m, torch.nn.LayerNorm)] == [1e-12] * 5


@pytest.mark.parametrize("stem", ["conv", "patch"])
def test_order_in_time_matters(stem: str) -> None:
    net = small(stem).eval()
    torch.nn.init.normal_(net.positions.vectors)
    spectrogram, lengths = torch.randn(1, 36, 20), torch.tensor([36])
    assert not torch.allclose(net(spectrogram.flip(1), lengths), net(spectrogram, lengths), atol=1e-3)


@pytest.mark.parametrize("stem", ["conv", "patch"])
def test_noise_in_the_padding_changes_nothing(stem: str) -> None:
    net = small(stem).eval()
    spectrogram, lengths = torch.randn(2, 40, 20), torch.tensor([40, 13])
    noisy = spectrogram.clone()
    noisy[1, 13:] = 1e3
    torch.testing.assert_close(net(noisy, lengths), net(spectrogram, lengths))


@pytest.mark.parametrize("stem", ["conv", "patch"])
def test_clips_longer_than_promised_keep_their_answer_in_a_batch(stem: str) -> None:
    net = small(stem).eval()
    spectrogram, lengths = torch.randn(2, 200, 20), torch.tensor([200, 110])
    spectrogram[1, 110:] = 0.0
    alone = net(spectrogram[1:, :110], lengths[1:])
    torch.testing.assert_close(net(spectrogram, lengths)[1:], alone, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("stem", ["conv", "patch"])
def test_exported_program_masks_other_lengths(stem: str) -> None:
    net = small(stem).eval()
    program = torch.export.export(net, (torch.randn(2, 40, 20), torch.tensor([40, 40]))).module()
    spectrogram, lengths = torch.randn(2, 40, 20), torch.tensor([9, 40])
    torch.testing.assert_close(program(spectrogram, lengths), net(spectrogram, lengths), atol=1e-5, rtol=1e-4)


def test_unknown_stem_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"stem 'patches', did you mean 'patch'\?; expected conv or patch"):
        small("patches")
