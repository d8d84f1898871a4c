"""The command line: options to jobs, jobs to the worker, its results to the screen and an exit code. Imports without torch."""
