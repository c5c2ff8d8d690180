"""`python -m gateway` is `tollhouse`."""

from gateway.cli import main

if __name__ == "__main__":
    main()
