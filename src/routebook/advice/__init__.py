"""What a user's own record says against his `routing.toml`: proposals, each with its evidence. Decisions only; `recommend.py` brings the record."""
