"""`python -m netbilld`."""

import sys

from netbilld.cli.main import main

sys.exit(main())
