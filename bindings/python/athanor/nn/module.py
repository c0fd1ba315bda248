"""Module: the parts that models are made of."""
from collections import OrderedDict

from .. import _athanor as _c
from .. import errors
from .._tensor import Tensor


class Parameter(Tensor):
    """A tensor that a Module trains when it is assigned to one of its attributes."""

    def __init__(self, data, requires_grad=True):
        super().__init__(data.detach())
        if requires_grad:
            self.requires_grad = True

    def __repr__(self):
        return "Parameter containing:\n" + Tensor.__repr__(self)


class _Handle:
    """What register_*_hook gives back; remove() takes the hook away again."""

    def __init__(self, hooks, hook):
        self._hooks, self._key = hooks, object()
        hooks[self._key] = hook

    def remove(self):
        self._hooks.pop(self._key, None)


class Module:
    """A part of a model: subclass it, make parameters and other modules in __init__, compute in forward.

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.hidden = nn.Linear(784, 128)
                self.out = nn.Linear(128, 10)
            def forward(self, x):
                return self.out(self.hidden(x).relu())
    """

    def __init__(self):
        for name in ("_parameters", "_buffers", "_modules", "_forward_hooks", "_forward_pre_hooks"):
            object.__setattr__(self, name, OrderedDict())
        object.__setattr__(self, "training", True)

    # Attributes.

    def _tables(self):
        tables = self.__dict__.get("_parameters"), self.__dict__.get("_buffers"), self.__dict__.get("_modules")
        if tables[0] is None:
            raise AttributeError(f"{type(self).__name__}: call super().__init__() before assigning to the module")
        return tables

    def __setattr__(self, name, value):
        parameters, buffers, modules = self._tables()
        if isinstance(value, Parameter):
            self._take(name, parameters, value)
        elif isinstance(value, Module):
            self._take(name, modules, value)
        elif name in parameters:
            if value is not None:
                raise TypeError(f"{type(self).__name__}.{name} is a parameter: assign an athanor.nn.Parameter or None, "
                                f"not {type(value).__name__}")
            del parameters[name]
            object.__setattr__(self, name, None)
        elif name in buffers and (value is None or isinstance(value, Tensor)):
            buffers[name] = value
        else:
            modules.pop(name, None)
            object.__setattr__(self, name, value)

    def _take(self, name, table, value):
        for other in self._tables():
            if other is not table:
                other.pop(name, None)
        self.__dict__.pop(name, None)
        table[name] = value

    def __getattr__(self, name):
        for table in ("_parameters", "_buffers", "_modules"):
            found = self.__dict__.get(table)
            if found is not None and name in found:
                return found[name]
        raise AttributeError(f"'{type(self).__name__}' has no attribute '{name}'")

    def __delattr__(self, name):
        for table in self._tables():
            if table.pop(name, None) is not None:
                return
        object.__delattr__(self, name)

    def __dir__(self):
        return [*super().__dir__(), *self._parameters, *self._buffers, *self._modules]

    def register_buffer(self, name, tensor):
        """State that is saved and loaded but not trained, such as running statistics."""
        if not name or "." in name:
            raise errors.ValueError(f"register_buffer: '{name}' must be a name without a dot")
        self._take(name, self._buffers, tensor)

    def register_parameter(self, name, parameter):
        """As assigning to the attribute; None keeps the name without a tensor."""
        if parameter is None:
            object.__setattr__(self, name, None)
        else:
            setattr(self, name, parameter)

    def add_module(self, name, module):
        """As assigning to the attribute."""
        if not name or "." in name:
            raise errors.ValueError(f"add_module: '{name}' must be a name without a dot")
        self._take(name, self._modules, module)

    # Running.

    def forward(self, *args, **kwargs):
        raise NotImplementedError(f"{type(self).__name__} must define forward()")

    def __call__(self, *args, **kwargs):
        for hook in list(self._forward_pre_hooks.values()):
            given = hook(self, args)
            if given is not None:
                args = given if isinstance(given, tuple) else (given,)
        out = self.forward(*args, **kwargs)
        for hook in list(self._forward_hooks.values()):
            given = hook(self, args, out)
            if given is not None:
                out = given
        return out

    def register_forward_hook(self, hook):
        """hook(module, inputs, output) runs behind forward; what it returns, if anything, is the output."""
        return _Handle(self._forward_hooks, hook)

    def register_forward_pre_hook(self, hook):
        """hook(module, inputs) runs before forward; what it returns, if anything, are the inputs."""
        return _Handle(self._forward_pre_hooks, hook)

    # Walking.

    def children(self):
        """The modules right below."""
        return iter(self._modules.values())

    def named_children(self):
        return iter(self._modules.items())

    def named_modules(self, prefix="", _seen=None):
        """(dotted name, module) of this one and all below, each once."""
        seen = set() if _seen is None else _seen
        if id(self) in seen:
            return
        seen.add(id(self))
        yield prefix, self
        for name, child in self._modules.items():
            yield from child.named_modules(f"{prefix}.{name}" if prefix else name, seen)

    def modules(self):
        return (module for _, module in self.named_modules())

    def _named(self, table, unique):
        seen = set()
        for prefix, module in self.named_modules():
            for name, tensor in getattr(module, table).items():
                if tensor is None or (unique and id(tensor) in seen):
                    continue
                seen.add(id(tensor))
                yield f"{prefix}.{name}" if prefix else name, tensor

    def named_parameters(self):
        """(dotted name, parameter); one that several modules share comes once."""
        return self._named("_parameters", True)

    def parameters(self):
        """All parameters, for an optimiser."""
        return (tensor for _, tensor in self.named_parameters())

    def named_buffers(self):
        return self._named("_buffers", True)

    def buffers(self):
        return (tensor for _, tensor in self.named_buffers())

    # Mode and state.

    def train(self, mode=True):
        """Training behaviour (batch statistics, dropout) here and below; returns the module."""
        for module in self.modules():
            object.__setattr__(module, "training", bool(mode))
        return self

    def eval(self):
        """Evaluation behaviour; returns the module."""
        return self.train(False)

    def requires_grad_(self, on=True):
        """Freezes or thaws all parameters."""
        for parameter in self.parameters():
            parameter.requires_grad = on
        return self

    def zero_grad(self):
        for parameter in self.parameters():
            parameter.grad = None

    def apply(self, function):
        """Calls function on every module below and this one; returns the module."""
        for child in self.children():
            child.apply(function)
        function(self)
        return self

    def state_dict(self):
        """Parameters and buffers by dotted name; they share the module's memory and have no history."""
        return OrderedDict((name, tensor.detach()) for table in ("_parameters", "_buffers")
                           for name, tensor in self._named(table, False))

    def load_state_dict(self, state, strict=True):
        """Copies values into the module; returns (missing, unexpected) names.

        Raises ValueError that lists every missing, unexpected and mis-shaped name before anything is changed;
        strict=False lets missing and unexpected ones pass.
        """
        own = self.state_dict()
        state = {name: value for name, value in state.items() if not name.endswith("num_batches_tracked")}
        missing = [name for name in own if name not in state]
        unexpected = [name for name in state if name not in own]
        wrong = [f"{name} ({_shape(state[name])}, expected {_shape(own[name])})" for name in own
                 if name in state and tuple(state[name].shape) != own[name].shape]
        problems = [f"{what}: {', '.join(names)}" for what, names in
                    (("missing", missing if strict else ()), ("unexpected", unexpected if strict else ()),
                     ("of another shape", wrong)) if names]
        if problems:
            raise errors.ValueError(f"load_state_dict: the state does not fit {type(self).__name__}; "
                                    + "; ".join(problems))
        for name, tensor in own.items():
            if name in state:
                value = state[name]
                tensor._copy_from(value.detach() if isinstance(value, Tensor) else _c._over_array(value))
        return missing, unexpected

    def initialize(self, seed):
        """Fills all parameters with initial values that are a pure function of seed and their dotted names."""
        for prefix, module in self.named_modules():
            module.reset(seed, f"{prefix}." if prefix else "")
        return self

    def reset(self, seed=None, prefix=""):
        """Initial values of the own parameters; layers define it."""

    # Showing.

    def extra_repr(self):
        """What stands in the brackets behind the class name."""
        return ""

    def __repr__(self):
        if not self._modules:
            return f"{type(self).__name__}({self.extra_repr()})"
        lines = [f"  ({name}): " + repr(module).replace("\n", "\n  ") for name, module in self._modules.items()]
        return f"{type(self).__name__}(\n" + "\n".join(lines) + "\n)"


