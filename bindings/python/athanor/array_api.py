"""The Python array API standard, 2023.12, over athanor's tensors: https://data-apis.org/array-api/2023.12/

    xp = x.__array_namespace__()          # this module
    y = xp.sum(xp.square(x), axis=1)

What the standard has and this does not is in ABSENT, with the reason; docs/reference/array-api.md is the table.
"""
import builtins
import types

import numpy as np

from . import _athanor as _c
from . import _combine, _tensor, errors, ops
from ._tensor import Tensor
from .ops import (abs, acos, acosh, add, asin, asinh, atan, atan2, atanh, bitwise_and,  # noqa: A004, F401
                  bitwise_left_shift, bitwise_or, bitwise_right_shift, bitwise_xor, ceil, copysign, cos, cosh, exp,
                  expm1, floor, hypot, log, log1p, log2, log10, logaddexp, logical_and, logical_not, logical_or,
                  logical_xor, maximum, minimum, round, sign, sin, sinh, sqrt, square, tan, tanh, trunc)

__array_api_version__ = "2023.12"

e, inf, nan, newaxis, pi = 2.718281828459045, float("inf"), float("nan"), None, 3.141592653589793
bool = _c.dtype.bool  # noqa: A001
int8, int32, int64, uint8 = _c.dtype.int8, _c.dtype.int32, _c.dtype.int64, _c.dtype.uint8
float32, float64 = _c.dtype.float32, _c.dtype.float64
_FLOATS, _SIGNED, _UNSIGNED = (float32, float64), (int8, int32, int64), (uint8,)

_COMPLEX = "athanor has no complex numbers"
#: What the standard names and this namespace lacks, and why.
ABSENT = {name: reason for names, reason in (
    ("conj imag real complex64 complex128", _COMPLEX),
    ("int16 uint16 uint32 uint64", "athanor has no such dtype"),
    ("fft.fft fft.ifft fft.fftn fft.ifftn fft.rfft fft.irfft fft.rfftn fft.irfftn fft.hfft fft.ihfft",
     _COMPLEX + "; athanor.fft, rfft and irfft keep both parts in a last axis of 2"),
) for name in names.split()}


def _shape(shape):
    return (shape,) if isinstance(shape, int) else tuple(shape)


def _cpu(device):
    if device not in (None, "cpu"):
        raise errors.UnsupportedError(f"device is {device!r}; this build computes on the 'cpu' alone")


def _axis(axis, ndim):
    """axis None, a number or several, as the ops take them; () of several means no axis at all."""
    if axis is None:
        return tuple(range(ndim))
    return (axis,) if isinstance(axis, int) else tuple(axis)


# Making.

def arange(start, /, stop=None, step=1, *, dtype=None, device=None):
    """Numbers from start in steps, stop left out."""
    _cpu(device)
    return _tensor.arange(start, stop, step, dtype)


def asarray(obj, /, *, dtype=None, device=None, copy=None):
    """A tensor of numbers, nested sequences, or anything with DLPack or the buffer protocol."""
    _cpu(device)
    if isinstance(obj, Tensor):
        same = dtype is None or obj.dtype == dtype
        if copy is False and not same:
            raise errors.ValueError(f"asarray: {obj.dtype.name} cannot become {dtype.name} without a copy")
        return obj.clone() if same and copy else obj if same else obj.to(dtype)
    if isinstance(obj, np.ndarray) and not copy and (dtype is None or _c._over_array(obj).dtype == dtype):
        return _tensor.from_numpy(obj)
    if copy is False:
        raise errors.ValueError("asarray: these numbers have no memory to share; leave copy=False away")
    return _tensor.tensor(obj, dtype)


def empty(shape, *, dtype=None, device=None):
    _cpu(device)
    return _tensor.empty(_shape(shape), dtype or float32)


def empty_like(x, /, *, dtype=None, device=None):
    return empty(x.shape, dtype=dtype or x.dtype, device=device)


def eye(n_rows, n_cols=None, /, *, k=0, dtype=None, device=None):
    _cpu(device)
    return _tensor.tensor(np.eye(n_rows, n_cols, k), dtype=dtype or float32)


