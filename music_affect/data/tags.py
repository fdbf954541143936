"""Whose music a file says that it holds."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from music_affect.data.tables.spelling import MISSING, folded

# ID3 (mp3, wav, aiff), Vorbis and APE comments, MPEG-4 and Windows Media name the same things differently.
_ARTIST = ("TPE1", "artist", "\xa9ART", "Author")
_ALBUM = ("TALB", "album", "\xa9alb", "WM/AlbumTitle")


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
