"""The command line: options, words, wiring; a file per command group. Only this package knows of a network."""
