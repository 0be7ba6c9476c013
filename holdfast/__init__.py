"""Front door: the command line and the demo shops."""
