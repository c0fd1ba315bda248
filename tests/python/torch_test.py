"""Every op that PyTorch has too, against PyTorch: values and gradients on random shapes, strides and dtypes.

ATH_TORCH_CASES: random cases for each op and dtype (default 12). A new op needs one line in CASES, or in ALONE the
reason why PyTorch cannot judge it; an op in neither fails.
"""
import os
import unittest

import numpy as np
import torch
import torch.nn.functional as F

import athanor as ath
from athanor._ops import all_ops

COUNT = int(os.environ.get("ATH_TORCH_CASES", "12"))
torch.set_num_threads(1)


class Draw:
    """Random inputs of one case, the same for both."""

    def __init__(self, seed, dtype):
        self.random = np.random.default_rng(seed)
        self.dtype = dtype

    def integer(self, low, high):
        return int(self.random.integers(low, high))

    def flip(self):
        return bool(self.random.integers(2))

    def pick(self, *items):
        return items[self.integer(0, len(items))]

    def shape(self, low=0, high=4, least=1):
        return tuple(self.integer(least, 6) for _ in range(self.integer(low, high + 1)))

    def array(self, shape=None, low=-2.0, high=2.0, gap=0.0):
        """Uniform values, not nearer to a whole number than gap; in memory transposed, sliced or plain."""
        shape = self.shape() if shape is None else shape
        values = self.random.uniform(low, high, shape)
        if gap:
            values = np.floor(values) + gap + (values - np.floor(values)) * (1 - 2 * gap)
        values = np.asarray(values, self.dtype)
        kind = self.integer(0, 3)
        if kind == 1 and values.ndim >= 2:
            return np.ascontiguousarray(values.swapaxes(0, -1)).swapaxes(0, -1)
        if kind == 2 and values.ndim >= 1:
            wide = np.zeros((*shape[:-1], 2 * shape[-1]), self.dtype)
            wide[..., ::2] = values
            return wide[..., ::2]
        return values

    def distinct(self, shape):
        values = self.random.permutation(int(np.prod(shape))).reshape(shape) * 0.1 - 1
        return np.asarray(values, self.dtype)

    def pair(self, low=-2.0, high=2.0, **how):
        """Two arrays that broadcast."""
        shape = self.shape()
        other = tuple(1 if self.flip() else n for n in shape)[self.integer(0, len(shape) + 1):]
        pair = [self.array(shape, low, high, **how), self.array(other, low, high, **how)]
        return pair[::-1] if self.flip() else pair

    def pair_of_one_shape(self):
        shape = self.shape()
        return [self.array(shape), self.array(shape)]

    def square(self, n=None):
        n = n or self.integer(1, 5)
        return np.asarray(self.random.uniform(-1, 1, (2, n, n)) + 2 * np.eye(n), self.dtype)

    def axis(self, array):
        return self.integer(-array.ndim, array.ndim)


def unary(function, low=-2.0, high=2.0, gap=0.0):
    return lambda d: ([d.array(low=low, high=high, gap=gap)], {}, function)


def binary(function, low=-2.0, high=2.0, gap=0.0):
    return lambda d: (d.pair(low, high, gap=gap), {}, function)


def along(function, distinct=False, **fixed):
    """An op along one axis."""
    def make(d):
        shape = d.shape(1)
        x = d.distinct(shape) if distinct else d.array(shape)
        axis = d.axis(x)
        return [x], {"axis": axis, **fixed}, lambda t: function(t, axis)
    return make


def reduction(function, distinct=False):
    def make(d):
        shape = d.shape(1)
        x = d.distinct(shape) if distinct else d.array(shape)
        axes = tuple(sorted({d.integer(0, x.ndim) for _ in range(d.integer(1, x.ndim + 1))}))
        keep = d.flip()
        return [x], {"axes": axes, "keep": keep}, lambda t: function(t, axes, keep)
    return make


def bits(function, low=-100, high=100, second=None):
    def make(d):
        shape = d.shape()
        a, b = d.random.integers(low, high, shape), d.random.integers(*(second or (low, high)), shape)
        return [a, b] if function is not torch.bitwise_not else [a], {}, function
    return make


def lerp(d):
    shape = d.shape()
    return [d.array(shape), d.array(shape), d.array(shape)], {}, torch.lerp


def glu(d):
    x = d.array((*d.shape(0, 2), 2 * d.integer(1, 4)))
    return [x], {}, F.glu


