"""A public transformer as the start of a network that is trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from music_affect.models import public_weights

if TYPE_CHECKING:
    from music_affect.models.backbone import Backbone


@dataclass(frozen=True)
class TransformerStart:
    """Weights of a public transformer for a patch AST.

    Args:
        folder: with its files, or None where none was chosen.
    """

    folder: str | None = None

    def sizes(self) -> Mapping[str, Any]:
        """What the network has to be built with; raises as ``public_weights.find`` does."""
        return public_weights.find(self.folder).sizes

    def load(self, net: Backbone) -> str:
        """Replaces the weights of a network, and says which; raises as ``load_pretrained`` does."""
        from music_affect.models.pretrained import load_pretrained

        return str(load_pretrained(net, self.folder))
