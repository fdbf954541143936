"""Drum patterns: one bar of sixteen steps for each drum.

``X`` is a strong hit, ``x`` a plain one, ``o`` a ghost note, ``.`` silence.
"""

from __future__ import annotations

from collections.abc import Mapping

_EIGHTHS = "x.x.x.x.x.x.x.x."
_BACKBEAT = "....X.......X..."
_FLOOR = "X...X...X...X..."

RHYTHMS: Mapping[str, Mapping[str, str]] = {
    "rock": {"kick": "X.......X.x.....", "snare": _BACKBEAT, "hat": _EIGHTHS},
    "rock_push": {"kick": "X.....x.x.X.....", "snare": _BACKBEAT, "hat": "X.x.X.x.X.x.X.x."},
    "rock_crash": {"kick": "X.x.....X.x...x.", "snare": _BACKBEAT, "crash": "X...x...x...x..."},
    "pop": {"kick": "X.....x.X.......", "snare": _BACKBEAT, "hat": "x.xxx.x.x.xxx.x."},
    "disco": {"kick": _FLOOR, "snare": _BACKBEAT, "hat": "x.x.x.x.x.x.x.x.", "open": "..x...x...x...x."},
    "house": {"kick": _FLOOR, "clap": _BACKBEAT, "open": "..X...X...X...X."},
    "techno": {"kick": _FLOOR, "hat": "xxXxxxXxxxXxxxXx", "clap": "............x..."},
    "electro": {"kick": "X.....X...X.....", "clap": _BACKBEAT, "hat": "xxxxxxxxxxxxxxxx"},
    "break": {"kick": "X.X.......XX....", "snare": "....X..o.o..X..o", "hat": _EIGHTHS},
    "boom_bap": {"kick": "X..x......X..x..", "snare": _BACKBEAT, "hat": _EIGHTHS},
    "boom_bap_late": {"kick": "X......x.xX.....", "snare": "....X.......X..o", "hat": "x.xxx.x.x.x.x.xx"},
    "trap": {"kick": "X......x..X.....", "clap": _BACKBEAT, "hat": "x.x.xxxxx.x.x.xx"},
    "half_time": {"kick": "X.....x....x....", "snare": "........X.......", "hat": "x.x.x.xxx.x.x.x."},
    "half_break": {"kick": "X..x........x...", "snare": "........X..o..o.", "hat": "x.o.x.o.x.o.x.o."},
    "shuffle": {"kick": "X.......X.x.....", "snare": _BACKBEAT, "hat": "X.x.X.x.X.x.X.x."},
    "slow_blues": {"kick": "X.......X.......", "snare": _BACKBEAT, "ride": "X.x.X.x.X.x.X.x."},
    "swing": {"kick": "o...o...o...o...", "hat": "....x.......x...", "ride": "X...X.x.X...X.x."},
    "swing_comp": {"snare": "..o...o....o..o.", "hat": "....x.......x...", "ride": "X...X.x.x...X.x."},
    "bossa": {"kick": "x.....xxx.....xx", "snare": "o..o..o...o..o..", "ride": _EIGHTHS},
    "brushes": {"snare": "x.o.X.o.x.o.X.o.", "kick": "o.......o......."},
    "train": {"snare": "x.xxX.xxx.xxX.xx", "kick": "x.......x......."},
    "stomp": {"kick": "X.......X.......", "hat": "....x.......x..."},
    "double": {"kick": "XxxxXxxxXxxxXxxx", "snare": _BACKBEAT, "crash": "X...x...x...x..."},
    "gallop": {"kick": "X.xxX.xxX.xxX.xx", "snare": _BACKBEAT, "ride": _FLOOR},
    "blast": {"kick": "X.X.X.X.X.X.X.X.", "snare": ".x.x.x.x.x.x.x.x", "crash": "X.......x......."},
    "timpani": {"kick": "X...........o.o."},
}
