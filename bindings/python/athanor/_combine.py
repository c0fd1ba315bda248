"""Functions of the field over ops whose own call differs, or whose result's size depends on the data."""
from . import _tensor, errors, ops


def einsum(*operands, equation=None):
    """The sum of products that the equation names: einsum("bij,bjk->bik", a, b). See ops.einsum."""
    if equation is None:
        if not operands or not isinstance(operands[0], str):
            raise TypeError('einsum: the equation comes first, as in einsum("ij,jk->ik", a, b)')
        equation, operands = operands[0], operands[1:]
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = operands[0]
    return ops.einsum(list(operands), equation)


def diag(x, offset=0):
    """A vector as the diagonal of a matrix that is 0 elsewhere, or the diagonal of a matrix.

    offset: that many columns to the right, negative: rows down.
    """
    if x.ndim == 2:
        return ops.diagonal(x, offset)
    if x.ndim != 1:
        raise errors.ShapeError(f"diag: x has {x.ndim} axes; it must be a vector or a matrix")
    n, side = x.shape[0], x.shape[0] + abs(offset)
    rows = ops.pad(ops.unsqueeze(x, 1), (0, max(offset, 0)), (0, side - 1 - max(offset, 0))) if side else x
    at = _tensor.arange(n) + max(-offset, 0)
    # Row i has its element offset columns right of column 0; each row is turned to its place.
    places = _tensor.zeros((side, side), dtype=x.dtype)
    turned = ops.gather(rows, (_tensor.arange(side).reshape((1, side)) - _tensor.arange(n).reshape((n, 1))) % side, 1)
    return ops.index_add(places, at, turned, 0)


def meshgrid(*vectors, indexing="ij"):
    """The coordinates of a grid: result i has the elements of vector i along axis i and repeats them along the others.

    indexing: "ij", or "xy" for the first two axes exchanged.
    """
    if len(vectors) == 1 and isinstance(vectors[0], (list, tuple)):
        vectors = tuple(vectors[0])
    if indexing not in ("ij", "xy"):
        raise errors.ValueError(f'meshgrid: indexing is {indexing!r}; it can be "ij" and "xy"')
    for i, v in enumerate(vectors):
        if v.ndim != 1:
            raise errors.ShapeError(f"meshgrid: vector {i} has {v.ndim} axes; it must have one")
    axes = list(range(len(vectors)))
    if indexing == "xy" and len(axes) > 1:
        axes[:2] = 1, 0
    shape = [0] * len(axes)
    for v, axis in zip(vectors, axes):
        shape[axis] = v.shape[0]
    return tuple(ops.expand(ops.reshape(v, [-1 if i == axis else 1 for i in range(len(axes))]), shape)
                 for v, axis in zip(vectors, axes))


def bincount(x, size=None, minlength=0):
    """How often each whole number from 0 on is in x: int64. size: default the largest number + 1, at least minlength."""
    if size is None:
        if x.size and int(ops.amin(x).item()) < 0:
            raise errors.ValueError(f"bincount: x has the number {int(ops.amin(x).item())}; it must not be negative")
        size = max(minlength, int(ops.amax(x).item()) + 1 if x.size else 0)
    return ops.bincount(x, size)


def bucketize(x, boundaries, right=False):
    """Which interval between sorted boundaries each number of x is in. right: a boundary belongs to the one behind it."""
    return ops.searchsorted(boundaries, x, right)


def histc(x, bins=100, min=0.0, max=0.0):  # noqa: A002
    """How many numbers of x are in each of `bins` equal parts of [min, max]; others do not count.

    min = max: the smallest and largest number of x. The result has x's dtype.
    """
    if bins < 1:
        raise errors.ValueError(f"histc: bins is {bins}; it must be at least 1")
    x = x.detach().reshape(-1)
    low, high = float(min), float(max)
    if low == high and x.size:
        low, high = float(ops.amin(x).item()), float(ops.amax(x).item())
    if low == high:
        low, high = low - 1, high + 1
    if not low < high:
        raise errors.ValueError(f"histc: min is {low} and max is {high}; max must be above min, and no number of x NaN")
    inside = ops.logical_and(x >= low, x <= high)
    place = ops.clamp(ops.floor((ops.where(inside, x, low) - low) * (bins / (high - low))), 0, bins - 1)
    return ops.index_add(_tensor.zeros(bins, dtype=x.dtype), ops.cast(place, _tensor.dtype.int64), ops.cast(inside, x.dtype), 0)
