"""Long work in a child process: launch, follow, command, stop."""
