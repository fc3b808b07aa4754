"""A recipe and a design to signals: training, in parallel and resumable.

Importing this asks Intel's math library, where torch is built on it, for results that do not depend on where in memory
a matrix lies; otherwise a model's last bits would change with the models beside it. The library reads the request at
its first use in a process, and it costs no measurable time.
"""

import os

os.environ.setdefault("MKL_CBWR", "AUTO")