def from_dlpack(x, /, *, device=None, copy=None):
    """A tensor over another library's memory."""
    _cpu(device)
    out = _tensor.from_dlpack(x)
    return out.clone() if copy else out


def full(shape, fill_value, *, dtype=None, device=None):
    _cpu(device)
    return _tensor.full(_shape(shape), fill_value, dtype)


def full_like(x, /, fill_value, *, dtype=None, device=None):
    return full(x.shape, fill_value, dtype=dtype or x.dtype, device=device)


def linspace(start, stop, /, num, *, dtype=None, device=None, endpoint=True):
    _cpu(device)
    return _tensor.tensor(np.linspace(start, stop, num, endpoint=endpoint), dtype=dtype or float32)


def meshgrid(*arrays, indexing="xy"):
    """Coordinates as grids: a list."""
    return [ops.contiguous(grid) for grid in _combine.meshgrid(*arrays, indexing=indexing)]


def ones(shape, *, dtype=None, device=None):
    _cpu(device)
    return _tensor.ones(_shape(shape), dtype or float32)


def ones_like(x, /, *, dtype=None, device=None):
    return ones(x.shape, dtype=dtype or x.dtype, device=device)


def tril(x, /, *, k=0):
    return ops.tril(x, k)


def triu(x, /, *, k=0):
    return ops.triu(x, k)


def zeros(shape, *, dtype=None, device=None):
    _cpu(device)
    return _tensor.zeros(_shape(shape), dtype or float32)


def zeros_like(x, /, *, dtype=None, device=None):
    return zeros(x.shape, dtype=dtype or x.dtype, device=device)


# Dtypes.

def astype(x, dtype, /, *, copy=True, device=None):
    _cpu(device)
    return x.to(dtype) if x.dtype != dtype else x.clone() if copy else x


def can_cast(from_, to, /):
    """Whether promotion of both gives `to`."""
    from_ = from_.dtype if isinstance(from_, Tensor) else from_
    kinds = [_kind(from_), _kind(to)]
    if "bool" in kinds and kinds[0] != kinds[1]:
        return False
    if kinds[0] == "real floating" and kinds[1] != "real floating":
        return False
    if "integral" in kinds and "real floating" in kinds:
        return False
    return _c.promote(from_, to) == to


def _kind(dtype):
    return "bool" if dtype == bool else "real floating" if dtype.is_floating_point else "integral"


def finfo(type, /):  # noqa: A002
    """Limits of a floating dtype: bits, eps, max, min, smallest_normal, dtype."""
    dtype = type.dtype if isinstance(type, Tensor) else type
    if dtype not in _FLOATS:
        raise TypeError(f"finfo: {dtype.name} is no floating dtype of the standard")
    info = np.finfo(dtype.name)
    return types.SimpleNamespace(bits=info.bits, eps=float(info.eps), max=float(info.max), min=float(info.min),
                                 smallest_normal=float(info.smallest_normal), dtype=dtype)


def iinfo(type, /):  # noqa: A002
    """Limits of an integer dtype: bits, max, min, dtype."""
    dtype = type.dtype if isinstance(type, Tensor) else type
    if _kind(dtype) != "integral":
        raise TypeError(f"iinfo: {dtype.name} is no integer dtype")
    info = np.iinfo(dtype.name)
    return types.SimpleNamespace(bits=info.bits, max=int(info.max), min=int(info.min), dtype=dtype)


def isdtype(dtype, kind):
    """Whether dtype is of a kind: a dtype, the name of a kind, or a tuple of these."""
    if isinstance(kind, tuple):
        return builtins.any(isdtype(dtype, k) for k in kind)
    if isinstance(kind, _c.dtype):
        return dtype == kind
    kinds = {"bool": (bool,), "signed integer": _SIGNED, "unsigned integer": _UNSIGNED,
             "integral": _SIGNED + _UNSIGNED, "real floating": _FLOATS, "complex floating": (),
             "numeric": _SIGNED + _UNSIGNED + _FLOATS}
    if kind not in kinds:
        raise errors.ValueError(f"isdtype: kind is {kind!r}; it can be {', '.join(kinds)}")
    return dtype in kinds[kind]


