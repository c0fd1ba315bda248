"""Attention and transformer layers, with PyTorch's names of parameters (batch first)."""
from .. import _tensor, errors, ops
from . import functional, init
from .layers import Dropout, LayerNorm, Linear
from .module import Module, ModuleList, Parameter


class MultiheadAttention(Module):
    """Multi-head attention (Vaswani et al. 2017). query: [B, T, embed_dim]; key, value: [B, S, embed_dim].

    bias: of all projections. dropout: of the probabilities, in training.
    """

    def __init__(self, embed_dim, num_heads, dropout=0.0, bias=True):
        super().__init__()
        if num_heads < 1 or embed_dim % num_heads:
            raise errors.ValueError(f"MultiheadAttention: embed_dim {embed_dim} must be a multiple of num_heads "
                                    f"{num_heads}")
        self.num_heads, self.dropout = num_heads, dropout
        self.in_proj_weight = Parameter(_tensor.zeros((3 * embed_dim, embed_dim)))
        self.register_parameter("in_proj_bias", Parameter(_tensor.zeros(3 * embed_dim)) if bias else None)
        self.out_proj = Linear(embed_dim, embed_dim, bias)
        self.reset()

    def reset(self, seed=None, prefix=""):
        init.xavier_uniform_(self.in_proj_weight, seed=seed, name=prefix + "in_proj_weight")
        if self.in_proj_bias is not None:
            init.zeros_(self.in_proj_bias)

    def forward(self, query, key=None, value=None, mask=None, is_causal=False):
        """mask: as functional.scaled_dot_product_attention. Without key and value: self-attention, in one product."""
        size, weight, bias = query.shape[-1], self.in_proj_weight, self.in_proj_bias
        if key is None:
            packed = ops.linear(query, weight, bias)
            parts = [packed[..., i * size:(i + 1) * size] for i in range(3)]
        else:
            parts = [ops.linear(x, weight[i * size:(i + 1) * size], None if bias is None else
                                bias[i * size:(i + 1) * size])
                     for i, x in enumerate((query, key, key if value is None else value))]
        q, k, v = (self._heads(x) for x in parts)
        y = functional.scaled_dot_product_attention(q, k, v, mask, self.dropout if self.training else 0.0, is_causal)
        return self.out_proj(y.permute(0, 2, 1, 3).reshape(*query.shape))

    def _heads(self, x):
        batch, length, size = x.shape
        return x.reshape(batch, length, self.num_heads, size // self.num_heads).permute(0, 2, 1, 3)

    def extra_repr(self):
        return f"{self.in_proj_weight.shape[1]}, num_heads={self.num_heads}"


class TransformerEncoderLayer(Module):
    """Self-attention and a feed-forward net, each with a residual and a layer norm behind it (before: norm_first)."""

    def __init__(self, d_model, nhead, dim_feedforward=2048, dropout=0.1, activation="relu", layer_norm_eps=1e-5,
                 norm_first=False):
        super().__init__()
        if activation not in ("relu", "gelu"):
            raise errors.ValueError(f"TransformerEncoderLayer: activation is '{activation}'; it can be relu or gelu")
        self.self_attn = MultiheadAttention(d_model, nhead, dropout)
        self.linear1, self.linear2 = Linear(d_model, dim_feedforward), Linear(dim_feedforward, d_model)
        self.norm1, self.norm2 = LayerNorm(d_model, layer_norm_eps), LayerNorm(d_model, layer_norm_eps)
        self.dropout, self.dropout1, self.dropout2 = Dropout(dropout), Dropout(dropout), Dropout(dropout)
        self.activation, self.norm_first = activation, norm_first

    def forward(self, x, mask=None, is_causal=False):
        """x: [B, T, d_model]."""
        if self.norm_first:
            x = x + self.dropout1(self.self_attn(self.norm1(x), mask=mask, is_causal=is_causal))
            return x + self._feed_forward(self.norm2(x))
        x = self.norm1(x + self.dropout1(self.self_attn(x, mask=mask, is_causal=is_causal)))
        return self.norm2(x + self._feed_forward(x))

    def _feed_forward(self, x):
        hidden = self.linear1(x)
        hidden = hidden.relu() if self.activation == "relu" else hidden.gelu()
        return self.dropout2(self.linear2(self.dropout(hidden)))


class TransformerEncoder(Module):
    """num_layers layers one after the other, made by make_layer(), then a norm if one is given."""

    def __init__(self, make_layer, num_layers, norm=None):
        super().__init__()
        self.layers = ModuleList([make_layer() for _ in range(num_layers)])
        self.norm = norm

    def forward(self, x, mask=None, is_causal=False):
        for layer in self.layers:
            x = layer(x, mask, is_causal)
        return x if self.norm is None else self.norm(x)


class TransformerDecoderLayer(Module):
    """Self-attention, attention to the encoder's states, and a feed-forward net; parameters named as PyTorch's."""

    def __init__(self, d_model, nhead, dim_feedforward=2048, dropout=0.1, activation="relu", layer_norm_eps=1e-5,
                 norm_first=False):
        super().__init__()
        if activation not in ("relu", "gelu"):
            raise errors.ValueError(f"TransformerDecoderLayer: activation is '{activation}'; it can be relu or gelu")
        self.self_attn = MultiheadAttention(d_model, nhead, dropout)
        self.multihead_attn = MultiheadAttention(d_model, nhead, dropout)
        self.linear1, self.linear2 = Linear(d_model, dim_feedforward), Linear(dim_feedforward, d_model)
        self.norm1, self.norm2, self.norm3 = (LayerNorm(d_model, layer_norm_eps) for _ in range(3))
        self.dropout, self.dropout1, self.dropout2, self.dropout3 = (Dropout(dropout) for _ in range(4))
        self.activation, self.norm_first = activation, norm_first

    def forward(self, x, memory, mask=None, memory_mask=None, is_causal=False):
        """x: [B, T, d_model]; memory: [B, S, d_model]. is_causal: a position sees none behind it."""
        if self.norm_first:
            x = x + self.dropout1(self.self_attn(self.norm1(x), mask=mask, is_causal=is_causal))
            x = x + self.dropout2(self.multihead_attn(self.norm2(x), memory, memory, memory_mask))
            return x + self._feed_forward(self.norm3(x))
        x = self.norm1(x + self.dropout1(self.self_attn(x, mask=mask, is_causal=is_causal)))
        x = self.norm2(x + self.dropout2(self.multihead_attn(x, memory, memory, memory_mask)))
        return self.norm3(x + self._feed_forward(x))

    def _feed_forward(self, x):
        hidden = self.linear1(x)
        hidden = hidden.relu() if self.activation == "relu" else hidden.gelu()
        return self.dropout3(self.linear2(self.dropout(hidden)))


class TransformerDecoder(Module):
    """num_layers layers one after the other, made by make_layer(), then a norm if one is given."""

    def __init__(self, make_layer, num_layers, norm=None):
        super().__init__()
        self.layers = ModuleList([make_layer() for _ in range(num_layers)])
        self.norm = norm

    def forward(self, x, memory, mask=None, memory_mask=None, is_causal=False):
        for layer in self.layers:
            x = layer(x, memory, mask, memory_mask, is_causal)
        return x if self.norm is None else self.norm(x)
