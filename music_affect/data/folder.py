"""Anyone's folder of audio files, with a ``labels.csv`` or without."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from music_affect.contracts.errors import ConfigurationError, DataNotFoundError, LabelError
from music_affect.contracts.spec import Target
from music_affect.data.audio_files import AudioFiles, printable
from music_affect.data.file_groups import Groups, groups_by, offers
from music_affect.data.missing_files import COMPARED, refuse_all_missing, told_missing, with_slashes
from music_affect.data.source import Clip, ClipSource
from music_affect.data.tables.columns import Columns, checked_ends
from music_affect.data.tables.label_files import refuse_repeated
from music_affect.data.tables.label_table import PATH, LabelTable, Row
from music_affect.data.tables.roles import BY_FILES, Roles
from music_affect.data.tables.spelling import MISSING, folded
from music_affect.data.tables.tag_columns import MOST_TAGS, TagColumns

LABELS = "labels.csv"


class _Listing(NamedTuple):
    """Audio files below the folder, and the folders that could not be looked into."""

    files: list[str]
    unreadable: list[str]


class FolderSource(ClipSource):
    """Audio files listed in a table, or all audio files below a folder that has none.

    What: ``labels.csv`` with one row a clip; ``path`` (or file, filename, …) is relative to the folder. Every further
    column may be a label. Commas, semicolons, tabs or bars separate the columns, and their names are known in any case,
    with blanks, hyphens or underscores: a label goes by the name in small letters with underscores.
    Columns are detected where they are not named: text with a few recurring values is a class, numbers are a scale,
    ``artist`` (or group, performer, album, track_id, …) is what must not straddle a split, ``split`` (or set, subset,
    …) and ``fold`` are taken over. An empty cell, or one that says nan, NA, None, null, - or ?, is a missing value.
    A scale whose values all lie in [0, 1] has these ends.
    Without the table, every audio file in the folder and in the folders within it is a clip without labels, named by
    its relative path: enough to predict, not to learn from.

    Args:
        root: the folder.
        name: short name for run folders and reports; the folder's own name where None.
        labels: file name of the table within the folder; None takes the files without labels, even if it is there.
        class_targets: columns that hold class names; None detects them.
        continuous_targets: columns that hold numbers; None detects them.
        ranges: ends [low, high] of scales by column; a value outside is refused.
        group: column that must not straddle a split; ``tags`` reads the artist (else the album) from the files' tags,
            ``folder`` takes the folders that they lie in; None detects a column, an empty string uses none.
        split: column with ``train``, ``val``, ``test``; None detects it, an empty string uses none.
        fold: column with the number of the clip's fold; None detects it, an empty string uses none.
        missing: words that stand for a missing value, in any case; None takes those of ``spelling.MISSING``.
        tag_targets: columns whose cells hold any number of tags with ``|``, ``;`` or ``,`` between them. A bar alone
            says that a clip has none; an empty cell, that nobody knows. The last column may take the rest of the line.
        most_tags: the most frequent tags of a label are learnt, of those that two clips or more have.
        binary_tags: name of a label that is made of all columns of 0 and 1, a tag each; None makes none.
    """

    def __init__(
        self,
        root: str | Path | None,
        name: str | None = None,
        labels: str | None = LABELS,
        class_targets: Sequence[str] | None = None,
        continuous_targets: Sequence[str] | None = None,
        ranges: Mapping[str, Sequence[float]] | None = None,
        group: str | None = None,
        split: str | None = None,
        fold: str | None = None,
        missing: Sequence[str] | None = None,
        tag_targets: Sequence[str] = (),
        most_tags: int = MOST_TAGS,
        binary_tags: str | None = None,
    ) -> None:
        if root is None:
            raise DataNotFoundError(
                "data=folder without a folder",
                expected="the path of a folder with audio files, and a labels.csv where they have labels",
                fix="add data.root=PATH, or run data=synthetic which needs no files",
            )
        self.root = Path(root).expanduser().resolve()
        self.name = name or self.root.name
        group, split, fold = (None if word is None else str(word) for word in (group, split, fold))
        class_targets = _words("class_targets", class_targets)
        continuous_targets, missing = _words("continuous_targets", continuous_targets), _words("missing", missing)
        tag_targets = _words("tag_targets", tag_targets) or []
        ends = {str(column): checked_ends(column, given) for column, given in (ranges or {}).items()}
        targets = [*(class_targets or ()), *(continuous_targets or ()), *ends, *tag_targets]
        needed = [*targets, *(column for column in (group, split, fold) if column and column not in BY_FILES)]
        self._labels, self._needed, self._group = labels, needed, group
        self._table = LabelTable(
            self.root / (labels or LABELS), needed, MISSING if missing is None else missing, tag_targets
        )
        self._roles = Roles(self._table, group, split, fold, {folded(column) for column in targets})
        tags = TagColumns(self._table, self._roles, tag_targets, most_tags, binary_tags)
        self._columns = Columns(self._table, self._roles, class_targets, continuous_targets, ends, tags)

    @property
    def targets(self) -> Mapping[str, Target]:
        if self._without_table:
            _ = self._audio  # refuses a folder without any
            return {}
        return self._columns.targets

    def clips(self) -> list[Clip]:
        if self._without_table:
            return [Clip(id=name, path=self.root / file) for name, file in _by_id(self._audio.files).items()]
        groups = self._file_groups
        return [replace(clip, group=groups.get(clip.id)) for clip in self._listed] if groups else list(self._listed)

    def remarks(self) -> list[str]:
        if self._without_table:
            return _told_unreadable(self._audio.unreadable)
        told = [*self._table.remarks(), *self._roles.remarks(), *self._columns.remarks()]
        return [*told, *self._told_file_groups(), *self._told_paths(), *self._told_unlisted()]

    def why_missing(self, target: str) -> str | None:
        if not self._without_table:
            return self._columns.why_missing(target)
        table = "data.source.labels=null leaves its table out" if self._labels is None else f"no {self._table.path}"
        return f"{table}; audio without labels can be predicted; learning needs a table with 'path' and '{target}'"

    def remedy(self, target: str, kind: str) -> str | None:
        return None if self._without_table else self._columns.remedy(target, kind)

    def whose(self) -> str | None:
        if self._without_table or self._roles.group is not None or self._file_groups:
            return None
        if self._group == "":
            return "data.source.group='' leaves it open whose clips these are."
        near = self._roles.likely_group
        named = [f"'{near}' looks as if it did: data.source.group='{near}'."] if near else []
        otherwise = "Add a column 'artist' where they share artists or tracks; `music_affect.doctor` looks for copies."
        ways = [*named, *offers(self._listed, self.root)] or [otherwise]
        return " ".join([f"No column of {self._table.path.name} says whose clips these are.", *ways])

    @property
    def _without_table(self) -> bool:
        """Whether the files are the clips: no columns are asked for, and the usual table is absent or not wanted."""
        if self._needed:
            return False
        return self._labels is None or (self._labels == LABELS and os.path.isdir(self.root) and self._lacks_table())

    def _lacks_table(self) -> bool:
        """Whether there is no table; one that cannot be looked at is there, and its labels are not left out."""
        try:
            self._table.path.lstat()
        except OSError as error:
            return isinstance(error, FileNotFoundError)
        return False

    @cached_property
    def _audio(self) -> _Listing:
        found = AudioFiles(self.root)
        listing = _Listing(sorted(found), found.unreadable)
        if not listing.files:
            table = f"no table of labels at {self._table.path} (an existing folder without that file) and "
            closed = f" ({len(listing.unreadable)} folders cannot be read)" if listing.unreadable else ""
            raise DataNotFoundError(
                f"{table if self._labels else ''}no audio files below {self.root}{closed}",
                expected="a folder with audio files, and a labels.csv with a 'path' column where they have labels",
                fix="set data.root to such a folder",
            )
        return listing

    @cached_property
    def _listed(self) -> list[Clip]:
        """The clips of the table, before their files are asked whose they are."""
        clips = [self._clip(row) for row in self._table.rows]
        for names in ([clip.id for clip in clips], [str(clip.path) for clip in clips]):
            expected, fix = "one row a clip, with unique ids and paths", "remove the repeated rows"
            refuse_repeated(self._table.path, "clips", names, expected, fix)
        refuse_all_missing(self._table.path, self.root, [clip.path for clip in clips])
        return clips

    @cached_property
    def _file_groups(self) -> Groups:
        """Groups that tags or folders tell, where these are asked for."""
        if self._group not in BY_FILES or self._roles.group is not None:
            return {}
        groups = groups_by(self._group, self._listed, self.root)
        if len(set(groups.values())) < 2:
            raise LabelError(
                f"data.source.group={self._group}, and {len(groups)} of {len(self._listed)} files tell a group so",
                expected="artist or album tags in the files" if self._group == "tags" else "a folder for each artist",
                fix=f"set data.source.group to another of {', '.join(BY_FILES)}, to a column, or to '' for none",
            )
        return groups

    def _clip(self, row: Row) -> Clip:
        relative = self._relative(row[PATH])
        path = self._inside(relative)
        name = (row[self._roles.id] if self._roles.id else "") or relative
        if "\0" in name:
            raise LabelError(
                f"{self._table.path} has an id with a NUL byte for {row[PATH]}",
                expected="ids of printable text",
                fix="correct the cell, or save the table again as CSV in UTF-8",
            )
        return Clip(
            id=name,
            path=path,
            labels=self._columns.labels(row),
            group=self._roles.group_of(row),
            split=self._roles.split_of(row),
            fold=self._roles.fold_of(row),
        )

    def _relative(self, path: str) -> str:
        r"""The path of a cell. What is no file as it stands was written on Windows where it has a ``\``."""
        if "\\" not in path or "\0" in path or os.path.lexists(self.root / path):
            return path
        return with_slashes(path)

    def _inside(self, relative: str) -> Path:
        path = self.root / relative
        if not relative or "\0" in relative or Path(relative).is_absolute() or ".." in Path(relative).parts:
            raise LabelError(
                f"{self._table.path} names the file '{relative}'",
                expected="a path inside the folder",
                fix="move the file into the folder and write its relative path",
            )
        return path

    def _told_file_groups(self) -> list[str]:
        groups, total = self._file_groups, len(self._listed)
        if not groups:
            return []
        lacking = f"; {total - len(groups)} clips have none and stand alone" if len(groups) < total else ""
        count, first = len(set(groups.values())), printable(next(iter(groups.values())))
        return [f"group={self._group}: {count} groups of {total} clips (first: '{first}'){lacking}."]

    def _told_paths(self) -> list[str]:
        """Paths that were not read as they stand, and those where nothing is."""
        windows = [row[PATH] for row in self._table.rows if self._relative(row[PATH]) != row[PATH]]
        told = [f"{len(windows)} paths have backslashes, read as slashes (first: '{windows[0]}')."] if windows else []
        return [*told, *told_missing(self.root, [clip.path for clip in self._listed])]

    def _told_unlisted(self) -> list[str]:
        found = AudioFiles(self.root)
        files = list(islice(found, COMPARED + 1))
        if len(files) > COMPARED:
            return []
        listed = {str(clip.path.relative_to(self.root)) for clip in self._listed}
        unlisted = sorted(file for file in files if file not in listed)
        told = _told_unreadable(found.unreadable)
        if unlisted:
            first = printable(unlisted[0])
            told.append(f"{len(unlisted)} audio files are not in {self._table.path.name} (first: '{first}').")
        return told


def _words(setting: str, given: Sequence[object] | None) -> list[str] | None:
    """A list of names as text: 5 is a name, too."""
    if isinstance(given, str):
        raise ConfigurationError(
            f"data.source.{setting}={given}", expected="a list", fix=f"write data.source.{setting}=[{given}]"
        )
    return None if given is None else [str(word) for word in given]


def _by_id(files: Sequence[str]) -> dict[str, str]:
    """Relative paths by what they are called: themselves, where they are text in UTF-8."""
    named = {file: file for file in files if printable(file) == file}
    for file in files:
        if file not in named:
            name = printable(file)
            while name in named:  # another file has the name that this one's bytes are written as
                name += "\\"
            named[name] = file
    return {name: named[name] for name in sorted(named)}


def _told_unreadable(folders: Sequence[str]) -> list[str]:
    if not folders:
        return []
    return [f"{len(folders)} folders cannot be read (first: '{printable(min(folders))}'); what they hold is left out."]