def result_type(*arrays_and_dtypes):
    """The dtype that operands of these promote to."""
    found = [a.dtype if isinstance(a, Tensor) else a for a in arrays_and_dtypes]
    if not found:
        raise errors.ValueError("result_type: nothing was given")
    out = found[0]
    for dtype in found[1:]:
        out = _c.promote(out, dtype)
    return out


# Elementwise, under the standard's names.

def bitwise_invert(x, /):
    return ops.logical_not(x) if x.dtype == bool else ops.bitwise_not(x)


def clip(x, /, min=None, max=None):  # noqa: A002
    """x limited to [min, max], numbers or tensors."""
    out = x
    if min is not None:
        out = ops.maximum(out, _like(min, x))
    if max is not None:
        out = ops.minimum(out, _like(max, x))
    return out.clone() if out is x else out


def _like(value, x):
    return value if isinstance(value, Tensor) else _c._operand(value, x)


def divide(x1, x2, /):
    return ops.div(x1, x2)


def equal(x1, x2, /):
    return ops.eq(x1, x2)


def floor_divide(x1, x2, /):
    return ops.floor_div(x1, x2)


def greater(x1, x2, /):
    return ops.gt(x1, x2)


def greater_equal(x1, x2, /):
    return ops.ge(x1, x2)


def isfinite(x, /):
    return ops.is_finite(x) if x.dtype.is_floating_point else ones(x.shape, dtype=bool)


def isinf(x, /):
    return ops.is_inf(x) if x.dtype.is_floating_point else zeros(x.shape, dtype=bool)


def isnan(x, /):
    return ops.is_nan(x) if x.dtype.is_floating_point else zeros(x.shape, dtype=bool)


def less(x1, x2, /):
    return ops.lt(x1, x2)


def less_equal(x1, x2, /):
    return ops.le(x1, x2)


def multiply(x1, x2, /):
    return ops.mul(x1, x2)


def negative(x, /):
    return ops.neg(x)


def not_equal(x1, x2, /):
    return ops.ne(x1, x2)


def positive(x, /):
    return x


def pow(x1, x2, /):  # noqa: A001
    return ops.pow(x1, x2)


def remainder(x1, x2, /):
    return ops.mod(x1, x2)


def signbit(x, /):
    return ops.lt(ops.copysign(ones_like(x), x), 0)


def subtract(x1, x2, /):
    return ops.sub(x1, x2)


# Indexing, searching, sorting, sets.

def take(x, indices, /, *, axis=None):
    if axis is None and x.ndim != 1:
        raise errors.ValueError(f"take: x has {x.ndim} axes; name one")
    return ops.index_select(x, indices, axis or 0)


def argmax(x, /, *, axis=None, keepdims=False):
    return _extreme(ops.argmax, x, axis, keepdims)


def argmin(x, /, *, axis=None, keepdims=False):
    return _extreme(ops.argmin, x, axis, keepdims)


def _extreme(op, x, axis, keepdims):
    if axis is not None:
        return op(x, axis, keepdims)
    found = op(x.reshape(-1), 0)
    return found.reshape((1,) * x.ndim) if keepdims else found


def nonzero(x, /):
    """The places of what is not zero: a tuple with one tensor for each axis."""
    if x.ndim == 0:
        raise errors.ValueError("nonzero: a number has no places")
    places = _c.nonzero(x)
    return tuple(places[:, i] for i in range(x.ndim))


def searchsorted(x1, x2, /, *, side="left", sorter=None):
    """Where the values x2 would stand in x1, which is sorted (or is by sorter)."""
    if side not in ("left", "right"):
        raise errors.ValueError(f"searchsorted: side is {side!r}; it can be 'left' or 'right'")
    if x1.ndim != 1:
        raise errors.ShapeError(f"searchsorted: x1 must have one axis, not {x1.ndim}")
    found = np.searchsorted(x1.detach().numpy(), x2.detach().numpy(), side,
                            None if sorter is None else sorter.numpy())
    return _tensor.tensor(np.asarray(found, np.int64))


