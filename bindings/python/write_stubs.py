#!/usr/bin/env python3
"""Writes the type stubs of what Python cannot see by itself: the ops and the C++ module.

usage: write_stubs.py PACKAGE_FOLDER     the built package; ops.pyi and _athanor.pyi are written into it
"""
import inspect
import pathlib
import sys
import textwrap

folder = pathlib.Path(sys.argv[1]).resolve()
sys.path.insert(0, str(folder.parent))
import athanor  # noqa: E402
from athanor import _athanor as c  # noqa: E402
from athanor._ops import all_ops  # noqa: E402

TYPES = {"tensor": "Operand", "tensors": "Sequence[Tensor]", "flag": "bool", "integer": "int", "real": "float",
         "dims": "int | Sequence[int]", "text": "str", "dtype": "dtype"}
HEAD = "# Written by write_stubs.py from the registry.\n"
OPERAND = "Operand = Tensor | float | int | bool | np.ndarray\n"


def signature(op, method=False):
    words = []
    for name, kind, default, has in op.parameters():
        text = f"{name}: {TYPES[kind]}"
        if has:
            shown = default.name if isinstance(default, c.dtype) else repr(default)
            text += " | None = None" if default is None else f" = {'...' if isinstance(default, c.dtype) else shown}"
        words.append(text)
    if method:
        words[0] = "self"
    if {"axes", "axis", "keep"} & {name for name, _, _ in op.attributes}:
        words.append("**other: Any")
    out = "Tensor" if len(op.outputs) == 1 and not op.outputs[0].endswith("...") else "tuple[Tensor, ...]"
    return f"def {op.name}({', '.join(words)}) -> {out}:"


def documented(head, doc, indent=""):
    body = textwrap.indent('"""' + doc.replace("\\", "\\\\") + '"""', indent + "    ")
    return f"{indent}{head}\n{body}\n"


def doc_of(op):
    return "\n".join(textwrap.wrap(op.doc, 90))


ops = all_ops()
text = HEAD + "from typing import Any, Sequence\n\nimport numpy as np\n\nfrom ._athanor import Tensor, dtype\n\n" + OPERAND
for op in ops:
    text += "\n" + documented(signature(op), doc_of(op))
(folder / "ops.pyi").write_text(text, encoding="utf-8")

text = HEAD + "from typing import Any, Sequence\n\nimport numpy as np\n\n" + OPERAND.replace("Tensor", "\"Tensor\"") \
    .replace("Operand = ", "Operand = Any  # ")
text += "\n__version__: str\n\nclass dtype:\n"
text += "".join(f"    {name}: dtype\n" for name in c.dtype.__members__) + "    name: str\n    itemsize: int\n" \
    "    is_floating_point: bool\n\nclass Tensor:\n"
methods = {op.name: op for op in ops if op.inputs and not op.inputs[0][2]}
for name, value in sorted(vars(c.Tensor).items()):
    if name.startswith("_") and not name.startswith("__") or name in ("__module__", "__doc__", "__dict__", "__weakref__",
                                                                      "__hash__", "__array_ufunc__"):
        continue
    if isinstance(value, property):
        kind = {"shape": "tuple[int, ...]", "strides": "tuple[int, ...]", "ndim": "int", "size": "int", "nbytes": "int",
                "dtype": "dtype", "device": "str", "requires_grad": "bool", "is_leaf": "bool",
                "grad": '"Tensor | None"'}.get(name, '"Tensor"')
        text += f"    {name}: {kind}\n"
    elif name in methods and getattr(value, "__module__", "") == "athanor.ops":
        text += documented(signature(methods[name], method=True), doc_of(methods[name]), "    ")
    elif callable(value):
        text += f"    def {name}(self, *args: Any, **kwargs: Any) -> Any: ...\n"
for name, value in sorted(vars(c).items()):
    if not name.startswith("__") and callable(value) and not inspect.isclass(value):
        text += f"\ndef {name}(*args: Any, **kwargs: Any) -> Any: ...\n"
    elif inspect.isclass(value) and name not in ("dtype", "Tensor"):
        text += f"\nclass {name}:\n    def __init__(self, *args: Any, **kwargs: Any) -> None: ...\n" \
            "    def __call__(self, *args: Any) -> Any: ...\n"
(folder / "_athanor.pyi").write_text(text, encoding="utf-8")
