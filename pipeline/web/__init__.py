"""The monitor's page and terminal view: they listen to a running monitor and show it to people."""