def where(condition, x1, x2, /):
    return ops.where(condition, x1, x2)


def _unique(x):
    values, first, inverse, counts = _c.unique(x)
    return values, first, inverse, counts


def unique_all(x, /):
    """values, indices, inverse_indices, counts."""
    values, first, inverse, counts = _unique(x)
    return UniqueAll(values, first, inverse, counts)


def unique_counts(x, /):
    values, _, _, counts = _unique(x)
    return UniqueCounts(values, counts)


def unique_inverse(x, /):
    values, _, inverse, _ = _unique(x)
    return UniqueInverse(values, inverse)


def unique_values(x, /):
    return _unique(x)[0]


def argsort(x, /, *, axis=-1, descending=False, stable=True):
    return ops.sort(x, axis, descending)[1]


def sort(x, /, *, axis=-1, descending=False, stable=True):
    return ops.sort(x, axis, descending)[0]


# Reductions.

def _reduced(op, x, axis, keepdims):
    axes = _axis(axis, x.ndim)
    return op(x, axes, keepdims) if axes else op(x.unsqueeze(0), (0,), False)


def all(x, /, *, axis=None, keepdims=False):  # noqa: A001
    return _reduced(ops.all, x, axis, keepdims)


def any(x, /, *, axis=None, keepdims=False):  # noqa: A001
    return _reduced(ops.any, x, axis, keepdims)


def cumulative_sum(x, /, *, axis=None, dtype=None, include_initial=False):
    if axis is None:
        if x.ndim != 1:
            raise errors.ValueError(f"cumulative_sum: x has {x.ndim} axes; name one")
        axis = 0
    out = ops.cumsum(x if dtype is None else x.to(dtype), axis)
    if not include_initial:
        return out
    shape = [1 if i == axis % x.ndim else n for i, n in enumerate(out.shape)]
    return ops.concat((zeros(tuple(shape), dtype=out.dtype), out), axis=axis)


def max(x, /, *, axis=None, keepdims=False):  # noqa: A001
    return _reduced(ops.amax, x, axis, keepdims)


def mean(x, /, *, axis=None, keepdims=False):
    return _reduced(ops.mean, x, axis, keepdims)


def min(x, /, *, axis=None, keepdims=False):  # noqa: A001
    return _reduced(ops.amin, x, axis, keepdims)


def prod(x, /, *, axis=None, dtype=None, keepdims=False):
    return _reduced(ops.prod, x if dtype is None else x.to(dtype), axis, keepdims)


def std(x, /, *, axis=None, correction=0.0, keepdims=False):
    return ops.sqrt(var(x, axis=axis, correction=correction, keepdims=keepdims))


def sum(x, /, *, axis=None, dtype=None, keepdims=False):  # noqa: A001
    return _reduced(ops.sum, x if dtype is None else x.to(dtype), axis, keepdims)


def var(x, /, *, axis=None, correction=0.0, keepdims=False):
    axes = _axis(axis, x.ndim)
    count = 1
    for a in axes:
        count *= x.shape[a]
    centred = x - _reduced(ops.mean, x, axes, True) if axes else x - x
    total = _reduced(ops.sum, centred * centred, axes, keepdims)
    return total / (count - correction) if count > correction else total * nan


# Shapes.

def broadcast_to(x, /, shape):
    return ops.expand(x, tuple(shape))


def broadcast_arrays(*arrays):
    shape = np.broadcast_shapes(*(a.shape for a in arrays))
    return [ops.expand(a, shape) for a in arrays]


def concat(arrays, /, *, axis=0):
    if axis is None:
        return ops.concat([a.reshape(-1) for a in arrays], axis=0)
    return ops.concat(list(arrays), axis=axis)


