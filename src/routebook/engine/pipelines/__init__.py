"""Several requests that lead to one answer: `[pipelines.NAME]`."""
