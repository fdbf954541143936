"""From a file to samples: which part of it, which formats, what is missing."""
