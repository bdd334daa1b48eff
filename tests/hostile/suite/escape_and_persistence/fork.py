# Tries: processes by every way that Python has.
# earns at most: 0
# around: prize
# uses: tools
import os
import subprocess
import time

def fork():
    pid = os.fork()
    if pid == 0:
        os.setsid()
        time.sleep(30)
        os._exit(0)
    return pid


won = [gets(fork), gets(lambda: os.forkpty()), gets(lambda: subprocess.Popen(["/usr/bin/sleep", "30"]))]
won += [gets(lambda: os.posix_spawn("/usr/bin/sleep", ["sleep", "30"], {})), os.system("sleep 30 &") == 0]
won = [one for one in won if one]
