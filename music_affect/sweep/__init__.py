"""Sweeps: what a run of one is, which runs a command line stands for, and how they are made side by side."""
