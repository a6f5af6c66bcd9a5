"""Commands that the flows add to ``ecg-anomaly``, by entry points of the group ``ecg_anomaly.commands``."""
