"""The command `dialogue-gym`, as `python -m dialogue_gym`."""

from dialogue_gym.cli import main

if __name__ == "__main__":
    main()
