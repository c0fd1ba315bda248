"""What athanor raises. Each class is also the built-in one that Python code would expect.

Every message names the op or the file, what came and what would work.
"""
import builtins


class Error(Exception):
    """Base of everything that athanor raises."""


class ShapeError(Error, builtins.ValueError):
    """Shapes that do not fit together."""


class DTypeError(Error, TypeError):
    """A dtype that the operation does not take."""


class ValueError(Error, builtins.ValueError):  # noqa: A001
    """An argument outside its range, or a step out of order."""


class IndexError(Error, builtins.IndexError):  # noqa: A001
    """An index or axis outside its range."""


class UnsupportedError(Error, NotImplementedError):
    """Valid, but athanor cannot do it; the message says what can be done instead."""


class OutOfMemoryError(Error, MemoryError):
    """An allocation beyond the limit or the machine."""


class IoError(Error, OSError):
    """The operating system refused: open, read, write."""


class FormatError(Error, builtins.ValueError):
    """Bytes that are not what their format promises: truncated, damaged or hostile."""


class CancelledError(Error):
    """The user or a signal asked to stop."""


class InternalError(Error, RuntimeError):
    """A broken promise of athanor's own: always a bug of it."""


class RefusalError(Error, builtins.ValueError):
    """Data or a model that cannot be used: code (stable), what, where, why, fix."""

    def __init__(self, message, code="", what="", where="", why="", fix=""):
        super().__init__(message)
        self.code, self.what, self.where, self.why, self.fix = code, what, where, why, fix


__all__ = [name for name, value in list(globals().items())
           if isinstance(value, type) and issubclass(value, Error)]
