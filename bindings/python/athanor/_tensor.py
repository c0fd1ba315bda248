"""What Tensor does in Python: makers, operators, indexing, conversion."""
import builtins
import numbers
import pickle

import numpy as np

from . import _athanor as _c
from . import errors, ops
from ._random import next_key

Tensor = _c.Tensor
dtype = _c.dtype

_NUMPY = {dtype.bool: np.bool_, dtype.uint8: np.uint8, dtype.int8: np.int8, dtype.int32: np.int32,
          dtype.int64: np.int64, dtype.float16: np.float16, dtype.float32: np.float32, dtype.float64: np.float64}


# Makers.

def from_numpy(array):
    """A tensor over the array's memory: a change of one is seen in the other.

    Memory that cannot be shared (not writable, foreign byte order, negative strides) is copied.
    Raises DTypeError for a dtype without counterpart.
    """
    if not isinstance(array, np.ndarray):
        raise TypeError(f"from_numpy: expected a NumPy array, not {type(array).__name__}")
    return _c._over_array(array)


def tensor(data, dtype=None, requires_grad=False):
    """A new tensor with a copy of data: numbers, nested sequences, a NumPy array or a tensor.

    dtype: default the array's own; Python floats give float32, ints int64.
    """
    if isinstance(data, Tensor):
        out = data.detach().clone()
    elif isinstance(data, (np.ndarray, np.generic)):
        out = _c._over_array(np.array(data))
    else:
        try:
            array = np.array(_plain(data))
        except builtins.ValueError:
            array = None
        if array is None or array.dtype == object:
            raise errors.ValueError(f"tensor: the rows of {_short(data)} differ in length, or hold what is no number")
        if array.dtype == np.float64:
            array = array.astype(np.float32) if dtype is None else array
        if array.dtype.kind in "US":
            raise errors.DTypeError(f"tensor: {_short(data)} is text; a tensor holds numbers")
        out = _c._over_array(array)
    if dtype is not None and out.dtype != dtype:
        out = ops.cast(out, dtype)
    if requires_grad:
        out.requires_grad = True
    return out


asarray = tensor


def _plain(data):
    if isinstance(data, Tensor):
        return data.numpy()
    if isinstance(data, (list, tuple)):
        return [_plain(item) for item in data]
    return data


def _short(data):
    text = repr(data)
    return text if len(text) <= 60 else text[:57] + "..."


def zeros(shape, dtype=dtype.float32):
    """A tensor of zeros. shape: an int or a sequence of ints."""
    return _c._full(shape, 0.0, dtype)


def ones(shape, dtype=dtype.float32):
    """A tensor of ones."""
    return _c._full(shape, 1.0, dtype)


def full(shape, value, dtype=None):
    """A tensor of one value; dtype: default bool, int64 or float32 by the value."""
    if dtype is None:
        dtype = _c.dtype.bool if isinstance(value, bool) else _c.dtype.int64 if isinstance(value, int) else \
            _c.dtype.float32
    return _c._full(shape, float(value), dtype)


def empty(shape, dtype=dtype.float32):
    """A tensor whose elements are whatever the memory held."""
    return _c._empty(shape, dtype)


def zeros_like(x, dtype=None):
    """Zeros of x's shape, and dtype unless another is given."""
    return zeros(x.shape, dtype or x.dtype)


def ones_like(x, dtype=None):
    """Ones of x's shape, and dtype unless another is given."""
    return ones(x.shape, dtype or x.dtype)


def full_like(x, value, dtype=None):
    """One value in x's shape, and dtype unless another is given."""
    return full(x.shape, value, dtype or x.dtype)


def arange(start, stop=None, step=1, dtype=None):
    """The numbers start, start + step ... before stop; one argument counts from 0."""
    if stop is None:
        start, stop = 0, start
    if step == 0:
        raise errors.ValueError("arange: step is 0")
    return tensor(np.arange(start, stop, step), dtype=dtype) if dtype or not _floating(start, stop, step) else \
        tensor(np.arange(start, stop, step), dtype=_c.dtype.float32)


def _floating(*values):
    return any(isinstance(v, float) for v in values)


def linspace(start, stop, count, dtype=dtype.float32):
    """count numbers in equal steps from start to stop, both included."""
    return tensor(np.linspace(start, stop, count), dtype=dtype)


