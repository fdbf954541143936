"""Mirrors of a run in Weights & Biases, TensorBoard and MLflow. None of them is the record: that is the run folder."""
