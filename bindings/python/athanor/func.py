"""Transformations of functions: grad, value_and_grad, vjp, jvp, jacobian, vmap. They nest.

    per_example = ath.func.vmap(ath.func.grad(loss), in_axes=(None, 0, 0))(w, x, y)
"""
from . import _athanor as _c
from . import errors
from ._tensor import enable_grad
from .autograd import _tuple_function


def _tensors(args, what):
    for i, a in enumerate(args):
        if not isinstance(a, _c.Tensor):
            raise TypeError(f"{what}: argument {i} is {type(a).__name__}; the arguments must be Tensors")
    return tuple(args)


def value_and_grad(function, argnums=0):
    """A function that returns (value, gradient by argument argnums); a tuple of gradients for a tuple of argnums.

    function must return one number (a Tensor of one element).
    """
    several = isinstance(argnums, (tuple, list))
    wanted = tuple(argnums) if several else (argnums,)

    def run(*args):
        for n in wanted:
            if not 0 <= n < len(args):
                raise errors.IndexError(f"grad: argnums {n} is outside the {len(args)} arguments")
        _tensors([args[n] for n in wanted], "grad")
        outer = any(args[n].requires_grad for n in wanted)
        with enable_grad():
            given = list(args)
            for n in wanted:
                x = args[n]
                given[n] = x.reshape(x.shape) if x.requires_grad else x.detach().requires_grad_()
            value = function(*given)
            if not isinstance(value, _c.Tensor) or value.size != 1:
                raise errors.ShapeError(f"grad: the function must return a Tensor of one element, not "
                                        f"{value._describe() if isinstance(value, _c.Tensor) else type(value).__name__}")
            found = _c.grad(value, [given[n] for n in wanted], create_graph=outer) \
                if value.requires_grad else (None,) * len(wanted)
            found = tuple(args[n] * 0 if g is None else g for n, g in zip(wanted, found))
        return value if outer else value.detach(), found if several else found[0]
    return run


def grad(function, argnums=0):
    """A function that returns the gradient of `function` by argument argnums."""
    both = value_and_grad(function, argnums)
    return lambda *args: both(*args)[1]


def vjp(function, *inputs):
    """(outputs, pull): pull(*cotangents) gives the vector-Jacobian products, one for each input.

    outputs is a Tensor or a tuple, as function returns it.
    """
    inputs = _tensors(inputs, "vjp")
    single = []
    run = _tuple_function(function, "vjp", single)
    outputs = run(inputs)
    alone = single[0]

    def pull(*cotangents):
        found = _c._vjp(run, inputs, _tensors(cotangents, "vjp"), any(t.requires_grad for t in inputs))[1]
        return found[0] if len(inputs) == 1 else found
    return outputs[0] if alone else outputs, pull


def jvp(function, inputs, tangents):
    """(outputs, tangents of the outputs): the directional derivatives along `tangents`.

    inputs, tangents: a Tensor or a tuple each, of equal shapes.
    """
    inputs = _tensors((inputs,) if isinstance(inputs, _c.Tensor) else inputs, "jvp")
    tangents = _tensors((tangents,) if isinstance(tangents, _c.Tensor) else tangents, "jvp")
    single = []
    outputs, found = _c._jvp(_tuple_function(function, "jvp", single), inputs, tangents,
                             any(t.requires_grad for t in inputs))
    return (outputs[0], found[0]) if single[0] else (outputs, found)


def jacobian(function, x):
    """All derivatives of function(x), a Tensor: shape output.shape + x.shape."""
    (x,) = _tensors((x,), "jacobian")
    return _c._jacobian(_tuple_function(function, "jacobian"), x, x.requires_grad)


def vmap(function, in_axes=0, out_axes=0):
    """A function of batches from a function of one example.

    in_axes: the axis of examples of each argument, None for one that every example sees whole; a number serves
    all. out_axes: where the examples go in each output. function runs once, on symbolic tensors, so it cannot
    look at values (if, item()); random ops are refused. Gradients flow, and it nests with grad, vjp, jvp and
    itself.
    """
    def run(*args):
        args = _tensors(args, "vmap")
        axes = tuple(in_axes) if isinstance(in_axes, (tuple, list)) else (in_axes,) * len(args)
        if len(axes) != len(args):
            raise errors.ValueError(f"vmap: in_axes has {len(axes)} entries for {len(args)} arguments")
        single, count = [], []
        inner = _tuple_function(function, "vmap", single)

        def counted(tensors):
            out = inner(tensors)
            count[:] = [len(out)]
            return out
        to = tuple(out_axes) if isinstance(out_axes, (tuple, list)) else (out_axes,) if out_axes else ()
        found = _c._vmap(counted, args, axes, to)
        return found[0] if single[0] else found
    return run


__all__ = ["grad", "jacobian", "jvp", "value_and_grad", "vjp", "vmap"]
