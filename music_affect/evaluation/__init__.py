"""Predictions to honest figures: scores with intervals, reference models, alarms, plots, the report of a run."""
