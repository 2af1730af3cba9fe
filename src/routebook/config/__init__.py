"""`routing.toml`: read, checked, as frozen values."""