def eye(rows, columns=None, dtype=dtype.float32):
    """Ones on the diagonal of a matrix of zeros."""
    return tensor(np.eye(rows, columns), dtype=dtype)


def rand(shape, dtype=dtype.float32):
    """Uniform numbers in [0, 1), the next draw of manual_seed or random_scope."""
    return ops.random_uniform(_shape(shape), *next_key("rand"), dtype=dtype)


def randn(shape, dtype=dtype.float32):
    """Normal numbers of mean 0 and deviation 1, the next draw of manual_seed or random_scope."""
    return ops.random_normal(_shape(shape), *next_key("randn"), dtype=dtype)


def randint(low, high, shape, dtype=dtype.int64):
    """Integers in [low, high), the next draw of manual_seed or random_scope."""
    if not 0 < high - low <= 1 << 24:
        raise errors.ValueError(f"randint: high - low is {high - low}; it must be in 1 .. 2**24")
    unit = ops.random_uniform(_shape(shape), *next_key("randint"), dtype=_c.dtype.float64)
    return ops.cast(ops.floor(unit * float(high - low)), dtype) + low


def randperm(count):
    """The numbers 0 .. count - 1 in random order, int64."""
    unit = ops.random_uniform((count,), *next_key("randperm"), dtype=_c.dtype.float64)
    return from_numpy(np.argsort(unit.numpy(), kind="stable"))


def _shape(shape):
    return (shape,) if isinstance(shape, int) else tuple(shape)


def from_dlpack(source):
    """A tensor over the memory of another library's: anything with __dlpack__ on the CPU."""
    if not hasattr(source, "__dlpack__"):
        raise TypeError(f"from_dlpack: {type(source).__name__} has no __dlpack__")
    if hasattr(source, "__dlpack_device__") and source.__dlpack_device__()[0] != 1:
        raise errors.UnsupportedError("from_dlpack: the tensor is not on the CPU; copy it there first")
    return _c._from_dlpack(source.__dlpack__())


# Conversion.

def _numpy(self):
    """A NumPy array over the same memory. Raises ValueError for a tensor that requires a gradient."""
    if self.requires_grad:
        raise errors.ValueError("numpy: this tensor requires a gradient, which NumPy would not see; "
                                "write x.detach().numpy()")
    return self._array()


def _to_array(self, dtype=None, copy=None):
    array = self.detach()._array()
    if copy or (dtype is not None and array.dtype != dtype):
        array = array.astype(dtype or array.dtype)
    return array


def _item_as(kind):
    def convert(self):
        return kind(self.item())
    return convert


def _repr(self):
    if self._symbolic():
        return f"tensor(of one example or a captured graph, {self._describe()})"
    shown = (ops.cast(self.detach(), dtype.float32) if self.dtype == dtype.bfloat16 else self.detach())._array()
    notes = "" if self.dtype in (dtype.float32, dtype.int64, dtype.bool) else f", dtype={self.dtype.name}"
    if not self.is_leaf:
        notes += ", recorded=True"
    elif self.requires_grad:
        notes += ", requires_grad=True"
    if self.size == 0:
        notes = f", shape={self.shape}" + notes
    return f"tensor({np.array2string(shown, separator=', ', prefix='tensor(')}{notes})"


def _to(self, dtype):
    """The tensor converted to a dtype; itself when it has it."""
    return self if self.dtype == dtype else ops.cast(self, dtype)


def _clone(self):
    """A copy with memory of its own; gradients flow through."""
    return ops.add(self, 0) if self.requires_grad and _c.is_grad_enabled() else self.clone_()


def _refuse_pickle(self, *_):
    raise pickle.PicklingError("a Tensor is not pickled: a pickle can run any code when it is read; "
                               "write it with athanor.save(path, {'name': x}) and read it with athanor.load(path)")


# Operators.

def _operand(self, other):
    return other if isinstance(other, (Tensor, numbers.Number, np.ndarray, np.generic)) else NotImplemented


def _binary(function):
    def forward(self, other):
        other = _operand(self, other)
        return NotImplemented if other is NotImplemented else function(self, _scalar(other))

    def backward(self, other):
        other = _operand(self, other)
        return NotImplemented if other is NotImplemented else function(_c._operand(_scalar(other), self), self)
    return forward, backward


def _scalar(value):
    return value.item() if isinstance(value, np.generic) else value


