"""Moving in and out: other tools' configs become a `routing.toml`, and a `routing.toml` becomes theirs."""
