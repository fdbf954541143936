"""The search for good settings: its space, its study on disk, the trials' reports, and what was found."""
