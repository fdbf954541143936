"""Audio files to spectrograms and chromagrams [T, F], full-rate or one row a beat."""

from music_affect.features import numba_cache

numba_cache.install()
