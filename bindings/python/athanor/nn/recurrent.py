"""LSTM and GRU, with PyTorch's names and order of parameters."""
from .. import _tensor, errors, ops
from . import functional, init
from .module import Module, Parameter


class _Recurrent(Module):
    _gates, _op = 0, None

    def __init__(self, input_size, hidden_size, num_layers=1, bias=True, batch_first=False, dropout=0.0,
                 bidirectional=False):
        super().__init__()
        name = type(self).__name__
        for what, value in (("input_size", input_size), ("hidden_size", hidden_size), ("num_layers", num_layers)):
            if value < 1:
                raise errors.ValueError(f"{name}: {what} must be at least 1, not {value}")
        if not 0 <= dropout < 1:
            raise errors.ValueError(f"{name}: dropout must be in [0, 1), not {dropout}")
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.batch_first, self.dropout, self.directions = batch_first, dropout, 2 if bidirectional else 1
        rows = self._gates * hidden_size
        for layer in range(num_layers):
            for d in range(self.directions):
                wide = input_size if layer == 0 else hidden_size * self.directions
                for what, shape in (("weight_ih", (rows, wide)), ("weight_hh", (rows, hidden_size)),
                                    ("bias_ih", (rows,)), ("bias_hh", (rows,))):
                    used = bias or what.startswith("weight")
                    self.register_parameter(f"{what}_{self._suffix(layer, d)}",
                                            Parameter(_tensor.zeros(shape)) if used else None)
        self.reset()

    @staticmethod
    def _suffix(layer, direction):
        return f"l{layer}" + ("_reverse" if direction else "")

    def reset(self, seed=None, prefix=""):
        bound = self.hidden_size ** -0.5
        for name, parameter in self._parameters.items():
            init.uniform_(parameter, -bound, bound, seed, prefix + name)

    def _run(self, x, states, lengths):
        """states: for each kind of state None or [layers * directions, N, H]. Returns y and the last ones."""
        if x.ndim != 3:
            raise errors.ShapeError(f"{type(self).__name__}: input must be [time, batch, {self.input_size}] "
                                    f"(batch_first: batch, time), not {x._describe()}")
        y = x.transpose(0, 1) if self.batch_first else x
        last = [[] for _ in states]
        for layer in range(self.num_layers):
            if layer and self.dropout and self.training:
                y = functional.dropout(y, self.dropout)
            outputs = []
            for d in range(self.directions):
                place, end = layer * self.directions + d, self._suffix(layer, d)
                parameters = [getattr(self, f"{what}_{end}") for what in
                              ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
                first = [None if s is None else s[place] for s in states]
                out, *ends = self._op(y, *parameters, *first, lengths, bool(d))
                outputs.append(out)
                for kept, end_state in zip(last, ends):
                    kept.append(end_state)
            y = outputs[0] if len(outputs) == 1 else ops.concat(outputs, axis=2)
        return y.transpose(0, 1) if self.batch_first else y, [ops.stack(kept, axis=0) for kept in last]

    def extra_repr(self):
        return f"{self.input_size}, {self.hidden_size}, num_layers={self.num_layers}, " \
               f"bidirectional={self.directions == 2}"


class LSTM(_Recurrent):
    """A stack of LSTM layers (Hochreiter and Schmidhuber 1997), gates in the order input, forget, cell, output.

    Input [T, N, input_size], or [N, T, input_size] with batch_first. Initial values: U(-1, 1) / sqrt(hidden_size).
    """

    _gates, _op = 4, staticmethod(ops.lstm)

    def forward(self, x, state=None, lengths=None):
        """state: (h, c), each [layers * directions, N, H]; lengths: int64 [N], steps of each sequence.

        Returns (y, (h, c)); y is [T, N, directions * H], 0 behind the end of a sequence.
        """
        y, last = self._run(x, (None, None) if state is None else tuple(state), lengths)
        return y, tuple(last)


class GRU(_Recurrent):
    """A stack of GRU layers (Cho et al. 2014), gates in the order reset, update, new. Shapes as LSTM's."""

    _gates, _op = 3, staticmethod(ops.gru)

    def forward(self, x, state=None, lengths=None):
        """state: h [layers * directions, N, H]; lengths: int64 [N]. Returns (y, h)."""
        y, last = self._run(x, (state,), lengths)
        return y, last[0]
