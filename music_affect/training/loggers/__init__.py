"""Loggers of a run: Weights & Biases, TensorBoard, MLflow, or any other of Lightning. The record is the run folder."""

from music_affect.training.loggers.lifecycle import opened, report

__all__ = ["opened", "report"]
