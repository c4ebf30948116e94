"""The promises that need a whole gateway: each module is a test in a short form, and prints its figure as a script."""
