"""Every op of the registry as a function. docs/reference/ops.md describes them."""
from ._ops import all_ops as _all_ops

__all__ = []
for _op in _all_ops():
    globals()[_op.name] = _op.function()
    __all__.append(_op.name)
del _op
