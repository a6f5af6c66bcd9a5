"""The doors, one a file; see :mod:`pipeline.fuzzing`."""
