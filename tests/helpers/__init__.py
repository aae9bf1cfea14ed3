"""Shared by the tests: looks for leaks and log records, children that stand in for a job, processes of the program."""
