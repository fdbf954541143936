import pytest
import torch

from music_affect.contracts.errors import ConfigurationError
from music_affect.models.pooling import MaskedPooling, masked_last, masked_max, masked_mean

SEQUENCE = torch.tensor([[[1.0, -4.0], [3.0, -2.0], [90.0, 90.0]], [[1.0, -1.0], [2.0, -2.0], [6.0, -9.0]]])
MASK = torch.tensor([[True, True, False], [True, True, True]])


def test_mean_max_and_last_by_hand() -> None:
    assert masked_mean(SEQUENCE, MASK).tolist() == [[2.0, -3.0], [3.0, -4.0]]
    assert masked_max(SEQUENCE, MASK).tolist() == [[3.0, -2.0], [6.0, -1.0]]
    # Column 0 reads forwards and ends at the last valid frame, column 1 backwards and ends at frame 0.
    assert masked_last(SEQUENCE, MASK).tolist() == [[3.0, -4.0], [6.0, -1.0]]


@pytest.mark.parametrize("kind", ["attention", "last", "max", "mean", "attention_mean_max_last"])
def test_no_mask_is_the_mask_of_only_valid_frames(kind: str) -> None:
    torch.manual_seed(0)
    pooling = MaskedPooling(kind, 2)
    pooled = pooling(SEQUENCE, None)
    assert pooled.shape == (2, pooling.out_features)
    torch.testing.assert_close(pooled, pooling(SEQUENCE, torch.ones(2, 3, dtype=torch.bool)))


def test_attention_is_a_weighted_mean_of_valid_frames() -> None:
    pooling = MaskedPooling("attention", 2)
    assert pooling.attention is not None
    torch.nn.init.zeros_(pooling.attention.score.weight)
    torch.testing.assert_close(pooling(SEQUENCE, MASK), masked_mean(SEQUENCE, MASK))
    torch.nn.init.constant_(pooling.attention.score.weight, 50.0)
    torch.testing.assert_close(pooling(SEQUENCE, MASK)[0], SEQUENCE[0, 1])


def test_poolings_stand_in_the_order_of_their_names() -> None:
    pooled = MaskedPooling("max_mean", 2)(SEQUENCE, MASK)
    assert pooled[0].tolist() == [3.0, -2.0, 2.0, -3.0]


def test_padding_gets_no_gradient() -> None:
    sequence = SEQUENCE.clone().requires_grad_()
    MaskedPooling("attention_mean_max_last", 2)(sequence, MASK).sum().backward()
    assert sequence.grad is not None
    assert not sequence.grad[0, 2].any()
    assert bool(sequence.grad.isfinite().all())


def test_unknown_name_is_an_error_with_a_way_out() -> None:
    with pytest.raises(ConfigurationError, match=r"'atention', did you mean 'attention'\?.*attention, last, max, mean"):
        MaskedPooling("atention_mean", 4)
