"""The Free Music Archive as it is published."""
