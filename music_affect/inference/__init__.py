"""A checkpoint's answers for clips."""
