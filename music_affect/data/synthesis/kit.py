"""What makes the sound of a drum kit."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kit:
    """Drums as decaying sines and decaying noise.

    Args:
        kick_hz: pitch to which the kick falls.
        kick_decay: time constant of the kick, in seconds.
        click: level of the beater's noise.
        snare_hz: pitch of the snare's skin.
        snare_decay: time constant of the snare's wires, in seconds.
        wires: level of the wires against the skin.
        cutoff: highest frequency of the kit, in hertz; low for brushes and dusty samples.
        cymbal_decay: factor on the time constants of hats and cymbals.
        cymbals: level of hats and cymbals.
    """

    kick_hz: float
    kick_decay: float
    click: float
    snare_hz: float
    snare_decay: float
    wires: float
    cutoff: float
    cymbal_decay: float
    cymbals: float
