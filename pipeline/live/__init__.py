"""Live monitoring: frames come in, a ward scores them, results and listeners hear of it."""
