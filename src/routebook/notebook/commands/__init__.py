"""What stands behind `%route SUBCOMMAND`: one file a family. Which name leads where is in `notebook/subcommands.py`."""
