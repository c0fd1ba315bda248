"""Layers without state, as functions: the ops under the names and with the defaults of the field."""
from .. import ops
from .._random import next_key
from ..ops import (bce_with_logits, cross_entropy, elu, gelu, hardsigmoid, hardswish, l1_loss, leaky_relu, linear,
                   log_softmax, mish, mse_loss, prelu, relu, relu6, selu, sigmoid, silu, softmax, softplus, tanh)

__all__ = [name for name in dir() if not name.startswith("_") and name not in ("ops", "next_key")]


def pair(value):
    """(value, value), or the two numbers that were given."""
    return (value, value) if isinstance(value, int) else tuple(value)


def conv2d(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """2-D convolution. x: [N, C, H, W]; weight: [out, C / groups, h, w]."""
    return ops.conv2d(x, weight, bias, pair(stride), pair(padding), pair(dilation), groups)


def max_pool2d(x, kernel, stride=None, padding=0):
    """The largest of each window. stride: default the kernel's size."""
    return ops.max_pool2d(x, pair(kernel), pair(kernel if stride is None else stride), pair(padding))


def avg_pool2d(x, kernel, stride=None, padding=0, count_include_pad=True):
    """The mean of each window. stride: default the kernel's size."""
    return ops.avg_pool2d(x, pair(kernel), pair(kernel if stride is None else stride), pair(padding),
                          count_include_pad)


def adaptive_avg_pool2d(x, size):
    """The means of size[0] x size[1] windows that cover the picture."""
    return ops.adaptive_avg_pool2d(x, pair(size))


def dropout(x, p=0.5, training=True):
    """Elements are 0 with probability p, the others divided by 1 - p; x itself when not training.

    The numbers are the next draw of random_scope or manual_seed.
    """
    return ops.dropout(x, p, *next_key("dropout")) if training and p > 0 else x


def layer_norm(x, weight=None, bias=None, dims=1, eps=1e-5):
    """Normalises the last `dims` axes together."""
    return ops.layer_norm(x, weight, bias, dims, eps)


def rms_norm(x, weight=None, dims=1, eps=1e-5):
    """Divides by the root mean square of the last `dims` axes."""
    return ops.rms_norm(x, weight, dims, eps)


def scaled_dot_product_attention(q, k, v, mask=None, dropout_p=0.0, is_causal=False, scale=None):
    """softmax(q k^T * scale + mask) v without storing the scores.

    q: [B, H, T, D]; k, v: [B, Hk, S, D], H a multiple of Hk; mask broadcasts to [B, H, T, S]: bool, true where a query
    may look, or floating. is_causal: the last query sees all keys, each one before it one less. Dropout takes the next
    draw of random_scope or manual_seed.
    """
    seed, stream = next_key("attention") if dropout_p > 0 else (0, 0)
    return ops.attention(q, k, v, mask, is_causal, scale or 0.0, dropout_p, seed, stream)


def embedding(index, weight):
    """The rows of weight [count, size] that the integers name: index.shape + [size]."""
    return ops.index_select(weight, index, 0)


def one_hot(index, classes):
    """float32 [.., classes], 1 at the class."""
    return ops.one_hot(index, classes)