def expand_dims(x, /, *, axis=0):
    if not -x.ndim - 1 <= axis <= x.ndim:
        raise errors.IndexError(f"expand_dims: axis {axis} is outside [{-x.ndim - 1}, {x.ndim}]")
    return ops.unsqueeze(x, axis)


def flip(x, /, *, axis=None):
    axes = _axis(axis, x.ndim)
    return ops.flip(x, axes) if axes else x


def moveaxis(x, source, destination, /):
    source, destination = ([a % x.ndim for a in _shape(s)] for s in (source, destination))
    if len(source) != len(destination) or len(set(source)) != len(source):
        raise errors.ValueError(f"moveaxis: axes {source} cannot move to {destination}")
    order = [a for a in range(x.ndim) if a not in source]
    for to, a in sorted(zip(destination, source)):
        order.insert(to, a)
    return ops.permute(x, order)


def permute_dims(x, /, axes):
    return ops.permute(x, axes)


def repeat(x, repeats, /, *, axis=None):
    """Each element several times."""
    if axis is None:
        x, axis = x.reshape(-1), 0
    counts = repeats.numpy() if isinstance(repeats, Tensor) else np.full(x.shape[axis], repeats)
    if counts.ndim > 1 or (counts.size != 1 and counts.size != x.shape[axis]) or (counts < 0).any():
        raise errors.ValueError(f"repeat: {counts.size} counts for {x.shape[axis]} elements; they must be 0 or more")
    places = np.repeat(np.arange(x.shape[axis]), counts)
    return ops.index_select(x, _tensor.tensor(places.astype(np.int64)), axis)


def reshape(x, /, shape, *, copy=None):
    out = ops.reshape(x, tuple(shape))
    return out.clone() if copy else out


def roll(x, /, shift, *, axis=None):
    if axis is None:
        return ops.roll(x.reshape(-1), shift, 0).reshape(x.shape)
    axes = _shape(axis)
    return ops.roll(x, (shift,) * len(axes) if isinstance(shift, int) else tuple(shift), axes)


def squeeze(x, /, axis):
    axes = _shape(axis)
    return ops.squeeze(x, axes) if axes else x


def stack(arrays, /, *, axis=0):
    return ops.stack(list(arrays), axis=axis)


def tile(x, repetitions, /):
    more = x.ndim - len(repetitions)
    x = x.reshape((1,) * -more + tuple(x.shape)) if more < 0 else x
    return ops.tile(x, (1,) * more + tuple(repetitions))


def unstack(x, /, *, axis=0):
    return tuple(ops.squeeze(ops.slice(x, axis, i, i + 1), axis) for i in range(x.shape[axis]))


# Linear algebra.

def matmul(x1, x2, /):
    return ops.matmul(x1, x2)


def matrix_transpose(x, /):
    return x.mT


def tensordot(x1, x2, /, *, axes=2):
    """Sums of products over the last axes of x1 and the first of x2, or over those named."""
    if isinstance(axes, int):
        first, second = list(range(x1.ndim - axes, x1.ndim)), list(range(axes))
    else:
        first, second = ([a % x.ndim for a in _shape(s)] for x, s in zip((x1, x2), axes))
    if [x1.shape[a] for a in first] != [x2.shape[a] for a in second]:
        raise errors.ShapeError(f"tensordot: axes {first} of {x1._describe()} do not fit axes {second} of "
                                f"{x2._describe()}")
    left = [a for a in range(x1.ndim) if a not in first]
    right = [a for a in range(x2.ndim) if a not in second]
    inner = 1
    for a in first:
        inner *= x1.shape[a]
    a = ops.permute(x1, left + first).reshape((-1 if x1.size else 0, inner)) if x1.ndim else x1.reshape((1, 1))
    b = ops.permute(x2, second + right).reshape((inner, -1 if x2.size else 0)) if x2.ndim else x2.reshape((1, 1))
    return (a @ b).reshape(tuple(x1.shape[i] for i in left) + tuple(x2.shape[i] for i in right))


def vecdot(x1, x2, /, *, axis=-1):
    return ops.sum(x1 * x2, (axis,))


