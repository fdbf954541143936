"""Files of labels: how they are spelled, which column says what."""
