"""A clip in some 1600 numbers, which the references are fitted on."""
