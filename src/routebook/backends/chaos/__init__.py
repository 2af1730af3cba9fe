"""A real HTTP server on loopback that answers from a script, in all four wire formats, and misbehaves as told.

`kind = "chaos"` providers start one inside the process, `routebook.testing` offers it to users' own tests, and
`python -m routebook.backends.chaos` runs one by itself.
"""
