"""Genre and affect of music from spectrograms: experiments with PyTorch Lightning and Hydra."""

__version__ = "0.1.0"
