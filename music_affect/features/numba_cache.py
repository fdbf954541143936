"""Where numba finds the machine code of librosa and of this package: in one folder, which it only reads.

Two processes that compile librosa's functions at once leave a cache that ends every later process (numba#10128,
librosa#1998). So none of the caches is used that others may write: beside the sources, in the user's folder, in
``NUMBA_CACHE_DIR``. Functions of other packages are cached as ever.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

from music_affect.system import compilation

PACKAGES = ("librosa", "music_affect")


class NumbaFinder(MetaPathFinder):
    """Attaches the folder as soon as numba is imported, by whomever: librosa does it on first use."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "numba":
            return None
        spec = PathFinder.find_spec(fullname, path)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_and_attach(module: ModuleType) -> None:
                os.environ.pop("NUMBA_CACHE_LOCATOR_CLASSES", None)  # it would replace the locator below
                execute(module)
                attach(compilation.folder)

            spec.loader.exec_module = execute_and_attach  # type: ignore[method-assign]
        return spec


class Locator:
    """The place of one function's machine code, with the methods that numba asks of its locators.

    Args:
        folder: with the machine code of all functions.
        function: in Python.
        path: of its source.
    """

    def __init__(self, folder: Path, function: Any, path: str) -> None:
        self._py_file = path
        self._folder = folder / function.__module__
        self._line = function.__code__.co_firstlineno

    def ensure_cache_path(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)

    def get_cache_path(self) -> str:
        return str(self._folder)

    def get_source_stamp(self) -> str:
        return ""  # the folder is one of these very sources

    def get_disambiguator(self) -> str:
        return str(self._line)


def install() -> None:
    """Makes numba use the folder in this process, now or once it is imported."""
    if "numba" in sys.modules:
        attach(compilation.folder)
    elif not any(isinstance(finder, NumbaFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, NumbaFinder())


def attach(folder: Callable[[], Path], *, saved: Callable[[Callable[[], None]], None] | None = None) -> None:
    """Has numba load the functions of ``PACKAGES`` from a folder.

    Args:
        folder: asked when the first of them is met.
        saved: receives what would save a function that had to be compiled. Without it nothing is saved: two processes
            would write over each other.
    """
    import numba.core.caching  # type: ignore[import-untyped]

    caching: Any = numba.core.caching

    class Located(Locator):
        @classmethod
        def from_function(cls, function: Any, path: str) -> Located | None:
            return cls(folder(), function, path) if function.__module__.split(".")[0] in PACKAGES else None

    save = caching.Cache.save_overload

    def save_overload(cache: Any, signature: Any, code: Any) -> None:
        if not isinstance(cache._impl.locator, Located):
            save(cache, signature, code)
        elif saved is not None:
            saved(partial(save, cache, signature, code))

    caching.CompileResultCacheImpl._locator_classes.insert(0, Located)  # shared by all of its kind
    caching.Cache.save_overload = save_overload
