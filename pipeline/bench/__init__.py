"""Measurements of speed and of endurance."""
