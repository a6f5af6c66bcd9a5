"""From beats to scores, verdicts and alarms."""
