"""The summary of a long record: rates, ectopic beats, pauses and variability, each figure with its definition."""
