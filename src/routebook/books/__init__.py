"""The database: attempts and budgets."""
