"""One command a module: the module's name is the command's, its ``command`` is what runs."""
