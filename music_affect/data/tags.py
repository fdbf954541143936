"""What the tags of audio files say: whose music it is, and whether its level was changed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from music_affect.data.tables.spelling import MISSING, folded

# ID3 (mp3, wav, aiff), Vorbis and APE comments, MPEG-4 and Windows Media name the same things differently.
_ARTIST = ("TPE1", "artist", "\xa9ART", "Author")
_ALBUM = ("TALB", "album", "\xa9alb", "WM/AlbumTitle")
# Of ReplayGain, mp3gain, Opus, iTunes' Sound Check and ID3's own volume adjustment, in whatever kind of tag.
_GAIN = ("replaygain", "mp3gain", "r128_", "itunnorm", "rva2")
_LOOKED_AT = 100  # files of a data set, evenly spread: a library is tagged as a whole


def gain_remark(paths: Sequence[Path]) -> str | None:
    """What is wrong with the loudness of files, in a sentence; None where no tag tells of a gain."""
    some = paths[:: -(-len(paths) // _LOOKED_AT) or 1]
    tagged = sum(_has_gain(path) for path in some)
    if not tagged:
        return None
    return (
        f"{tagged} of {len(some)} files have tags of ReplayGain, mp3gain or the like: if their levels were changed, "
        "loudness tells of that and not of the music, and answers move with it. features=fused does without."
    )


def _has_gain(path: Path) -> bool:
    import mutagen
    from mutagen.apev2 import APEv2

    keys: list[str] = []
    for read in (mutagen.File, APEv2):  # which mp3gain adds to an mp3 beside its own tags
        with suppress(Exception):  # tags of damaged files raise whatever struct, zlib or an absurd size make of them
            file = read(path)
            keys += getattr(file, "tags", file) or ()
    return any(word in str(key).lower() for key in keys for word in _GAIN)


def owner(path: Path) -> str | None:
    """The artist of a file's tags, else its album; None where it has neither, or cannot be read."""
    tags = _tags(path) or _chunks(path)
    found = (str(tags[key]).strip() for key in (*_ARTIST, *_ALBUM) if key in tags)
    return next((name for name in found if name and folded(name) not in MISSING), None)


def _tags(path: Path) -> dict[str, str]:
    import mutagen  # only where nothing else says whose clips these are

    found = {}
    with suppress(Exception):  # tags of damaged files raise whatever struct, zlib or an absurd size make of them
        file = mutagen.File(path)
        for key in () if file is None or file.tags is None else (*_ARTIST, *_ALBUM):
            with suppress(KeyError, ValueError):  # ValueError: Vorbis comments have no such names
                found[key] = str(_first(file.tags[key]))
    return found


def _first(value: object) -> object:
    """The first of several artists; ID3 frames hold theirs in ``text``."""
    texts = getattr(value, "text", value)
    return texts[0] if isinstance(texts, list) and texts else texts


def _chunks(path: Path) -> dict[str, str]:
    """The INFO chunk of a wav file, which is what ffmpeg writes and mutagen does not read."""
    if path.suffix.lower() not in (".wav", ".wave"):
        return {}
    import soundfile

    try:
        with soundfile.SoundFile(path) as file:
            return dict(file.copy_metadata())
    except (RuntimeError, TypeError, OSError):
        return {}
