"""Runs plans: admission, dispatch, the loop thread, the facade."""
