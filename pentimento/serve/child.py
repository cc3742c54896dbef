"""Become another program that ends when its parent ends, even if the parent is killed outright (Linux).

Run as a plain file, `python child.py PARENT_PID PROGRAM ARGS...`: it starts fast and imports nothing of ours.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(argv: list[str]) -> None:
    """Tie this process to the parent with this pid, then execute the program."""
    parent, program = int(argv[1]), argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            sys.exit(1)
    os.execv(program[0], program)


if __name__ == "__main__":
    main(sys.argv)
