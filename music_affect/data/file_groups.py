"""Whose clips they are by what their files tell: their tags, or the folders that they lie in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

from music_affect.data.source import Clip
from music_affect.data.tables.roles import PART_WORDS
from music_affect.data.tables.spelling import first_spellings, folded, squeezed
from music_affect.data.tags import owner

SAMPLED = 200  # files whose tags are looked at to see whether there are any

Groups = dict[str, str]
"""Groups by the clips' ids; clips that have none are left out."""


def groups_by(kind: str, clips: Sequence[Clip], root: PurePath) -> Groups:
    """Groups of clips.

    Args:
        kind: ``tags`` or ``folder``.
        clips: with their labels, which a level of folders may stand for.
        root: of the data set.
    """
    return _by_tags(clips) if kind == "tags" else _by_folder(clips, root)


def offers(clips: Sequence[Clip], root: PurePath) -> list[str]:
    """What the files tell of whose clips they are, and how to use it; a sentence each."""
    step = max(1, len(clips) // SAMPLED)
    sample = clips[::step][:SAMPLED]
    tagged, folders = _by_tags(sample), _by_folder(clips, root)
    found = []
    if len(set(tagged.values())) > 1:
        found.append(
            f"{len(tagged)} of {len(sample)} files carry artist or album tags ({len(set(tagged.values()))} different "
            f"ones, e.g. '{next(iter(tagged.values()))}'): data.source.group=tags uses them."
        )
    if folders:
        found.append(
            f"They lie in {len(set(folders.values()))} folders (e.g. '{next(iter(folders.values()))}'): "
            "data.source.group=folder keeps those of one together."
        )
    return found


def _by_tags(clips: Sequence[Clip]) -> Groups:
    owners = {clip.id: name for clip in clips if (name := owner(clip.path)) is not None}
    spelled = first_spellings(owners.values())
    return {clip: spelled[folded(name)] for clip, name in owners.items()}


def _by_folder(clips: Sequence[Clip], root: PurePath) -> Groups:
    """The outermost folders that tell more than a constant, a label or a part: those of artists above albums."""
    folders = [(clip, clip.path.relative_to(root).parts[:-1]) for clip in clips]
    for depth in range(1, max((len(parts) for _, parts in folders), default=0) + 1):
        level = {clip.id: "/".join(parts[:depth]) for clip, parts in folders if len(parts) >= depth}
        names = set(level.values())
        parts = all(squeezed(PurePath(name).name) in PART_WORDS for name in names)
        if 1 < len(names) < len(level) and not parts and not _is_label(level, clips):
            return level
    return {}


def _is_label(level: Groups, clips: Sequence[Clip]) -> bool:
    """Whether the folders are one a class."""
    names = {name for clip in clips for name, value in clip.labels.items() if isinstance(value, str)}
    for label in names:
        pairs = {(level[clip.id], clip.labels[label]) for clip in clips if clip.id in level and label in clip.labels}
        if len(pairs) == len({folder for folder, _ in pairs}) == len({value for _, value in pairs}) > 0:
            return True
    return False
