# Tries: hard links to the runtime's and the system's files, to change them by another name.
# earns at most: 0
# around: prize
# uses: tools
import os

won = []
for target in (os.__file__, "/rt/pyvenv.cfg", "/g/guest/serve.py", "/usr/bin/python3", "/dev/null", "/dev/zero"):
    for folder in ("/tmp", "/dev/shm", os.path.dirname(target)):
        won += [target] if gets(lambda: os.link(target, f"{folder}/@MARK@") or True) else []
