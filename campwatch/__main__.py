"""`python -m campwatch`."""

from campwatch.cli import main

if __name__ == "__main__":
    main()
