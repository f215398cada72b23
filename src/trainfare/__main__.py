"""``python -m trainfare``: the command line without the script on the path."""

from trainfare.cli.main import main

if __name__ == "__main__":
    main()
