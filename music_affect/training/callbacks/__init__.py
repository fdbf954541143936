"""What happens beside the training loop: seeds, history, progress, self-describing checkpoints."""
