"""The audit of a data set before hours are spent on it: what its files hold, and what would spoil a result."""
