"""`python -m linearcheck`."""

from linearcheck.cli.main import main

if __name__ == "__main__":
    main()
