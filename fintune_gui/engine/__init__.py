"""The model: load, train, evaluate, export. The only home of torch; runs only as a child process."""
