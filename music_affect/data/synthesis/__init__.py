"""The synthetic corpus: composes short pieces in ten styles and renders them to audio files."""
