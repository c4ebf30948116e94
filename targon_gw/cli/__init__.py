"""The command line, `targon-gw`: a module for each family of verbs."""
