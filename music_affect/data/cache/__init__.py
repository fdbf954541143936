"""Extracted features on disk: written by several processes, memory-mapped by readers."""
