"""`python -m infra.operate`."""

import sys

from infra.operate import main

if __name__ == "__main__":
    sys.exit(main())
