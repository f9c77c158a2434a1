"""``kl-c`` whose demo takes two seconds: a small vocabulary, few steps. To import, or to run."""

import sys

from kl_c._cli import main
from kl_c._demo import command

SMALL = {"VOCABULARY": 800, "STEPS": 60}  # in place of what `kl_c._demo.command` has

if __name__ == "__main__":
    vars(command).update(SMALL)
    sys.exit(main())
