# Tries: a daemon that outlives its session and comes back to life.
# earns at most: 0
# around: prize
# uses: tools
# leaves: /tmp/@MARK@
import os
import time

def daemon():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            while True:
                open("/tmp/@MARK@", "w").close()
                time.sleep(0.1)
        os._exit(0)
    return True


won = gets(daemon)