def _in_place(name, function):
    def run(self, other):
        if self.requires_grad and _c.is_grad_enabled():
            raise errors.ValueError(
                f"{name}: in place on a tensor that requires a gradient would break its history; write "
                f"x = x {name[0]} y, or update parameters inside `with athanor.no_grad():`")
        self._copy_from(function(self, other))
        return self
    return run


# Indexing.

def _is_index(value):
    return isinstance(value, numbers.Integral) and not isinstance(value, (bool, np.bool_))


def _key_of(self, key):
    """The key as a list with the Ellipsis spelled out, lists made tensors and masks their places."""
    out = []
    for k in key if isinstance(key, tuple) else (key,):
        if k is None or k is Ellipsis or isinstance(k, slice) or _is_index(k):
            out.append(k)
            continue
        index = _as_index(k)
        if index.dtype != dtype.bool:
            out.append(index)
            continue
        axis = sum(o is not None and o is not Ellipsis for o in out)
        if any(o is Ellipsis for o in out):  # the mask covers axes counted from the end
            axis = self.ndim - index.ndim
        if index.ndim == 0 or index.shape != self.shape[axis:axis + index.ndim]:
            raise errors.IndexError(f"a mask must have the shape of the axes that it stands for; the mask is "
                                    f"{index._describe()}, the tensor {self._describe()}")
        places = _c.nonzero(index)
        out += [ops.squeeze(ops.slice(places, 1, i, i + 1), 1) for i in range(index.ndim)]
    used = sum(k is not None and k is not Ellipsis for k in out)
    if sum(k is Ellipsis for k in out) > 1:
        raise errors.IndexError("an index can only have one ellipsis ('...')")
    if used > self.ndim:
        raise errors.IndexError(f"too many indices: {used} for a tensor of {self.ndim} axes, {self._describe()}")
    rest = [slice(None)] * (self.ndim - used)
    at = next((i for i, k in enumerate(out) if k is Ellipsis), len(out))
    return out[:at] + rest + out[at + 1:]


def _as_index(value):
    if isinstance(value, (list, np.ndarray)):
        value = tensor(value)
    if not isinstance(value, Tensor):
        raise TypeError(f"an index must be an int, a slice, None, '...', a list, or a tensor of ints or bools, "
                        f"not {type(value).__name__}")
    return value


def _getitem(self, key):
    if isinstance(key, Tensor) and key.dtype == dtype.bool and key.shape == self.shape:
        return _c.masked_select(self, key)
    key = _key_of(self, key)
    picks = any(isinstance(k, Tensor) for k in key)
    x, axis, indices = self, 0, []
    for k in key:
        if k is None:
            x = ops.unsqueeze(x, axis)
            axis += 1
        elif isinstance(k, slice):
            x = _slice(x, axis, k)
            axis += 1
        elif isinstance(k, Tensor):
            indices.append((axis, k))
            axis += 1
        else:
            size = x.shape[axis]
            if not -size <= k < size:
                raise errors.IndexError(f"index {k} is outside [-{size}, {size}) of axis {axis} of {self._describe()}")
            if picks:  # beside tensors a number is one too
                indices.append((axis, tensor(int(k))))
                axis += 1
            else:
                k = int(k) % size
                x = ops.squeeze(ops.slice(x, axis, k, k + 1), axis)
    if not indices:
        return x
    if len(indices) == 1:
        return ops.index_select(x, indices[0][1], indices[0][0])
    axes = [a for a, _ in indices]
    rest = [a for a in range(x.ndim) if a not in axes]
    y = ops.index(ops.permute(x, axes + rest), [i for _, i in indices])
    # What the indices make stands where they stood, or in front if something stands between them.
    common, first = y.ndim - len(rest), axes[0]
    if first == 0 or axes != list(range(first, first + len(axes))):
        return y
    order = list(range(common, common + first)) + list(range(common)) + list(range(common + first, y.ndim))
    return ops.permute(y, order)


