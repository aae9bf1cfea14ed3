"""What the user wants and what has happened: typed, versioned, on disk. Imports nothing of Fintune but itself."""
