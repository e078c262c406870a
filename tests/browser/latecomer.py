"""A Python kernel that begins only once its folder has a file named `go`, however fast the machine is."""

import os
import sys
import time
from pathlib import Path

while not Path("go").exists():
    time.sleep(0.02)
os.execv(sys.executable, [sys.executable, "-m", "ipykernel_launcher", *sys.argv[1:]])
