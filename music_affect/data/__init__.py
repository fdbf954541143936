"""Clips and labels to batches: sources, feature cache, splits, normalisation, augmentation, DataModule."""
