"""What outcomes teach: kept up with the books, fitted to a user's models, looked back on."""