def _shape(tensor):
    return "x".join(map(str, tensor.shape)) or "one number"


class Sequential(Module):
    """Modules one after the other, named 0, 1 ...; or by the names of a dict."""

    def __init__(self, *modules):
        super().__init__()
        named = modules[0].items() if len(modules) == 1 and isinstance(modules[0], dict) else enumerate(modules)
        for name, module in named:
            self.add_module(str(name), module)

    def forward(self, x):
        for module in self._modules.values():
            x = module(x)
        return x

    def __getitem__(self, index):
        if isinstance(index, slice):
            return Sequential(*list(self._modules.values())[index])
        return list(self._modules.values())[index]

    def __len__(self):
        return len(self._modules)

    def __iter__(self):
        return iter(self._modules.values())


class ModuleList(Module):
    """A list of modules, which the module that owns it knows of."""

    def __init__(self, modules=()):
        super().__init__()
        self.extend(modules)

    def append(self, module):
        self.add_module(str(len(self._modules)), module)
        return self

    def extend(self, modules):
        for module in modules:
            self.append(module)
        return self

    def __getitem__(self, index):
        found = list(self._modules.values())[index]
        return ModuleList(found) if isinstance(index, slice) else found

    def __len__(self):
        return len(self._modules)

    def __iter__(self):
        return iter(self._modules.values())


class ModuleDict(Module):
    """A dict of modules, which the module that owns it knows of."""

    def __init__(self, modules=None):
        super().__init__()
        for name, module in (modules or {}).items():
            self[name] = module

    def __setitem__(self, name, module):
        self.add_module(name, module)

    def __getitem__(self, name):
        return self._modules[name]

    def __contains__(self, name):
        return name in self._modules

    def __len__(self):
        return len(self._modules)

    def __iter__(self):
        return iter(self._modules)

    def keys(self):
        return self._modules.keys()

    def values(self):
        return self._modules.values()

    def items(self):
        return self._modules.items()
