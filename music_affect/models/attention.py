"""Transformer layers with masked self-attention."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from music_affect.contracts.errors import ConfigurationError


class SelfAttention(nn.Module):
    """Multi-head self-attention in which no token looks at padding.

    Args:
        width: d, the columns of a token.
        heads: number of heads; divides the width.

    Raises:
        ConfigurationError: the heads do not divide the width.

    Reference:
        A. Vaswani et al., "Attention Is All You Need", NeurIPS 2017.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        if width % heads:
            raise ConfigurationError(
                f"a width of {width} with {heads} heads",
                expected="a width that the number of heads divides",
                fix="change model.net.width or model.net.heads",
            )
        self.heads = heads
        self.query_key_value = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)

    def forward(self, tokens: Tensor, mask: Tensor | None) -> Tensor:
        """Attend.

        Args:
            tokens: float [B, N, d].
            mask: True where a token is valid, bool [B, N]; None where all are.

        Returns:
            float [B, N, d]; what stands in the places of padded tokens has no meaning.
        """
        batch, count, width = tokens.shape
        joined = self.query_key_value(tokens).view(batch, count, 3, self.heads, width // self.heads)
        query, key, value = joined.permute(2, 0, 3, 1, 4)  # [B, heads, N, d / heads] each
        keys = None if mask is None else mask[:, None, None, :]
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=keys)
        output: Tensor = self.output(mixed.transpose(1, 2).reshape(batch, count, width))
        return output


class TransformerLayer(nn.Module):
    """Self-attention and a two-layer perceptron, each normalised before and added to what came in.

    Args:
        width: d, the columns of a token.
        heads: number of attention heads.
        mlp_ratio: hidden units of the perceptron for each column of a token.
        dropout: share of each branch's output dropped in training.
        norm_eps: added to the variance by each norm.

    Reference:
        R. Xiong et al., "On Layer Normalization in the Transformer Architecture", ICML 2020.
    """

    def __init__(self, width: int, heads: int, mlp_ratio: int, dropout: float, norm_eps: float = 1e-5) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width, eps=norm_eps)
        self.attention = SelfAttention(width, heads)
        self.perceptron_norm = nn.LayerNorm(width, eps=norm_eps)
        hidden = mlp_ratio * width
        self.perceptron = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens: Tensor, mask: Tensor | None) -> Tensor:
        """Tokens [B, N, d] and mask [B, N] (None: all valid) to tokens [B, N, d]."""
        tokens = tokens + self.dropout(self.attention(self.attention_norm(tokens), mask))
        updated: Tensor = tokens + self.dropout(self.perceptron(self.perceptron_norm(tokens)))
        return updated