def _cross(x1, x2, /, *, axis=-1):
    x1, x2 = broadcast_arrays(x1, x2)
    if x1.shape[axis] != 3:
        raise errors.ShapeError(f"cross: axis {axis} of {x1._describe()} must have size 3")
    part = lambda x, i: ops.squeeze(ops.slice(x, axis, i, i + 1), axis)  # noqa: E731
    a, b = [part(x1, i) for i in range(3)], [part(x2, i) for i in range(3)]
    return ops.stack([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]], axis=axis)


def _diagonal(x, /, *, offset=0):
    return ops.diagonal(x, offset, -2, -1)


def _trace(x, /, *, offset=0, dtype=None):
    diagonal = _diagonal(x, offset=offset)
    return ops.sum(diagonal if dtype is None else diagonal.to(dtype), (-1,))


def _cholesky(x, /, *, upper=False):
    return ops.cholesky(x).mT if upper else ops.cholesky(x)


def _vector_norm(x, /, *, axis=None, keepdims=False, ord=2):  # noqa: A002
    axes = _axis(axis, x.ndim)
    if ord == inf:
        return _reduced(ops.amax, ops.abs(x), axes, keepdims)
    if ord == -inf:
        return _reduced(ops.amin, ops.abs(x), axes, keepdims)
    if ord == 0:
        return _reduced(ops.sum, ops.ne(x, 0).to(x.dtype), axes, keepdims)
    if ord == 2:
        return ops.sqrt(_reduced(ops.sum, x * x, axes, keepdims))
    return _reduced(ops.sum, ops.abs(x) ** ord, axes, keepdims) ** (1 / ord)


def _matrix_norm(x, /, *, keepdims=False, ord="fro"):  # noqa: A002
    last = (-2, -1)
    if ord == "fro":
        return ops.sqrt(ops.sum(x * x, last, keepdims))
    if ord in (1, -1, inf, -inf):
        sums = ops.sum(ops.abs(x), (-2,) if ord in (1, -1) else (-1,), True)
        return (ops.amax if ord > 0 else ops.amin)(sums, last, keepdims)
    values = ops.svd(x)[1]
    if ord not in (2, -2, "nuc"):
        raise errors.ValueError(f"matrix_norm: ord is {ord!r}; it can be 'fro', 'nuc', 1, -1, 2, -2, inf or -inf")
    found = (ops.sum if ord == "nuc" else ops.amax if ord > 0 else ops.amin)(values, (-1,))
    return found.reshape((*found.shape, 1, 1)) if keepdims else found


def _matrix_power(x, n, /):
    if n < 0:
        x, n = ops.inv(x), -n
    out = broadcast_to(eye(x.shape[-1], dtype=x.dtype), x.shape)
    while n:
        if n & 1:
            out = out @ x
        x, n = x @ x, n >> 1
    return out.clone()


def _tolerance(x, values, rtol):
    if rtol is None:
        rtol = builtins.max(x.shape[-2:]) * finfo(x.dtype).eps
    return ops.amax(values, (-1,), True) * rtol


def _matrix_rank(x, /, *, rtol=None):
    values = ops.svd(x)[1]
    return ops.sum(ops.gt(values, _tolerance(x, values, rtol)), (-1,))


def _pinv(x, /, *, rtol=None):
    u, values, vh = ops.svd(x)
    kept = ops.gt(values, _tolerance(x, values, rtol))
    inverse = ops.where(kept, ops.reciprocal(ops.where(kept, values, _like(1.0, values))), _like(0.0, values))
    return (vh.mT * inverse[..., None, :]) @ u.mT


def _qr(x, /, *, mode="reduced"):
    if mode == "complete":
        rows, columns = x.shape[-2:]
        if rows > columns:
            raise errors.UnsupportedError("qr: mode 'complete' is for matrices that are not taller than wide")
    elif mode != "reduced":
        raise errors.ValueError(f"qr: mode is {mode!r}; it can be 'reduced' or 'complete'")
    return Qr(*ops.qr(x))


