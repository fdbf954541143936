"""One run: its objects, its training and test, in one process or several."""
