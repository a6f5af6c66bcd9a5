"""Synthetic two-lead ECG: every rhythm and fault a test or a demo needs, annotated, from a seed."""

from pipeline.sources.synthetic.export import write_wfdb
from pipeline.sources.synthetic.record import SyntheticRecord, synthesise
from pipeline.sources.synthetic.scenario import KINDS, Episode, Scenario
from pipeline.sources.synthetic.ward import demo_ward

__all__ = ["KINDS", "Episode", "Scenario", "SyntheticRecord", "demo_ward", "synthesise", "write_wfdb"]
