"""Being told: thresholds on what the books show, said in the notebook and to a webhook, and figures for other programs."""
