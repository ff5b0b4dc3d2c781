"""Entry point of `python -m agents`."""

import sys


def main() -> None:
    """Run a command, or tell how to install a missing package."""
    try:
        from agents import cli
    except ModuleNotFoundError as error:
        print(f"error: {error.name} is not installed: pip install '.[agents]'", file=sys.stderr)
        sys.exit(2)
    cli.main()


if __name__ == "__main__":
    main()
