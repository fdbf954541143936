"""Genre and affect of music from spectrograms.

From Python: ``data_module``, ``model`` and ``load`` give Lightning objects for a plain ``lightning.Trainer``.
"""

from music_affect.api import data_module, load, model

__version__ = "0.1.0"
__all__ = ["data_module", "load", "model"]
