"""What is learned from outcomes: beliefs by task and model, a memory of similar prompts, fitted models. No I/O."""
