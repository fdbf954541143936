"""Audio files to spectrograms and chromagrams [T, F], full-rate or one row a beat."""
