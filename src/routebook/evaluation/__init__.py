"""What each model is worth at each task: a suite of prompts with checks, asked within a budget, and what it comes to."""
