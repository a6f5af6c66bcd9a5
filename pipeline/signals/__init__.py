"""From samples to beats, causally and whatever the chunking."""
