"""`python -m latentopt` is the command `latentopt`."""

from latentopt.cli import main

if __name__ == "__main__":
    main(prog_name="latentopt")
