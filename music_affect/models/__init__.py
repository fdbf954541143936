"""Backbones: spectrogram [B, T, F] and lengths [B] to an embedding [B, D]. One architecture a file."""
