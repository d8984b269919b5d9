"""`dondoc`, the command line."""
