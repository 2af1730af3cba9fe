"""Answers that were given before: what may be kept, what is the same request, who shares a call."""
