"""What the make targets do. Standard library only: it runs before anything of the project is installed."""