def conv1d(d):
    groups = d.integer(1, 3)
    inside, out, k = groups * d.integer(1, 3), groups * d.integer(1, 3), d.integer(1, 4)
    stride, padding, dilation = d.integer(1, 3), d.integer(0, 2), d.integer(1, 3)
    return [d.array((2, inside, d.integer(7, 12))), d.array((out, inside // groups, k)), d.array((out,))], \
        {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}, \
        lambda *t: F.conv1d(*t, stride, padding, dilation, groups)


def conv_transpose(axes):
    judge = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[axes - 1]

    def make(d):
        groups = d.integer(1, 3)
        inside, out, k = groups * d.integer(1, 3), groups * d.integer(1, 3), d.integer(1, 4)
        stride, dilation = d.integer(1, 4), d.integer(1, 3)
        padding = d.integer(0, dilation * (k - 1) // 2 + 1)
        more = d.integer(0, max(stride, dilation))
        same = [(n,) * axes for n in (stride, padding, more, dilation)]
        return [d.array((2, inside, *[d.integer(2, 6)] * axes)), d.array((inside, out // groups, *[k] * axes)),
                d.array((out,))], \
            {"stride": same[0], "padding": same[1], "output_padding": same[2], "dilation": same[3], "groups": groups}, \
            lambda *t: judge(*t, stride, padding, more, groups, dilation)
    return make


def scan(function):
    def make(d):
        x = d.array(d.shape(1))
        axis = d.axis(x)
        return [x], {"axis": axis}, lambda t: function(t, axis)
    return make


def variance(function):
    def make(d):
        x = d.array(d.shape(1, 4, 2))
        axis, keep, correction = d.integer(0, x.ndim), d.flip(), d.integer(0, 2)
        return [x], {"axes": axis, "keep": keep, "correction": correction}, \
            lambda t: function(t, axis, correction=correction, keepdim=keep)
    return make


def one_axis(function):
    def make(d):
        x = d.array(d.shape(1))
        axis, keep = d.integer(0, x.ndim), d.flip()
        return [x], {"axes": axis, "keep": keep}, lambda t: function(t, axis, keep)
    return make


def norm(d):
    x, p = d.array(d.shape(1), 0.2, 2), d.pick(1.0, 2.0, 3.0, 1.5, float("inf"))
    x = d.distinct(x.shape) + np.asarray(2.03, d.dtype) if p == float("inf") else x
    axis, keep = d.integer(0, x.ndim), d.flip()
    return [x], {"p": p, "axes": axis, "keep": keep}, lambda t: torch.linalg.vector_norm(t, p, axis, keep)


def sort(function):
    def make(d):
        x = d.distinct(d.shape(1))
        axis, descending = d.axis(x), d.flip()
        return [x], {"axis": axis, "descending": descending}, lambda t: function(t, axis, descending)
    return make


def stack(d):
    shape = d.shape()
    axis = d.integer(0, len(shape) + 1)
    return [[d.array(shape) for _ in range(3)]], {"axis": axis}, lambda *t: torch.stack(t, axis)


def split(d):
    x = d.array(d.shape(1))
    axis = d.integer(0, x.ndim)
    first = d.integer(0, x.shape[axis] + 1)
    sizes = (first, x.shape[axis] - first)
    return [x], {"sizes": sizes, "axis": axis}, lambda t: torch.split(t, sizes, axis)


def roll(d):
    x = d.array(d.shape(1))
    axis, by = d.integer(0, x.ndim), d.integer(-7, 8)
    return [x], {"shifts": by, "axes": axis}, lambda t: t.roll(by, axis)


def tile(d):
    x = d.array(d.shape(1))
    repeats = tuple(d.integer(1, 4) for _ in x.shape)
    return [x], {"repeats": repeats}, lambda t: t.repeat(*repeats)


def rot90(d):
    x, turns = d.array(d.shape(2)), d.integer(-5, 6)
    return [x], {"turns": turns}, lambda t: torch.rot90(t, turns, (0, 1))


def triangle(function):
    def make(d):
        x, k = d.array(d.shape(2)), d.integer(-3, 4)
        return [x], {"diagonal": k}, lambda t: function(t, k)
    return make


def scatter(d):
    x = d.array(d.shape(1))
    axis = d.integer(0, x.ndim)
    # No two meet: PyTorch does not say which stays.
    index = np.argsort(d.random.random(x.shape), axis)
    return [x, index, d.array(x.shape)], {"axis": axis}, lambda t, i, s: torch.scatter(t, axis, i, s)


def scatter_max(d):
    both = d.distinct((2, *d.shape(1)))
    axis = d.integer(0, both.ndim - 1)
    index = np.argsort(d.random.random(both.shape[1:]), axis)
    return [both[0], index, both[1]], {"axis": axis}, \
        lambda t, i, s: torch.scatter_reduce(t, axis, i, s, "amax")


def index(d):
    x = d.array(d.shape(2))
    rows, columns = (d.random.integers(-n, n, (3, 2)) for n in x.shape[:2])
    return [x, [rows, columns]], {}, lambda t, i, j: t[i, j]


def interpolate(d):
    wide = d.pick(1, 2)
    mode = d.pick("nearest", "nearest-exact", *(("linear",) if wide == 1 else ("bilinear", "bicubic")))
    smooth, filtered = not mode.startswith("nearest"), mode in ("bilinear", "bicubic")
    align, antialias = smooth and d.flip(), filtered and d.flip()
    x = d.array((2, d.integer(1, 4), *(d.integer(2, 9) for _ in range(wide))))
    judge = {"mode": mode, "align_corners": align if smooth else None, **({"antialias": True} if antialias else {})}
    same = {"mode": mode, "align_corners": align, "antialias": antialias}
    if d.flip():
        size = tuple(d.integer(1, 14) for _ in range(wide))
        return [x], {"size": size, **same}, lambda t: F.interpolate(t, size, **judge)
    scale = [float(d.random.uniform(0.51, 2.5)) for _ in range(wide)]
    if not smooth:
        # PyTorch's nearest takes a size that stays or doubles for a scale of 1 or 2, but not on all of its paths.
        scale = [s + 0.5 if int(n * s) in (n, 2 * n) else s for s, n in zip(scale, x.shape[2:])]
        scale = [3.0 if int(n * s) in (n, 2 * n) else s for s, n in zip(scale, x.shape[2:])]
    return [x], {"width_scale": scale[-1], "height_scale": scale[0], **same}, \
        lambda t: F.interpolate(t, scale_factor=scale, **judge)


def grid_sample(d):
    mode, padding, align = d.pick("bilinear", "nearest", "bicubic"), d.pick("zeros", "border", "reflection"), d.flip()
    n = d.integer(1, 3)
    x, grid = d.array((n, d.integer(1, 4), d.integer(2, 7), d.integer(2, 7))), d.array((n, 3, d.integer(1, 5), 2))
    return [x, grid], {"mode": mode, "padding": padding, "align_corners": align}, \
        lambda t, g: F.grid_sample(t, g, mode, padding, align)


def affine_grid(d):
    n, size, align = d.integer(1, 4), (d.integer(1, 6), d.integer(1, 6)), d.flip()
    return [d.array((n, 2, 3))], {"size": size, "align_corners": align}, \
        lambda t: F.affine_grid(t, (n, 1, *size), align)


def spectrum(d):
    """n_fft, hop, window and the attributes that stft and istft share; hops that leave no gap."""
    n = d.integer(2, 13)
    hop = d.integer(1, max(2, n // 2))
    same = {"n_fft": n, "hop": hop, "center": d.flip(), "normalized": d.flip(), "onesided": d.flip()}
    return n, hop, d.array((d.integer(max(1, n - 2), n + 1),), 0.5, 1.5), same


def stft(d):
    n, hop, window, same = spectrum(d)
    x = d.array((*d.shape(0, 1), d.integer(n, 30)))

    def judge(t, w):
        return real(torch.stft(t, n, hop, len(window), w, same["center"], "reflect", same["normalized"],
                               same["onesided"], True))
    return [x, window], same, judge


def istft(d):
    n, hop, _, same = spectrum(d)
    window, pieces = d.array((n,), 0.5, 1.5), d.integer(4, 8)
    bins = n // 2 + 1 if same["onesided"] else n
    length = d.pick(0, (pieces - 1) * hop - 1) if same["center"] else 0
    return [d.array((2, bins, pieces, 2)), window], {**same, "length": max(0, length)}, \
        lambda t, w: torch.istft(torch.view_as_complex(t.contiguous()), n, hop, n, w, same["center"],
                                 same["normalized"], same["onesided"], length if length > 0 else None)


EQUATIONS = ("ij,jk->ik", "bij,bjk->bki", "ii->i", "iij->j", "ij", "ba", "ii", "i,j->ij", "ij,ij->", "...ij,...jk->...ik",
             "...i,i", "i...->...", "ab,bc,cd->ad", "bhqd,bhkd->bhqk", "abc,cd,de,ea->b", "i,i,i->", "ab...,b->...a",
             "abb,b->ab", "Ab,bA", "ij,k->jk")


def einsum(d):
    equation = d.pick(*EQUATIONS)
    sizes = {c: d.integer(1, 5) for c in equation if c.isalpha()}
    dots = d.shape(0, 2)
    operands = []
    for term in equation.split("->")[0].split(","):
        more = tuple(1 if d.integer(0, 4) == 0 else n for n in dots)[d.integer(0, len(dots) + 1):]
        front, open_, back = term.partition("...")
        operands.append(d.array((*(sizes[c] for c in front), *(more if open_ else ()), *(sizes[c] for c in back))))
    return [operands], {"equation": equation}, lambda *t: torch.einsum(equation, *t)


def diagonal(d):
    x, offset = d.array(d.shape(2)), d.integer(-3, 4)
    first = d.integer(0, x.ndim)
    second = (first + d.integer(1, x.ndim)) % x.ndim
    offset = min(max(offset, 1 - x.shape[first]), x.shape[second] - 1)
    return [x], {"offset": offset, "first": first, "second": second}, \
        lambda t: torch.diagonal(t, offset, first, second)


def trace(d):
    x, offset = d.array(d.shape(2)), d.integer(-2, 3)
    return [x], {"offset": offset}, lambda t: torch.diagonal(t, offset, -2, -1).sum(-1)


def cross(d):
    shape = list(d.shape(1))
    axis = d.integer(0, len(shape))
    shape[axis] = 3
    return [d.array(tuple(shape)), d.array(tuple(shape))], {"axis": axis}, lambda a, b: torch.cross(a, b, axis)


def cdist(d):
    lead, wide, p = d.shape(0, 2), d.integer(1, 5), d.pick(1.0, 2.0, 3.0, float("inf"))
    a = d.array((*lead, d.integer(1, 6), wide))
    b = d.array((*lead, d.integer(1, 6), wide))
    return [a, b], {"p": p}, lambda x, y: torch.cdist(x, y, p, "donot_use_mm_for_euclid_dist")


def searchsorted(d):
    values, right = np.sort(np.round(d.array((d.integer(1, 9),)), 1)), d.flip()
    return [values, np.asarray(np.round(d.array(), 1))], {"right": right}, \
        lambda s, x: torch.searchsorted(s, x.contiguous(), right=right)


def bincount(d):
    size = d.integer(1, 6)
    return [d.random.integers(0, size, d.shape())], {"size": size}, \
        lambda t: torch.bincount(t.reshape(-1), minlength=size)


def conv2d(d):
    groups = d.integer(1, 3)
    inside, out, k = groups * d.integer(1, 3), groups * d.integer(1, 3), d.integer(1, 4)
    x, w = d.array((2, inside, d.integer(5, 9), d.integer(5, 9))), d.array((out, inside // groups, k, k))
    b = d.array((out,))
    stride, padding, dilation = (d.integer(1, 3),) * 2, (d.integer(0, 2),) * 2, (d.integer(1, 3),) * 2
    return [x, w, b], {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}, \
        lambda *t: F.conv2d(*t, stride, padding, dilation, groups)


def window(function, **fixed):
    def make(d):
        x = d.distinct((2, 3, d.integer(4, 9), d.integer(4, 9)))
        k, s = d.integer(2, 4), d.integer(1, 4)
        p = d.integer(0, k // 2 + 1)
        return [x], {"kernel": (k, k), "stride": (s, s), "padding": (p, p), **fixed}, \
            lambda t: function(t, k, s, p)
    return make


def loss(function, target=lambda d, shape: d.array(shape, 0.05, 0.95)):
    def make(d):
        shape = d.shape(1)
        reduction = d.pick("mean", "sum", "none")
        return [d.array(shape), target(d, shape)], {"reduction": reduction}, \
            lambda *t: function(*t, reduction=reduction)
    return make


def cross_entropy(d):
    n, c = d.integer(1, 6), d.integer(2, 6)
    smoothing, reduction = d.pick(0.0, 0.1), d.pick("mean", "sum", "none")
    return [d.array((n, c)), d.random.integers(0, c, n), d.array((c,), 0.5, 2)], \
        {"label_smoothing": smoothing, "reduction": reduction}, \
        lambda x, t, w: F.cross_entropy(x, t, w, reduction=reduction, label_smoothing=smoothing)


def batch_norm(d):
    c = d.integer(1, 5)
    return [d.array((3, c, 4, 4)), d.array((c,)), d.array((c,))], {}, \
        lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True)


def batch_norm_inference(d):
    c = d.integer(1, 5)
    return [d.array((3, c, 4, 4)), d.array((c,)), d.array((c,)), d.array((c,)), d.array((c,), 0.5, 2)], {}, \
        lambda x, w, b, m, v: F.batch_norm(x, m, v, w, b)


def layer_norm(d):
    shape = d.shape(1, 4, 2)
    dims = d.integer(1, len(shape) + 1)
    last = shape[len(shape) - dims:]
    return [d.array(shape), d.array(last), d.array(last)], {"dims": dims, "epsilon": 1e-3}, \
        lambda x, w, b: F.layer_norm(x, last, w, b, 1e-3)


def rms_norm(d):
    shape = d.shape(1, 4, 2)
    return [d.array(shape), d.array(shape[-1:])], {"epsilon": 1e-3}, \
        lambda x, w: x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-3) * w


def attention(d):
    key_heads, group, t, s, size = d.integer(1, 3), d.integer(1, 3), d.integer(1, 9), d.integer(8, 20), d.integer(1, 9)
    heads, causal = key_heads * group, d.flip()

    def judge(q, k, v):
        scores = q @ k.repeat_interleave(group, 1).transpose(-2, -1) / size ** 0.5
        if causal:
            scores = scores.masked_fill(~torch.ones(t, s).tril(s - t).bool(), -torch.inf)
        return torch.softmax(scores, -1) @ v.repeat_interleave(group, 1)
    return [d.array((2, heads, t, size)), d.array((2, key_heads, s, size)), d.array((2, key_heads, s, 3))], \
        {"causal": causal}, judge


def gather(d):
    x = d.array(d.shape(1))
    axis = d.integer(0, x.ndim)
    index = d.random.integers(0, x.shape[axis], x.shape)
    return [x, index], {"axis": axis}, lambda t, i: torch.gather(t, axis, i)


def scatter_add(d):
    x = d.array(d.shape(1))
    axis = d.integer(0, x.ndim)
    index = d.random.integers(0, x.shape[axis], x.shape)
    return [x, index, d.array(x.shape)], {"axis": axis}, lambda t, i, s: torch.scatter_add(t, axis, i, s)


def index_select(d):
    x = d.array(d.shape(1))
    axis = d.integer(0, x.ndim)
    index = d.random.integers(0, x.shape[axis], d.integer(1, 6))
    return [x, index], {"axis": axis}, lambda t, i: torch.index_select(t, axis, i)


def index_add(d):
    x = d.array(d.shape(1))
    axis = d.integer(0, x.ndim)
    index = d.random.integers(0, x.shape[axis], d.integer(1, 6))
    source = d.array(tuple(len(index) if i == axis else n for i, n in enumerate(x.shape)))
    return [x, index, source], {"axis": axis}, lambda t, i, s: torch.index_add(t, axis, i, s)


def topk(d):
    x = d.distinct(d.shape(1))
    axis = d.axis(x)
    k = d.integer(0, x.shape[axis] + 1)
    return [x], {"k": k, "axis": axis}, lambda t: torch.topk(t, k, axis)


def where(d):
    a, b = d.pair()
    shape = np.broadcast_shapes(a.shape, b.shape)
    return [d.random.integers(0, 2, shape).astype(bool), a, b], {}, torch.where


def pad(d):
    x = d.array()
    before, after = (tuple(d.integer(0, 3) for _ in x.shape) for _ in range(2))
    flat = [n for pair in zip(reversed(before), reversed(after)) for n in pair]
    return [x], {"before": before, "after": after, "value": 0.5}, lambda t: F.pad(t, flat, value=0.5)


def concat(d):
    shape, axis = list(d.shape(1)), 0
    axis = d.integer(0, len(shape))
    parts = [d.array(tuple(d.integer(1, 5) if i == axis else n for i, n in enumerate(shape))) for _ in range(3)]
    return [parts], {"axis": axis}, lambda *t: torch.cat(t, axis)


def slice_(d):
    x = d.array(d.shape(1))
    axis = d.integer(0, x.ndim)
    start = d.integer(0, x.shape[axis])
    end, step = d.integer(start, x.shape[axis] + 1), d.integer(1, 3)
    key = (slice(None),) * axis + (slice(start, end, step),)
    return [x], {"axis": axis, "start": start, "end": end, "step": step}, lambda t: t[key]


def reshape(d):
    x = d.array(d.shape(1))
    shape = (-1, *x.shape[1:][::-1])
    return [x], {"shape": shape}, lambda t: t.reshape(shape)


def permute(d):
    x = d.array(d.shape(1))
    axes = tuple(int(i) for i in d.random.permutation(x.ndim))
    return [x], {"axes": axes}, lambda t: t.permute(axes)


def expand(d):
    shape = d.shape(1)
    x = d.array(tuple(1 if d.flip() else n for n in shape))
    return [x], {"shape": (2, *shape)}, lambda t: t.expand(2, *shape)


def flip_(d):
    x = d.array(d.shape(1))
    axes = (d.integer(0, x.ndim),)
    return [x], {"axes": axes}, lambda t: t.flip(axes)


def matmul(d):
    m, k, n = (d.integer(1, 7) for _ in range(3))
    lead = d.shape(0, 2)
    a, b = d.array((*lead, m, k)), d.array((k, n) if d.flip() else (*lead, k, n))
    return [a, b], {}, torch.matmul


def linear(d):
    k, n = d.integer(1, 7), d.integer(1, 7)
    return [d.array((*d.shape(0, 2), k)), d.array((n, k)), d.array((n,))], {}, F.linear


def definite(d):
    a = d.square()
    return np.asarray(a @ a.swapaxes(-1, -2) + np.eye(a.shape[-1]), d.dtype)


def triangular_solve(d):
    a, upper = d.square(), d.flip()
    return [a, d.array((2, a.shape[-1], 3))], {"upper": upper}, \
        lambda x, b: torch.linalg.solve_triangular(torch.triu(x) if upper else torch.tril(x), b, upper=upper)


def pick(function, names):
    return lambda *t: tuple(getattr(function(*t), n) for n in names)


def real(t):
    return torch.view_as_real(t)


def rfft(d):
    x = d.array(d.shape(1))
    axis = d.integer(0, x.ndim)
    return [x], {"axis": axis}, lambda t: real(torch.fft.rfft(t, dim=axis))


def fft(d):
    x = d.array((*d.shape(1, 3), 2))
    axis, inverse = d.integer(0, x.ndim - 1), d.flip()
    return [x], {"axis": axis, "inverse": inverse}, \
        lambda t: real((torch.fft.ifft if inverse else torch.fft.fft)(torch.view_as_complex(t.contiguous()), dim=axis))


def irfft(d):
    n = d.integer(1, 12)
    x = d.array((2, n // 2 + 1, 2))
    return [x], {"size": n}, lambda t: torch.fft.irfft(torch.view_as_complex(t.contiguous()), n, dim=1)


def clamp(d):
    low = d.random.uniform(-1, 0)
    return [d.array(gap=0.01)], {"low": low, "high": low + 1}, lambda t: torch.clamp(t, low, low + 1)


def with_number(function, name, low, high):
    def make(d):
        value = float(d.random.uniform(low, high))
        return [d.array(gap=0.01)], {name: value}, lambda t: function(t, value)
    return make


G = 0.05
def recurrent(kind, gates):
    def case(d):
        steps, batch, wide, hidden = (d.integer(1, 5) for _ in range(4))
        rows, reverse = gates * hidden, d.flip()
        inputs = [d.array((steps, batch, wide)), d.array((rows, wide)), d.array((rows, hidden)), d.array((rows,)),
                  d.array((rows,))] + [d.array((batch, hidden)) for _ in range(2 if kind == "lstm" else 1)]

        def judge(x, wi, wh, bi, bh, *states):
            first = [s[None] for s in states]
            run = getattr(torch._VF, kind)
            y, *last = run(x.flip(0) if reverse else x, tuple(first) if kind == "lstm" else first[0],
                           [wi, wh, bi, bh], True, 1, 0.0, False, False, False)
            return (y.flip(0) if reverse else y, *(t[0] for t in last))
        return inputs, {"reverse": reverse}, judge
    return case


def labels(d, count, shape):
    return d.random.integers(0, count, shape)


def nll_loss(d):
    shape, how = (d.integer(1, 5), 4, *(d.shape(1, 1) if d.flip() else ())), d.pick("mean", "sum", "none")
    target, weight = labels(d, 4, (shape[0], *shape[2:])), d.array((4,), 0.5, 2)
    target.flat[0] = 1  # the mean of nothing is NaN
    return [d.array(shape), target, weight], {"reduction": how, "ignore_index": 3}, \
        lambda x, t, w: F.nll_loss(x, t, w, ignore_index=3, reduction=how)


def huber(d):
    delta, how = d.pick(0.3, 1.0), d.pick("mean", "sum", "none")
    return d.pair_of_one_shape(), {"delta": delta, "reduction": how}, \
        lambda x, t: F.huber_loss(x, t, how, delta)


def kl(d):
    how, log = d.pick("mean", "sum", "none", "batchmean"), d.flip()
    shape = d.shape(1, 3)
    return [d.array(shape, -3, 0), d.array(shape, -3 if log else 0.1, 0 if log else 1)], \
        {"log_target": log, "reduction": how}, lambda x, t: F.kl_div(x, t, reduction=how, log_target=log)


def focal(d):
    alpha, gamma, shape = d.pick(0.25, -1.0), d.pick(2.0, 1.5, 0.0), d.shape(1, 3)

    def judge(x, t):  # torchvision.ops.sigmoid_focal_loss
        p = torch.sigmoid(x)
        loss = F.binary_cross_entropy_with_logits(x, t, reduction="none") * (1 - (p * t + (1 - p) * (1 - t))) ** gamma
        return (loss * (alpha * t + (1 - alpha) * (1 - t)) if alpha >= 0 else loss).mean()
    return [d.array(shape), d.array(shape, 0, 1)], {"alpha": alpha, "gamma": gamma}, judge


def triplet(d):
    p, swap, how, shape = d.pick(1.0, 2.0, 3.0), d.flip(), d.pick("mean", "sum", "none"), (d.integer(1, 5), 4)
    return [d.array(shape), d.array(shape), d.array(shape)], {"p": p, "swap": swap, "reduction": how}, \
        lambda a, b, c: F.triplet_margin_loss(a, b, c, 1.0, p, swap=swap, reduction=how)


def ctc(d):
    steps, batch, classes, symbols = d.integer(6, 9), d.integer(1, 4), 5, 3
    how, blank = d.pick("mean", "sum", "none"), d.pick(0, 4)
    targets = d.random.integers(0, classes, (batch, symbols))
    targets[targets == blank] = 2
    lengths, wanted = d.random.integers(6, steps + 1, batch), d.random.integers(0, symbols + 1, batch)
    x = d.array((steps, batch, classes))
    x = np.asarray(x - np.log(np.exp(x).sum(-1, keepdims=True)), x.dtype)
    return [x, targets, lengths, wanted], {"blank": blank, "reduction": how}, \
        lambda x, t, n, s: F.ctc_loss(x, t, n, s, blank, how)


def group_norm(d):
    groups = d.pick(1, 2, 4)
    return [d.array((d.integer(1, 4), 4, *d.shape(1, 2, 2))), d.array((4,)), d.array((4,))], {"groups": groups}, \
        lambda x, w, b: F.group_norm(x, groups, w, b)


def pool(axes, kind):
    def case(d):
        kernel = tuple(d.integer(1, 4) for _ in range(axes))
        stride, padding = tuple(d.integer(1, 3) for _ in range(axes)), tuple(d.integer(0, k // 2 + 1) for k in kernel)
        shape = (2, 3, *(d.integer(k, 6) for k in kernel))
        attributes = {"kernel": kernel, "stride": stride, "padding": padding}
        if kind == "max":
            return [d.distinct(shape)], attributes, \
                lambda t: getattr(F, f"max_pool{axes}d")(t, kernel, stride, padding)
        whole = d.flip()
        return [d.array(shape)], {**attributes, "count_include_pad": whole}, \
            lambda t: getattr(F, f"avg_pool{axes}d")(t, kernel, stride, padding, False, whole)
    return case


def conv3d(d):
    groups = d.pick(1, 2)
    k, s, p, l = (tuple(d.integer(low, high) for _ in range(3)) for low, high in ((1, 3), (1, 3), (0, 2), (1, 3)))
    x, w = d.array((2, 4, 5, 6, 5)), d.array((2, 4 // groups, *k))
    return [x, w, d.array((2,))], {"stride": s, "padding": p, "dilation": l, "groups": groups}, \
        lambda x, w, b: F.conv3d(x, w, b, s, p, l, groups)


def adaptive_max(d):
    size = (d.integer(1, 5), d.integer(1, 5))
    return [d.distinct((2, 3, d.integer(2, 7), d.integer(2, 7)))], {"size": size}, lambda t: F.adaptive_max_pool2d(t, size)


CASES = {
    "nll_loss": nll_loss, "huber_loss": huber, "kl_div": kl, "focal_loss": focal, "triplet_margin_loss": triplet,
    "ctc_loss": ctc, "group_norm": group_norm, "max_pool1d": pool(1, "max"), "max_pool3d": pool(3, "max"),
    "avg_pool1d": pool(1, "avg"), "avg_pool3d": pool(3, "avg"), "conv3d": conv3d,
    "conv_transpose3d": conv_transpose(3), "adaptive_max_pool2d": adaptive_max,
    "lstm": recurrent("lstm", 4), "gru": recurrent("gru", 3),
    "abs": unary(torch.abs, gap=G), "acosh": unary(torch.acosh, 1.1, 4), "asinh": unary(torch.asinh),
    "atanh": unary(torch.atanh, -0.9, 0.9), "ceil": unary(torch.ceil, gap=G), "cos": unary(torch.cos),
    "cosh": unary(torch.cosh), "erf": unary(torch.erf), "exp": unary(torch.exp), "exp2": unary(torch.exp2),
    "expm1": unary(torch.expm1), "floor": unary(torch.floor, gap=G), "gelu": unary(F.gelu),
    "gelu_tanh": unary(lambda t: F.gelu(t, approximate="tanh")), "hardsigmoid": unary(F.hardsigmoid, -4, 4),
    "hardswish": unary(F.hardswish, -4, 4, G), "is_finite": unary(torch.isfinite), "is_inf": unary(torch.isinf),
    "is_nan": unary(torch.isnan), "log": unary(torch.log, 0.1, 4), "log10": unary(torch.log10, 0.1, 4),
    "log1p": unary(torch.log1p, -0.9, 4), "log2": unary(torch.log2, 0.1, 4),
    "logical_not": unary(torch.logical_not), "mish": unary(F.mish), "neg": unary(torch.neg),
    "reciprocal": unary(torch.reciprocal, 0.2, 3), "relu": unary(F.relu, gap=G), "relu6": unary(F.relu6, -3, 9, G),
    "round": unary(torch.round, gap=G), "rsqrt": unary(torch.rsqrt, 0.2, 4), "selu": unary(F.selu, gap=G),
    "sigmoid": unary(torch.sigmoid), "sign": unary(torch.sign, gap=G), "silu": unary(F.silu), "sin": unary(torch.sin),
    "sinh": unary(torch.sinh), "softplus": unary(F.softplus), "sqrt": unary(torch.sqrt, 0.1, 4),
    "square": unary(torch.square), "tan": unary(torch.tan, -1.2, 1.2), "tanh": unary(torch.tanh),
    "trunc": unary(torch.trunc, gap=G), "contiguous": unary(lambda t: t.contiguous()),
    "add": binary(torch.add), "sub": binary(torch.sub), "mul": binary(torch.mul),
    "div": binary(torch.div, 0.3, 3), "pow": binary(torch.pow, 0.3, 3), "hypot": binary(torch.hypot, 0.1, 2),
    "logaddexp": binary(torch.logaddexp), "maximum": binary(torch.maximum), "minimum": binary(torch.minimum),
    "eq": binary(torch.eq), "ne": binary(torch.ne), "lt": binary(torch.lt), "le": binary(torch.le),
    "gt": binary(torch.gt), "ge": binary(torch.ge), "logical_and": binary(torch.logical_and),
    "logical_or": binary(torch.logical_or),
    "mod": lambda d: ([d.array((3, 4), 0, 7, gap=G), d.array((4,), 1.3, 2.3)], {}, torch.remainder),
    "sum": reduction(lambda t, a, k: t.sum(a, k)), "mean": reduction(lambda t, a, k: t.mean(a, k)),
    "amax": reduction(lambda t, a, k: t.amax(a, k), True), "amin": reduction(lambda t, a, k: t.amin(a, k), True),
    "logsumexp": reduction(lambda t, a, k: t.logsumexp(a, k)),
    "argmax": along(torch.argmax, True), "argmin": along(torch.argmin, True), "softmax": along(torch.softmax),
    "log_softmax": along(torch.log_softmax), "topk": topk, "gather": gather, "scatter_add": scatter_add,
    "index_select": index_select, "index_add": index_add, "where": where, "pad": pad, "concat": concat,
    "slice": slice_, "reshape": reshape, "permute": permute, "expand": expand, "flip": flip_,
    "flatten": lambda d: ([d.array((2, 3, 4))], {"start": 1}, lambda t: t.flatten(1)),
    "squeeze": lambda d: ([d.array((2, 1, 3))], {"axes": 1}, lambda t: t.squeeze(1)),
    "unsqueeze": lambda d: ([d.array((2, 3))], {"axes": 1}, lambda t: t.unsqueeze(1)),
    "clamp": clamp, "elu": with_number(F.elu, "alpha", 0.5, 2),
    "leaky_relu": with_number(F.leaky_relu, "slope", 0.01, 0.5),
    "prelu": lambda d: ([d.array((2, 3, 4), gap=G), d.array((1,), 0.1, 0.9)], {}, F.prelu),
    "interpolate": interpolate, "grid_sample": grid_sample, "affine_grid": affine_grid,
    "stft": stft, "istft": istft, "einsum": einsum, "diagonal": diagonal, "trace": trace, "cross": cross,
    "cdist": cdist, "searchsorted": searchsorted, "bincount": bincount,
    "outer": lambda d: ([d.array((d.integer(1, 6),)), d.array((d.integer(1, 6),))], {}, torch.outer),
    "kron": lambda d: ([d.array(d.shape(0, 3)), d.array(d.shape(0, 3))], {}, torch.kron),
    "matmul": matmul, "linear": linear, "conv2d": conv2d,
    "max_pool2d": window(lambda t, k, s, p: F.max_pool2d(t, k, s, p)),
    "avg_pool2d": window(lambda t, k, s, p: F.avg_pool2d(t, k, s, p, count_include_pad=False)),
    "adaptive_avg_pool2d": lambda d: ([d.array((2, 3, d.integer(3, 9), d.integer(3, 9)))], {"size": (3, 2)},
                                      lambda t: F.adaptive_avg_pool2d(t, (3, 2))),
    "global_avg_pool2d": lambda d: ([d.array((2, 3, 4, 5))], {}, lambda t: t.mean((2, 3), keepdim=True)),
    "batch_norm_train": batch_norm, "batch_norm_inference": batch_norm_inference,
    "asin": unary(torch.asin, -0.9, 0.9), "acos": unary(torch.acos, -0.9, 0.9), "atan": unary(torch.atan),
    "atan2": binary(torch.atan2, 0.2, 2), "copysign": binary(torch.copysign, gap=G), "lerp": lerp, "glu": glu,
    "floor_div": lambda d: ([d.array((3, 4), 0, 7, gap=G), d.array((4,), 1.3, 2.3)], {},
                            lambda a, b: torch.div(a, b, rounding_mode="floor")),
    "logical_xor": binary(torch.logical_xor), "bitwise_and": bits(torch.bitwise_and),
    "bitwise_or": bits(torch.bitwise_or), "bitwise_xor": bits(torch.bitwise_xor),
    "bitwise_not": bits(torch.bitwise_not), "bitwise_left_shift": bits(torch.bitwise_left_shift, second=(0, 20)),
    "bitwise_right_shift": bits(torch.bitwise_right_shift, second=(0, 20)),
    "conv1d": conv1d, "conv_transpose1d": conv_transpose(1), "conv_transpose2d": conv_transpose(2),
    "prod": one_axis(torch.prod), "any": one_axis(torch.any), "all": one_axis(torch.all),
    "var": variance(torch.var), "std": variance(torch.std), "norm": norm,
    "cumsum": scan(torch.cumsum), "cumprod": scan(torch.cumprod), "sort": sort(torch.sort),
    "argsort": sort(torch.argsort), "stack": stack, "split": split, "roll": roll, "tile": tile, "rot90": rot90,
    "tril": triangle(torch.tril), "triu": triangle(torch.triu), "scatter": scatter, "scatter_max": scatter_max,
    "index": index,
    "embedding": lambda d: ([d.array((5, 3)), d.random.integers(0, 5, d.shape())], {"padding_index": 2},
                            lambda w, i: F.embedding(i, w, 2)),
    "layer_norm": layer_norm, "rms_norm": rms_norm, "attention": attention,
    "cross_entropy": cross_entropy, "mse_loss": loss(F.mse_loss), "l1_loss": loss(F.l1_loss),
    "bce_with_logits": loss(F.binary_cross_entropy_with_logits),
    "one_hot": lambda d: ([d.random.integers(0, 5, (3, 2))], {"classes": 5},
                          lambda t: F.one_hot(t, 5).to(torch.float32)),
    "cast": lambda d: ([d.array()], {"dtype": ath.float64}, lambda t: t.double()),
    "cholesky": lambda d: ([definite(d)], {}, lambda t: torch.linalg.cholesky((t + t.mT) / 2)),
    "solve": lambda d: ([d.square(3), d.array((2, 3, 2))], {}, torch.linalg.solve),
    "inv": lambda d: ([d.square()], {}, torch.linalg.inv), "det": lambda d: ([d.square()], {}, torch.linalg.det),
    "slogdet": lambda d: ([d.square()], {}, pick(torch.linalg.slogdet, ("sign", "logabsdet"))),
    "triangular_solve": triangular_solve,
    "eigh": lambda d: ([definite(d)], {}, lambda t: torch.linalg.eigvalsh((t + t.mT) / 2)),
    "svd": lambda d: ([d.square()], {}, lambda t: (None, torch.linalg.svdvals(t), None)),
    "qr": lambda d: ([d.square()], {}, lambda t: (None, torch.linalg.qr(t).R
                                                  * torch.sign(torch.linalg.qr(t).R.diagonal(0, -2, -1))[..., None])),
    "fft": fft, "rfft": rfft, "irfft": irfft,
}

# Inputs for which PyTorch has gradients, where it has not for all.
DIFFERENTIABLE = {"nll_loss": (0,), "ctc_loss": (), "kl_div": (0,), "focal_loss": (0,), "cross_entropy": (0,), "batch_norm_inference": (0, 1, 2)}

# PyTorch 1.13's gradient in float64 multiplies by 1 / 6 of float32.
LOOSE = {"hardsigmoid": 1e-7}

# What PyTorch cannot judge, and why.
ALONE = {name: reason for names, reason in (
    ("random_normal random_uniform dropout", "random numbers of another generator"),
    ("interpolate_grad attention_grad layer_norm_grad rms_norm_grad avg_pool2d_grad batch_norm_train_grad conv2d_input_grad conv2d_weight_grad cross_entropy_grad log_softmax_grad "
     "max_pool2d_gather max_pool2d_grad softmax_grad", "a gradient of its own, judged through the op it belongs to"),
    ("softmax_cross_entropy", "the kernel of cross_entropy, judged through it"),
    ("attention_forward", "the kernel of attention, judged through it"),
    ("roi_align", "PyTorch itself has none; torchvision's is compared in nn_test.py"),
    ("lstm_scan gru_scan lstm_scan_grad gru_scan_grad", "the kernels of lstm and gru, judged through them"),
    ("sum_to channels_last linear_scan", "has no counterpart"),
) for name in names.split()}


def torch_of(value):
    return torch.from_numpy(np.array(value, order="C"))


class AgainstTorch(unittest.TestCase):
    def test_every_op_has_a_judge_or_a_reason(self):
        names = {op.name for op in all_ops()}
        self.assertEqual(sorted(names - set(CASES) - set(ALONE)), [])
        self.assertEqual(sorted((set(CASES) | set(ALONE)) - names), [])
        self.assertEqual(sorted(set(CASES) & set(ALONE)), [])

    def check(self, op, seed, dtype):
        draw = Draw(seed, dtype)
        inputs, attributes, judge = CASES[op.name](draw)
        flat = [x for item in inputs for x in (item if isinstance(item, list) else [item])]
        floating = [x.dtype.kind == "f" and i in DIFFERENTIABLE.get(op.name, (i,)) for i, x in enumerate(flat)]
        ours = [ath.from_numpy(x).detach() for x in flat]
        theirs = [torch_of(x) for x in flat]
        for a, b, on in zip(ours, theirs, floating):
            if on and op.differentiable:
                a.requires_grad, b.requires_grad = True, True
        left = iter(ours)
        given = [[next(left) for _ in x] if isinstance(x, list) else next(left) for x in inputs]
        # By name: an optional input may stand behind required attributes.
        named = {} if op.variadic else {name: x for (name, _, _), x in zip(op.inputs, given)}
        y = getattr(ath, op.name)(*([] if named else given), **named, **attributes)
        expected = judge(*theirs)
        tolerance = 2e-5 if dtype == np.float32 else LOOSE.get(op.name, 1e-10)
        where = f"{op.name}, case {seed}, {np.dtype(dtype)}: {[x.shape for x in flat]} {attributes}"
        pairs = list(zip(y if isinstance(y, tuple) else (y,),
                         expected if isinstance(expected, tuple) else (expected,)))
        total, judged = None, None
        for a, b in pairs:
            if b is None:
                continue
            got, want = a.detach().numpy(), b.detach().numpy()
            self.assertEqual(got.shape, want.shape, where)
            np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance * 4, err_msg=where)
            if b.requires_grad:
                weight = np.asarray(draw.random.uniform(-1, 1, want.shape), want.dtype)
                part, other = (a * ath.from_numpy(weight)).sum(), (b * torch_of(weight).reshape(b.shape)).sum()
                total, judged = (part, other) if total is None else (total + part, judged + other)
        if judged is None:
            return
        total.backward()
        judged.backward()
        for a, b, on in zip(ours, theirs, floating):
            if on and b.grad is not None:
                got = np.zeros(b.shape) if a.grad is None else a.grad.numpy()
                np.testing.assert_allclose(got, b.grad.numpy(), rtol=tolerance * 10, atol=tolerance * 20,
                                           err_msg="gradient of " + where)


def _add(op):
    def test(self):
        for seed in range(COUNT):
            for dtype in (np.float32, np.float64):
                floats = any(d.is_floating_point for d in op.dtypes)
                if ath.tensor(np.zeros(1, dtype)).dtype in op.dtypes or not floats:
                    with self.subTest(seed=seed, dtype=np.dtype(dtype).name):
                        self.check(op, seed, dtype)
    test.__doc__ = f"{op.name} agrees with PyTorch in values and gradients"
    setattr(AgainstTorch, f"test_{op.name}", test)


for _op in all_ops():
    if _op.name in CASES:
        _add(_op)

if __name__ == "__main__":
    unittest.main()
