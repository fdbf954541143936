"""LightningModules: head, loss and metrics for what is to be predicted."""
