"""A request and its classification become a plan."""
