"""Long work in child processes: launch, listen, stop. Knows only the project's shared language."""
