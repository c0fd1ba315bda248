"""The ops as Python functions, made from the registry when the package is imported.

A new op appears here, as a Tensor method and in the stubs by itself.
"""
import keyword
import textwrap

from . import _athanor as _c

# Other words of the field for the same attributes.
_ALIASES = {"axis": ("axes", "axis"), "dim": ("axes", "axis"), "keepdims": ("keep",), "keepdim": ("keep",)}


def rename(op, names, given):
    """The keyword arguments `given` under the op's own names. Raises TypeError for an unknown one."""
    out = {}
    for name, value in given.items():
        own = next((n for n in _ALIASES.get(name, ()) if n in names), None)
        if own is None:
            raise TypeError(f"{op}() got an unexpected keyword argument '{name}'; it takes {', '.join(names)}")
        if own == "axes" and value is None:
            value = ()
        out[own] = value
    return out


def _default(value):
    return repr(value) if not isinstance(value, _c.dtype) else f"_dtype.{value.name}"


class Op:
    """One record of the registry, as the functions and stubs need it."""

    def __init__(self, index, record):
        self.index, self.name, self.doc = index, record["name"], record["doc"]
        self.inputs, self.attributes = record["inputs"], record["attributes"]
        self.outputs, self.dtypes = record["outputs"], record["dtypes"]
        self.differentiable = record["differentiable"]
        self.variadic = any(v for _, _, v in self.inputs)
        self.takes_expression = any(kind == "expr" for _, kind, _ in self.attributes)

    def parameters(self):
        """(name, kind, default or None, whether it has a default), required ones first."""
        out = []
        for name, optional, variadic in self.inputs:
            out.append((name, "tensors" if variadic else "tensor", None, optional))
        for name, kind, default in self.attributes:
            out.append((name, kind, default, default is not None))
        return sorted(out, key=lambda p: p[3])

    def source(self):
        """The text of its Python function."""
        words, names = [], []
        for name, _, default, has in self.parameters():
            assert not keyword.iskeyword(name), name
            words.append(f"{name}={_default(default)}" if has else name)
            names.append(name)
        axes = {"axes", "axis", "keep"} & set(names)
        inputs = [f"*{n}" if variadic else n for n, _, variadic in self.inputs]
        attributes = [n for n, _, _ in self.attributes]
        pack = lambda items: f"({', '.join(items)}{',' if items else ''})"  # noqa: E731
        call = f"_call({self.index}, {pack(inputs)}, {pack(attributes)})"
        if not axes:
            return f"def {self.name}({', '.join(words)}):\n    return {call}\n"
        # The names of other frameworks are looked at only where they are used.
        return (f"def {self.name}({', '.join(words)}, **other):\n"
                f"    if other:\n"
                f"        given = dict({', '.join(f'{n}={n}' for n in names)})\n"
                f"        given.update(_rename({self.name!r}, {names!r}, other))\n"
                f"        return {self.name}(**given)\n"
                f"    return {call}\n")

    def function(self):
        space = {"_call": _c._call, "_dtype": _c.dtype, "_rename": rename}
        exec(compile(self.source(), f"<athanor.{self.name}>", "exec"), space)  # noqa: S102
        function = space[self.name]
        function.__doc__ = "\n".join(textwrap.wrap(self.doc, 96))
        function.__module__ = "athanor.ops"
        return function


def all_ops():
    """Every op that Python can call (one with an expression as attribute is the framework's own)."""
    return [op for op in (Op(i, r) for i, r in enumerate(_c._ops())) if not op.takes_expression]
