"""``python -m genus``: the command line."""

from genus.cli.main import main

if __name__ == "__main__":
    main()
