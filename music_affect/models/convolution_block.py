"""One convolution of a network whose image has a fixed size."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from music_affect.models.dense import activation_layer
from music_affect.models.masked_convolution import normalise


class ConvolutionBlock(nn.Module):
    """Convolution, batch norm, activation, max pooling of an image whose size is known beforehand.

    A side shorter than the kernel is filled up with zeros to the kernel's size; a pool takes no more than a side has.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        in_size: frames and rows of the input.
        kernel: frames and rows of the kernel.
        stride: in time and frequency.
        padding: zeros around the input.
        pool: size and stride of the max pooling; 1 for none.
        activation: name out of ``music_affect.models.dense.ACTIVATIONS``.
        batch_norm: whether the convolution is followed by one.

    Attributes:
        out_size: frames and rows of the output.

    Raises:
        ConfigurationError: the activation is not known.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        in_size: tuple[int, int],
        kernel: int,
        stride: int,
        padding: int,
        pool: int,
        *,
        activation: str,
        batch_norm: bool,
    ) -> None:
        super().__init__()
        missing = [max(kernel - 2 * padding - side, 0) for side in in_size]
        frames, rows = [
            (side + more + 2 * padding - kernel) // stride + 1 for side, more in zip(in_size, missing, strict=True)
        ]
        self.fill = (0, missing[1], 0, missing[0])
        self.pool = (min(pool, frames), min(pool, rows))
        self.out_size = (frames // self.pool[0], rows // self.pool[1])
        # A batch norm takes the mean away, and a bias with it.
        self.convolution = nn.Conv2d(in_channels, out_channels, kernel, stride, padding, bias=not batch_norm)
        self.norm = nn.BatchNorm2d(out_channels) if batch_norm else None
        self.activation = activation_layer(activation)

    def forward(self, image: Tensor) -> Tensor:
        """Images float [B, in_channels, *in_size] to float [B, out_channels, *out_size]."""
        image = self.convolution(F.pad(image, self.fill) if any(self.fill) else image)
        image = self.activation(image if self.norm is None else normalise(self.norm, image))
        return image if self.pool == (1, 1) else F.max_pool2d(image, self.pool)
