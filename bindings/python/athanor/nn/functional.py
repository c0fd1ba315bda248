"""Layers without state, as functions: the ops under the names and with the defaults of the field."""
from .. import errors, ops
from .._random import next_key
from ..ops import (adaptive_max_pool2d, bce_with_logits, ctc_loss, elu, focal_loss, gelu, group_norm,  # noqa: F401
                   hardsigmoid, hardswish, huber_loss, kl_div, l1_loss, leaky_relu, linear, log_softmax, mish,
                   mse_loss, prelu, relu, relu6, roi_align, selu, sigmoid, silu, softmax, softplus, stft, tanh,
                   triplet_margin_loss)

__all__ = [name for name in dir() if not name.startswith("_") and name not in ("errors", "ops", "next_key")]


def pair(value):
    """(value, value), or the two numbers that were given."""
    return (value, value) if isinstance(value, int) else tuple(value)


def spread(value, axes):
    """value for each of `axes` axes, or the numbers that were given."""
    return (value,) * axes if isinstance(value, int) else tuple(value)


def _ignored(index):
    return () if index is None else (index,)


def cross_entropy(logits, target, weight=None, label_smoothing=0.0, reduction="mean", ignore_index=None):
    """Softmax cross-entropy of logits [N, C, ...] with class numbers [N, ...] or probabilities [N, C, ...].

    ignore_index: a class number that counts nothing; None: every number must be a class.
    """
    return ops.cross_entropy(logits, target, weight, label_smoothing, reduction, _ignored(ignore_index))


def nll_loss(log_probs, target, weight=None, ignore_index=None, reduction="mean"):
    """Minus the log-probability of the target class."""
    return ops.nll_loss(log_probs, target, weight, _ignored(ignore_index), reduction)


def smooth_l1_loss(x, target, reduction="mean", beta=1.0):
    """The Huber loss with delta = beta, divided by beta."""
    return ops.huber_loss(x, target, beta, reduction) / beta


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


def interpolate(x, size=None, scale_factor=None, mode="nearest", align_corners=False, antialias=False):
    """x, [N, C, L] or [N, C, H, W], in another size, or its sizes times scale_factor. mode: see ops.interpolate."""
    if (size is None) == (scale_factor is None):
        raise errors.ValueError("interpolate: give either size or scale_factor"
                                + ("" if size is None else ", not both"))
    axes = x.ndim - 2
    if size is not None:
        size = (size,) * axes if isinstance(size, int) else tuple(size)
        return ops.interpolate(x, size, mode, bool(align_corners), antialias)
    scale = tuple(scale_factor) if isinstance(scale_factor, (tuple, list)) else (scale_factor,) * axes
    if len(scale) != axes:
        raise errors.ValueError(f"interpolate: scale_factor has {len(scale)} numbers; x of {x.ndim} axes needs {axes}")
    return ops.interpolate(x, (), mode, bool(align_corners), antialias, float(scale[0]) if axes == 2 else 0.0,
                           float(scale[-1]) if scale else 0.0)


def grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=False):
    """x, [N, C, H, W], at the places of grid, [N, h, w, 2]: column and row from -1 to 1. See ops.grid_sample."""
    return ops.grid_sample(x, grid, mode, padding_mode, bool(align_corners))


def affine_grid(theta, size, align_corners=False):
    """The grid of grid_sample for affine maps theta, [N, 2, 3]; size: [N, C, H, W] or [H, W] of the result."""
    return ops.affine_grid(theta, tuple(size)[-2:], bool(align_corners))
