"""The one place that imports pjsua2, under either of its names, and says where its shared object is.

The wheel from the package index has the API in `pjsua2.pjsua2`; a build from source or a distribution
package is plain `pjsua2`. Everything else in the project does `from media_bridge.pj_module import pj`.
"""

import ctypes
from functools import cache
from importlib import import_module
from typing import Any

from media_bridge.errors import CodecLibraryError


def _load() -> Any:
    try:
        return import_module("pjsua2.pjsua2")
    except ImportError:
        return import_module("pjsua2")


pj: Any = _load()
"""The pjsua2 API. SWIG gives it no types."""


def is_wheel() -> bool:
    """Whether it is the wheel: what is known of that need not be found out."""
    return str(pj.__name__) == "pjsua2.pjsua2"


def shared_object_path() -> str:
    """Path of the `_pjsua2` shared object, which also exports pjproject's C functions and libspeex."""
    native = getattr(pj, "_pjsua2", None)
    path = getattr(native, "__file__", None)
    if not isinstance(path, str):
        raise CodecLibraryError("this pjsua2 has no _pjsua2 shared object")
    return path


@cache
def shared_object() -> ctypes.CDLL:
    """Return pjproject's C functions: one object for all, as each that is made stays in memory."""
    return ctypes.CDLL(shared_object_path())
