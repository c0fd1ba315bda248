"""Ops of your own, a search for NaN, and a check of gradients."""
import os
import sys

from . import _athanor as _c
from . import errors

_PACKAGE = os.path.dirname(os.path.abspath(__file__))


class Context:
    """What forward hands to backward: tensors through save_for_backward, anything else as attributes."""

    def __init__(self, handle, needs):
        self._handle, self._saved = handle, 0
        self.needs_input_grad = needs  #: whether each argument of apply wants a gradient

    def save_for_backward(self, *tensors):
        """Keeps tensors for backward. An input or output that is overwritten before then is noticed."""
        for t in tensors:
            if not isinstance(t, _c.Tensor):
                raise TypeError(f"save_for_backward: {type(t).__name__} is no Tensor; set it as an attribute of ctx")
            self._handle.save(t)
        self._saved += len(tensors)

    @property
    def saved_tensors(self):
        """What save_for_backward was given, a tuple."""
        return tuple(self._handle.saved(i) for i in range(self._saved))


class Function:
    """An op of your own: subclass it, and call the subclass's apply.

        class Cube(ath.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return x * x * x

            @staticmethod
            def backward(ctx, grad):
                (x,) = ctx.saved_tensors
                return grad * 3 * x * x

        y = Cube.apply(x)

    forward is not recorded, and may use NumPy or another library. backward gets one gradient for each output
    and returns one for each argument of apply (None for what is no tensor or has no gradient); written with
    athanor's ops it has gradients itself.
    """

    @staticmethod
    def forward(ctx, *args):
        """Computes the output, a Tensor or a tuple of them."""
        raise NotImplementedError("a Function needs a static method forward(ctx, *args)")

    @staticmethod
    def backward(ctx, *grads):
        """The gradients by the arguments of apply."""
        raise NotImplementedError("a Function needs a static method backward(ctx, *grads)")

    @classmethod
    def apply(cls, *args):
        """Runs the op on args, tensors and anything else, and records it."""
        places = [i for i, a in enumerate(args) if isinstance(a, _c.Tensor)]
        needs = tuple(isinstance(a, _c.Tensor) and a.requires_grad for a in args)
        count, single, pending = len(args), [], [args]  # not args itself: backward must not keep the inputs

        def make(handle):
            ctx = Context(handle, needs)

            def forward(tensors):
                given = list(pending.pop())
                for place, t in zip(places, tensors):
                    given[place] = t
                result = cls.forward(ctx, *given)
                single.append(not isinstance(result, (tuple, list)))
                outputs = (result,) if single[0] else tuple(result)
                for o in outputs:
                    if not isinstance(o, _c.Tensor):
                        raise TypeError(f"{cls.__name__}.forward returned {type(o).__name__}; it must return a "
                                        f"Tensor or a tuple of them")
                return outputs

            def backward(grads):
                found = cls.backward(ctx, *grads)
                found = tuple(found) if isinstance(found, (tuple, list)) else (found,)
                if len(found) != count:
                    raise errors.ValueError(
                        f"{cls.__name__}.backward returned {len(found)} gradients, and forward had {count} "
                        f"arguments; return one for each, None where there is none")
                return tuple(found[i] for i in places)
            return forward, backward

        inputs = tuple(args[i] for i in places)
        del args
        outputs = _c._apply_function(cls.__name__, make, inputs)
        return outputs[0] if single[0] else outputs


class detect_anomaly:
    """Searches for NaN while the block runs: `with ath.autograd.detect_anomaly():`.

    An op that makes a NaN from inputs without one, in forward or in its gradient, is refused with its name and
    the line that called it. Every tensor is read once more: for finding a bug, not for training.
    """

    def __init__(self, on=True):
        self._on = on

    def __enter__(self):
        self._before = _c._detect_anomaly()
        _c._set_detect_anomaly(self._on)
        return self

    def __exit__(self, *_):
        _c._set_detect_anomaly(self._before)


def _call_place():
    """File and line of the innermost frame outside the package."""
    frame = sys._getframe()
    while frame is not None:
        name = frame.f_code.co_filename
        if not (name.startswith("<athanor.") or os.path.abspath(name).startswith(_PACKAGE + os.sep)):
            return f"{name}:{frame.f_lineno}"
        frame = frame.f_back
    return ""


_c._set_call_place(_call_place)


def check_gradients(function, inputs, epsilon=1e-6, absolute=1e-6, relative=1e-5, second=False):
    """Compares the gradients of function(*inputs) by central differences of it; True, or ValueError.

    inputs: a Tensor or a sequence; those that require a gradient must be float64. Every element of them is
    checked: |analytic - numeric| <= absolute + relative * |numeric|. second: the gradient of the gradient too.
    The message names input, element and both numbers.
    """
    inputs = (inputs,) if isinstance(inputs, _c.Tensor) else tuple(inputs)
    _c._check_gradients(_tuple_function(function, "check_gradients"), inputs, epsilon, absolute, relative, second)
    return True


def _tuple_function(function, what, single=None):
    """function(*tensors) as a function of a tuple that returns one; `single` gets whether it returned one Tensor."""
    def run(tensors):
        result = function(*tensors)
        one = isinstance(result, _c.Tensor)
        if single is not None:
            single[:] = [one]
        result = (result,) if one else result
        if not isinstance(result, (tuple, list)) or not all(isinstance(r, _c.Tensor) for r in result):
            raise TypeError(f"{what}: the function must return a Tensor or a tuple of them, not "
                            f"{type(result).__name__}")
        return tuple(result)
    return run


class RemovableHook:
    """What register_hook returns: remove() takes the hook off again."""

    def __init__(self, tensor, number):
        self._tensor, self._number = tensor, number

    def remove(self):
        """Takes the hook off. Does nothing the second time."""
        _c._remove_hook(self._tensor, self._number)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()


def _register_hook(self, hook):
    """Calls hook(grad) in every backward pass, once this tensor's gradient is complete.

    What it returns, if not None, takes the gradient's place. Returns a handle with remove(). Raises ValueError
    for a tensor that requires no gradient.
    """
    return RemovableHook(self, _c._add_hook(self, hook))


_c.Tensor.register_hook = _register_hook

__all__ = ["Context", "Function", "RemovableHook", "check_gradients", "detect_anomaly"]
