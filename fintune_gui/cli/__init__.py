"""The same project from a terminal. Every command is a function that calls the dataset layer or starts a job."""
