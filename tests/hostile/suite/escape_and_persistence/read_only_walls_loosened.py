# Tries: modes, owners, times, names and attributes of files outside its folders changed, devices' too.
# earns at most: 0
# around: prize
# uses: tools
import os

won = []
devices = [f"/dev/{name}" for name in ("null", "zero", "full", "tty", "random", "ptmx", "pts/ptmx", "pts", "shm/..")]


def facts(place):
    try:
        seen = os.stat(place)
    except OSError:
        return None
    return seen.st_mode, seen.st_uid, seen.st_mtime_ns, seen.st_nlink, seen.st_size


for place in (*devices, 0, 1, 2, "/rt/bin/python", "/g/guest/wire.py", "/usr/bin", "/rt", "/", "/proc", os.__file__):
    before = facts(place)
    gets(lambda: os.chmod(place, 0o666))
    gets(lambda: os.chmod(place, 0o777))
    gets(lambda: os.chown(place, 0, 0))
    gets(lambda: os.utime(place, (1, 1)))
    gets(lambda: os.utime(place))
    gets(lambda: os.setxattr(place, "user.@MARK@", b"x"))
    if isinstance(place, str):
        gets(lambda: os.rename(place, place + "@MARK@"))
        gets(lambda: os.remove(place))
        gets(lambda: os.link(place, "/tmp/linked"))
    won += [place] if facts(place) != before else []
