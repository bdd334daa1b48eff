# Tries: what the system says about the host: mounts, users, kernel messages, cgroups, network, other sessions.
# earns at most: 0
# around: prize
# uses: tools
import os

places = ["/etc/passwd", "/etc/shadow", "/etc/hosts", "/etc/machine-id", "/proc/mounts", "/proc/self/cgroup", "/proc/net"]
places += ["/sys/kernel", "/sys/fs/cgroup", "/dev/kmsg", "/dev/mem", "/var/run/docker.sock", "/run/systemd", "/dev/vda"]
places += ["/proc/sys/kernel/core_pattern", "/proc/kallsyms", "/proc/keys", "/root/.ssh", os.path.expanduser("~root")]
won = [p for p in places if gets(lambda: os.listdir(p) if os.path.isdir(p) else open(p, "rb").read(1))]
won += [name for name in (gets(lambda: os.uname().nodename),) if name != "sandbox"]
