"""Many rows through the router: a column of prompts from a template, answered once each, within a budget, and taken up again after a crash."""
