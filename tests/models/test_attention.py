import pytest
import torch
from torch import nn

from music_affect.contracts.errors import ConfigurationError
from music_affect.models.attention import SelfAttention, TransformerLayer


def test_agrees_with_the_reference_of_torch() -> None:
    torch.manual_seed(0)
    attention = SelfAttention(12, 3)
    reference = nn.MultiheadAttention(12, 3, batch_first=True)
    reference.in_proj_weight.data = attention.query_key_value.weight.data
    reference.in_proj_bias.data = attention.query_key_value.bias.data
    reference.out_proj.load_state_dict(attention.output.state_dict())
    tokens, mask = torch.randn(2, 5, 12), torch.tensor([[True] * 5, [True, True, False, False, False]])
    expected, _ = reference(tokens, tokens, tokens, key_padding_mask=~mask)
    torch.testing.assert_close(attention(tokens, mask), expected, atol=1e-6, rtol=1e-5)


def test_layer_agrees_with_the_pre_norm_reference_of_torch() -> None:
    torch.manual_seed(0)
    layer = TransformerLayer(12, 3, mlp_ratio=2, dropout=0.1).eval()
    reference = nn.TransformerEncoderLayer(12, 3, 24, activation="gelu", batch_first=True, norm_first=True).eval()
    renamed = {
        "attention.query_key_value.weight": "self_attn.in_proj_weight",
        "attention.query_key_value.bias": "self_attn.in_proj_bias",
        "attention.output.weight": "self_attn.out_proj.weight",
        "attention.output.bias": "self_attn.out_proj.bias",
    }
    prefixes = {
        "perceptron.0": "linear1",
        "perceptron.2": "linear2",
        "attention_norm": "norm1",
        "perceptron_norm": "norm2",
    }
    for name, weight in layer.state_dict().items():
        module, _, kind = name.rpartition(".")
        reference.get_parameter(renamed.get(name) or f"{prefixes[module]}.{kind}").data = weight
    tokens = torch.randn(2, 5, 12)
    torch.testing.assert_close(layer(tokens, None), reference(tokens), atol=1e-5, rtol=1e-5)


def test_padded_tokens_are_never_looked_at() -> None:
    torch.manual_seed(0)
    layer = TransformerLayer(12, 3, mlp_ratio=2, dropout=0.0)
    tokens, mask = torch.randn(1, 5, 12), torch.tensor([[True, True, True, False, False]])
    disturbed = tokens.clone()
    disturbed[:, 3:] = 100.0
    torch.testing.assert_close(layer(disturbed, mask)[:, :3], layer(tokens, mask)[:, :3])
    torch.testing.assert_close(layer(tokens[:, :3], None), layer(tokens, mask)[:, :3])
    assert not torch.allclose(layer(disturbed, None)[:, :3], layer(tokens, None)[:, :3])


def test_heads_that_do_not_divide_the_width_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"a width of 96 with 5 heads; expected .*model\.net\.heads"):
        SelfAttention(96, 5)
