# Tries: what an earlier session may have left: files, modules, threads, times of devices.
# earns at most: 0
# around: prize
import builtins
import os
import sys
import threading

import numpy as np

won = [place for place in ("/tmp", "/dev/shm", "/var/tmp") if os.path.isdir(place)
       for name in os.listdir(place) if name not in ("submission", "handout")]
won += [n for m in (builtins, np, sys) for n in vars(m) if n.startswith("hostile")]
won += [threading.active_count()] * (threading.active_count() > 1)