def _svd(x, /, *, full_matrices=True):
    if full_matrices and x.shape[-1] != x.shape[-2]:
        raise errors.UnsupportedError("svd: full_matrices=True is for square matrices; use full_matrices=False")
    return Svd(*ops.svd(x))


def _eigh(x, /):
    return Eigh(*ops.eigh(x))


def _slogdet(x, /):
    return Slogdet(*ops.slogdet(x))


def _solve(x1, x2, /):
    vector = x2.ndim == 1
    out = ops.solve(x1, x2[:, None] if vector else x2)
    return out[..., 0] if vector else out


def _record(name, fields):
    from collections import namedtuple
    return namedtuple(name, fields)


UniqueAll = _record("UniqueAll", "values indices inverse_indices counts")
UniqueCounts = _record("UniqueCounts", "values counts")
UniqueInverse = _record("UniqueInverse", "values inverse_indices")
Qr, Svd = _record("QR", "Q R"), _record("SVD", "U S Vh")
Eigh, Slogdet = _record("Eigh", "eigenvalues eigenvectors"), _record("Slogdet", "sign logabsdet")

linalg = types.SimpleNamespace(
    cholesky=_cholesky, cross=_cross, det=ops.det, diagonal=_diagonal, eigh=_eigh,
    eigvalsh=lambda x, /: ops.eigh(x)[0], inv=ops.inv, matmul=matmul, matrix_norm=_matrix_norm,
    matrix_power=_matrix_power, matrix_rank=_matrix_rank, matrix_transpose=matrix_transpose, outer=ops.outer, pinv=_pinv,
    qr=_qr, slogdet=_slogdet, solve=_solve, svd=_svd, svdvals=lambda x, /: ops.svd(x)[1], tensordot=tensordot,
    trace=_trace, vecdot=vecdot, vector_norm=_vector_norm)


# Fourier transforms: what needs no complex numbers.

def _fftfreq(n, /, *, d=1.0, dtype=None, device=None):
    _cpu(device)
    return _tensor.tensor(np.fft.fftfreq(n, d), dtype=dtype or float32)


def _rfftfreq(n, /, *, d=1.0, dtype=None, device=None):
    _cpu(device)
    return _tensor.tensor(np.fft.rfftfreq(n, d), dtype=dtype or float32)


def _fftshift(x, /, *, axes=None):
    axes = _axis(axes, x.ndim)
    return roll(x, tuple(x.shape[a] // 2 for a in axes), axis=axes)


def _ifftshift(x, /, *, axes=None):
    axes = _axis(axes, x.ndim)
    return roll(x, tuple(-(x.shape[a] // 2) for a in axes), axis=axes)


fft = types.SimpleNamespace(fftfreq=_fftfreq, rfftfreq=_rfftfreq, fftshift=_fftshift, ifftshift=_ifftshift)


class _Info:
    """What __array_namespace_info__ returns."""

    def capabilities(self):
        return {"boolean indexing": True, "data-dependent shapes": True}

    def default_device(self):
        return "cpu"

    def default_dtypes(self, *, device=None):
        _cpu(device)
        return {"real floating": float32, "complex floating": None, "integral": int64, "indexing": int64}

    def devices(self):
        return ["cpu"]

    def dtypes(self, *, device=None, kind=None):
        _cpu(device)
        found = {"bool": bool, "int8": int8, "int32": int32, "int64": int64, "uint8": uint8, "float32": float32,
                 "float64": float64}
        return found if kind is None else {n: d for n, d in found.items() if isdtype(d, kind)}


def __array_namespace_info__():
    """Dtypes, devices and capabilities of this namespace."""
    return _Info()


def _namespace(self, /, *, api_version=None):
    if api_version not in (None, __array_api_version__, "2022.12", "2021.12"):
        raise errors.ValueError(f"__array_namespace__: version {api_version!r}; this is {__array_api_version__}")
    import sys
    return sys.modules[__name__]


def _to_device(self, device, /, *, stream=None):
    _cpu(device)
    return self


Tensor.__array_namespace__ = _namespace
Tensor.to_device = _to_device
