"""``python -m kl_c`` is the program ``kl-c``."""

import sys

from kl_c._cli import main

if __name__ == "__main__":
    sys.exit(main())
