"""Mutated inputs through every door of the pipeline: whatever comes is taken or refused, and nothing else happens.

A door is one file in :mod:`pipeline.fuzzing.doors`, whose name it has; its ``DOOR`` says how it is entered.
"""
