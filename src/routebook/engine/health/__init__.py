"""Looking after models: the doctor, the word that warms one up, providers that come back."""
