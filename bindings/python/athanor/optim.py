"""Optimisers. Parameters, gradients and states lie in flat arenas, so one step is one pass over memory."""
from . import _athanor as _c
from . import errors
from ._athanor import Plateau, Schedule

__all__ = ["SGD", "Adagrad", "Adam", "AdamW", "Lion", "Optimizer", "Plateau", "RMSprop", "Schedule"]


class Optimizer:
    """Changes parameters by their gradients.

    params: tensors, (name, tensor) pairs (module.named_parameters(): then states are saved by name), or dicts
    {"params": ..., "lr": ..., "weight_decay": ...} for groups that differ. lr may be changed between steps, by
    `opt.lr = schedule(step)` for instance; groups keep their ratio to it.
    """

    def __init__(self, params, lr, weight_decay):
        if not lr > 0:
            raise errors.ValueError(f"{type(self).__name__}: lr must be above 0, not {lr}")
        if weight_decay < 0:
            raise errors.ValueError(f"{type(self).__name__}: weight_decay must be at least 0, not {weight_decay}")
        self.lr = lr
        self._groups = [(self._named(g["params"]), float(g.get("weight_decay", weight_decay)), g.get("lr", lr) / lr)
                        for g in self._split(params)]
        if not any(parameters for parameters, _, _ in self._groups):
            raise errors.ValueError(f"{type(self).__name__}: there are no parameters that require a gradient")
        self._optimizer = None

    @staticmethod
    def _split(params):
        params = [params] if isinstance(params, (_c.Tensor, dict)) else list(params)
        return params if params and isinstance(params[0], dict) else [{"params": params}]

    _count = 0

    def _named(self, params):
        out = []
        for item in [params] if isinstance(params, _c.Tensor) else params:
            name, tensor = item if isinstance(item, tuple) else (str(self._count), item)
            if not isinstance(tensor, _c.Tensor):
                raise TypeError(f"{type(self).__name__}: expected tensors or (name, tensor) pairs, not "
                                f"{type(tensor).__name__}")
            self._count += 1
            if tensor.requires_grad:
                out.append((name, tensor))
        return out

    def step(self, lr=None, gradient_scale=1.0):
        """One step with lr (default self.lr). Gradients are multiplied by gradient_scale as they are read.

        A parameter that no gradient has reached is left alone, with its state.
        """
        self._optimizer.step(self.lr if lr is None else lr, gradient_scale)

    def zero_grad(self):
        """Forgets the gradients."""
        self._optimizer.zero_grad()

    def gradient_norm(self):
        """The Euclidean norm of all gradients: the same bits with any number of threads."""
        return self._optimizer.gradient_norm()

    def clip_grad_norm(self, limit):
        """Scales the gradients so that their norm is at most limit; returns the norm before."""
        return self._optimizer.clip_norm(limit)

    def clip_grad_value(self, limit):
        """Puts each gradient into [-limit, limit]."""
        self._optimizer.clip_value(limit)

    def state_dict(self):
        """All that a bit-exact resume needs beside the parameters: tensors by name, for athanor.save."""
        return self._optimizer.state()

    def load_state_dict(self, state):
        """Raises ValueError, before anything is changed, for a missing, unexpected or mis-shaped name."""
        self._optimizer.load_state(state)


class SGD(Optimizer):
    """Stochastic gradient descent with momentum, or Nesterov's form; weight decay is added to the gradient."""

    def __init__(self, params, lr, momentum=0.0, weight_decay=0.0, nesterov=False):
        super().__init__(params, lr, weight_decay)
        self._optimizer = _c._Sgd(self._groups, momentum, nesterov)


class Adam(Optimizer):
    """Adam (Kingma and Ba 2015), weight decay added to the gradient."""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        super().__init__(params, lr, weight_decay)
        self._optimizer = _c._Adam(self._groups, *betas, eps)


class AdamW(Optimizer):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019)."""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        super().__init__(params, lr, weight_decay)
        self._optimizer = _c._AdamW(self._groups, *betas, eps)


class RMSprop(Optimizer):
    """RMSprop (Hinton 2012), centred if wanted (Graves 2013); weight decay added to the gradient."""

    def __init__(self, params, lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0.0, momentum=0.0, centered=False):
        super().__init__(params, lr, weight_decay)
        self._optimizer = _c._Rmsprop(self._groups, alpha, eps, momentum, centered)


class Adagrad(Optimizer):
    """Adagrad (Duchi et al. 2011); weight decay added to the gradient."""

    def __init__(self, params, lr=1e-2, lr_decay=0.0, weight_decay=0.0, initial_accumulator_value=0.0, eps=1e-10):
        super().__init__(params, lr, weight_decay)
        self._optimizer = _c._Adagrad(self._groups, lr_decay, eps, initial_accumulator_value)


class Lion(Optimizer):
    """Lion (Chen et al. 2023): moves by lr in the direction of a mean of gradients; decoupled weight decay."""

    def __init__(self, params, lr=1e-4, betas=(0.9, 0.99), weight_decay=0.0):
        super().__init__(params, lr, weight_decay)
        self._optimizer = _c._Lion(self._groups, *betas)
