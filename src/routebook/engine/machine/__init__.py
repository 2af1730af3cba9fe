"""The machine's memory: what is loaded, what may be, and what goes for it. What a backend does for it is in `backends/residents.py`."""
