"""Chords, progressions and patterns that several styles share; the signs are explained in ``composition``."""

TRIAD = (0, 2, 4)
SEVENTH = (0, 2, 4, 6)
POWER = (0, 4, 7)
ADD9 = (0, 2, 4, 8)
POP_CHORDS = ((0, 4, 5, 3), (5, 3, 0, 4), (0, 3, 4, 3), (0, 5, 3, 4))
LOOPS = ((0, 0, 5, 5), (0, 3, 0, 3), (0, 5, 3, 4), (0, 0, 0, 0))
TWELVE_BARS = (0, 0, 0, 0, 3, 3, 0, 0, 4, 3, 0, 4)
SONG = ("m...m.m...m.m...", "m.m.m...m.m.....", "..m.m.m...m.m.m.")
PICKING = ("1.3.2.3.1.3.2.3.", "1.3.4.3.2.3.4.3.", "1...2.3.4.3.2...")
STRUM = ("X...x.x...x.x.x.", "X...X.x.X...X.x.", "x...x...x...x...")
EIGHTHS_BASS = ("r.r.r.r.r.r.r.r.", "r.....r.r.....r.", "r...r...r...r.f.")
HOLD = ("h...............",)
