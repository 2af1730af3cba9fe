"""A prompt becomes a classification."""