def _slice(x, axis, s):
    size = x.shape[axis]
    if s == slice(None):
        return x
    start, stop, step = s.indices(size)
    if step < 0:
        # Backwards: the same elements forwards, then turned round.
        count = max(0, (start - stop - step - 1) // -step)
        if count == 0:
            return ops.slice(x, axis, 0, 0)
        first = start + (count - 1) * step
        return ops.flip(ops.slice(x, axis, first, start + 1, -step), axis)
    return ops.slice(x, axis, start, max(start, stop), step)


def _setitem(self, key, value):
    if self.requires_grad and _c.is_grad_enabled():
        raise errors.ValueError("x[...] = y: in place on a tensor that requires a gradient would break its history; "
                                "use athanor.ops.where, or write inside `with athanor.no_grad():`")
    value = _c._operand(_scalar(value), self)
    with no_grad():
        if not any(isinstance(k, Tensor) for k in _key_of(self, key)) and not _backwards(key):
            view = _getitem(self.detach(), key)
            view._copy_from(ops.expand(value, view.shape) if value.shape != view.shape else value)
            return
        # Through NumPy, over the same memory; a pick of places checks the indices.
        _getitem(self.detach(), key)
        plain = [k.numpy() if isinstance(k, Tensor) else k for k in (key if isinstance(key, tuple) else (key,))]
        self.detach()._array()[tuple(plain)] = value.detach()._array()


def _backwards(key):
    return any(isinstance(k, slice) and k.step is not None and k.step < 0
               for k in (key if isinstance(key, tuple) else (key,)))


def _iterate(self):
    if self.ndim == 0:
        raise TypeError("a tensor without axes cannot be iterated")
    return (self[i] for i in range(self.shape[0]))


def _length(self):
    if self.ndim == 0:
        raise TypeError("a tensor without axes has no len()")
    return self.shape[0]


def _contains(self, value):
    return bool(ops.eq(self, value)._array().any())


# Recording.

class _Recording:
    """A context manager and a decorator."""

    def __init__(self):
        self._switch = _c._GradSwitch(self._on)

    def __enter__(self):
        self._switch.enter()
        return self

    def __exit__(self, *_):
        self._switch.exit()

    def __call__(self, function):
        import functools

        @functools.wraps(function)
        def run(*args, **kwargs):
            with type(self)():
                return function(*args, **kwargs)
        return run


class no_grad(_Recording):
    """`with no_grad():` or `@no_grad()`: ops are not recorded."""

    _on = False


class enable_grad(_Recording):
    """The opposite, inside no_grad."""

    _on = True


def _backward(self, gradient=None, retain_graph=False):
    """Adds d self / d leaf to .grad of every leaf that requires a gradient.

    gradient: that of self, needed unless self has one element. The record is released unless
    retain_graph. Raises ValueError for a tensor without history, or one that was released.
    """
    _c._backward(self, gradient, retain_graph)


def _reshape(self, *shape):
    """A tensor of the same elements in another shape; one size may be -1."""
    return ops.reshape(self, shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape)


def _permute(self, *axes):
    """A view with its axes in another order."""
    return ops.permute(self, axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes)


def _expand(self, *shape):
    """A view in which axes of size 1 are repeated."""
    return ops.expand(self, shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape)


def _transpose(self, a, b):
    """A view with two axes exchanged."""
    axes = list(range(self.ndim))
    axes[a], axes[b] = axes[b], axes[a]
    return ops.permute(self, axes)


def _matrix_transpose(self):
    if self.ndim < 2:
        raise errors.ShapeError(f"mT: a matrix has two axes, this is {self._describe()}")
    return _transpose(self, -1, -2)


def _method(function):
    """A function of C++ as a method: by itself it would not be given the tensor."""
    def run(self, *args, **kwargs):
        return function(self, *args, **kwargs)
    run.__name__, run.__doc__ = function.__name__, function.__doc__
    return run


def _install():
    """Gives Tensor its methods: first every op whose first input is a tensor, then what is special."""
    from ._ops import all_ops
    own = set(vars(Tensor))
    for op in all_ops():
        if op.inputs and not op.inputs[0][2] and op.name not in own:
            setattr(Tensor, op.name, getattr(ops, op.name))
    for name, function in {"add": ops.add, "sub": ops.sub, "mul": ops.mul, "truediv": ops.div, "pow": ops.pow,
                           "matmul": ops.matmul, "mod": ops.mod, "floordiv": ops.floor_div, "and": ops.bitwise_and,
                           "or": ops.bitwise_or, "xor": ops.bitwise_xor, "lshift": ops.bitwise_left_shift,
                           "rshift": ops.bitwise_right_shift}.items():
        forward, backward = _binary(function)
        setattr(Tensor, f"__{name}__", forward)
        setattr(Tensor, f"__r{name}__", backward)
    for name, function in {"lt": ops.lt, "le": ops.le, "gt": ops.gt, "ge": ops.ge, "eq": ops.eq,
                           "ne": ops.ne}.items():
        setattr(Tensor, f"__{name}__", _binary(function)[0])
    for sign, name, function in (("+=", "iadd", ops.add), ("-=", "isub", ops.sub), ("*=", "imul", ops.mul),
                                 ("/=", "itruediv", ops.div)):
        setattr(Tensor, f"__{name}__", _in_place(sign, function))
    Tensor.__hash__ = object.__hash__
    Tensor.__neg__, Tensor.__abs__, Tensor.__invert__ = ops.neg, ops.abs, ops.bitwise_not
    Tensor.__pos__ = lambda self: self
    Tensor.__getitem__, Tensor.__setitem__ = _getitem, _setitem
    Tensor.__iter__, Tensor.__len__, Tensor.__contains__ = _iterate, _length, _contains
    Tensor.__repr__, Tensor.__array__ = _repr, _to_array
    Tensor.__array_priority__ = 1000  # NumPy leaves array + tensor to the tensor
    Tensor.__array_ufunc__ = None
    for kind in (float, int, bool):
        setattr(Tensor, f"__{kind.__name__}__", _item_as(kind))
    Tensor.__index__ = lambda self: _integer(self)
    Tensor.__reduce_ex__ = Tensor.__reduce__ = _refuse_pickle
    Tensor.__deepcopy__ = lambda self, _memo: _deep_copy(self)
    Tensor.__dlpack__ = lambda self, stream=None: _c._to_dlpack(self)
    Tensor.__dlpack_device__ = lambda self: (1, 0)
    Tensor.numpy, Tensor.backward, Tensor.clone, Tensor.to = _numpy, _backward, _clone, _to
    Tensor.astype = _to
    Tensor.tolist = lambda self: self.detach()._array().tolist()
    Tensor.reshape = Tensor.view = _reshape
    Tensor.permute, Tensor.expand, Tensor.transpose = _permute, _expand, _transpose
    Tensor.requires_grad_ = _requires_grad
    Tensor.copy_ = _copy
    Tensor.fill_ = _fill
    Tensor.zero_ = lambda self: _fill(self, 0)
    for name in ("nonzero", "masked_select", "unique"):
        setattr(Tensor, name, _method(getattr(_c, name)))
    Tensor.mT = property(_matrix_transpose, doc="The last two axes exchanged.")
    Tensor.T = property(lambda self: ops.permute(self, tuple(reversed(range(self.ndim)))),
                        doc="All axes in reverse order.")
    for method, kind in {"float": dtype.float32, "double": dtype.float64, "half": dtype.float16,
                         "bfloat16": dtype.bfloat16, "long": dtype.int64, "int": dtype.int32,
                         "bool": dtype.bool}.items():
        setattr(Tensor, method, lambda self, kind=kind: _to(self, kind))
    Tensor.max, Tensor.min = ops.amax, ops.amin


def _integer(self):
    if self.size != 1 or self.dtype.is_floating_point:
        raise TypeError(f"only an integer tensor of one element is an index, not {self._describe()}")
    return int(self.item())


def _deep_copy(self):
    if not self.is_leaf:
        raise errors.ValueError("deepcopy: this tensor has a history; copy x.detach()")
    out = type(self)(self.detach().clone_())
    if self.requires_grad:
        out.requires_grad = True
    return out


def _requires_grad(self, on=True):
    """Marks a leaf and returns it."""
    self.requires_grad = on
    return self


def _copy(self, source):
    """Overwrites the elements with those of source (broadcast, converted) and returns the tensor."""
    return _overwrite(self, lambda: ops.expand(source, self.shape) if source.shape != self.shape else source, "copy_")


def _fill(self, value):
    """Overwrites every element with a number and returns the tensor."""
    if self.requires_grad and _c.is_grad_enabled():
        _overwrite(self, None, "fill_")
    self._fill(float(value))
    return self


def _overwrite(self, source, name):
    if self.requires_grad and _c.is_grad_enabled():
        raise errors.ValueError(f"{name}: in place on a tensor that requires a gradient would break its history; do it "
                                "inside `with athanor.no_grad():`")
    self._copy_from(source().detach())
    return self


_install()
