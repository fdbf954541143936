"""Measurements that anyone can repeat: quality over folds and seeds, speed beside named baselines."""
