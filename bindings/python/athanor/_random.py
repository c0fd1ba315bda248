"""Random numbers: always a function of a seed and of which draw it is, never of what else ran."""
import threading

from . import _athanor as _c


class _Generator(threading.local):
    """The seed of this thread and how many draws it made."""

    def __init__(self):
        self.seed, self.draws = 0, 0


_generator = _Generator()


def manual_seed(seed):
    """Starts this thread's random numbers anew: initial values of layers, dropout, rand, randn.

    Without it every thread begins as after manual_seed(0).
    """
    if not 0 <= int(seed) < 1 << 64:
        raise ValueError(f"manual_seed: {seed} is outside [0, 2**64)")
    _generator.seed, _generator.draws = int(seed), 0


def _signed(word):
    return word - (1 << 64) if word >= 1 << 63 else word


def next_key(user):
    """Seed and stream of the next draw: those of the innermost random_scope, or the thread's."""
    if _scopes.depth:
        seed, stream = _c._next_key(user)
    else:
        seed, stream = _generator.seed, _c._mix(0x9E37, _generator.draws)
        _generator.draws += 1
    return _signed(seed), _signed(stream)


class _Scopes(threading.local):
    def __init__(self):
        self.depth = 0


_scopes = _Scopes()


class random_scope:
    """`with random_scope(seed, step):` draws inside are a function of seed, step and their order.

    So a step that is repeated after a restart draws the same numbers whatever ran before. Scopes
    nest; the inner one counts from 0.
    """

    def __init__(self, seed, step):
        self._switch = _c._RandomSwitch(seed, step)

    def __enter__(self):
        self._switch.enter()
        _scopes.depth += 1
        return self

    def __exit__(self, *_):
        _scopes.depth -= 1
        self._switch.exit()
