"""The report of many runs: found in a folder, gathered by configuration, compared, and written as one page."""
