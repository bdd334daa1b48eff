# Tries: links to the host's files, a FIFO that blocks whoever opens it, a link that goes in circles.
# earns at most: 34, a right solution lies beside it
import os

def make(folder, perfect, mark):
    (folder / "mlp.py").write_text(perfect)
    (folder / "passwd.txt").symlink_to("/etc/passwd")
    (folder / "circle").symlink_to(folder)
    (folder / "zero.py").symlink_to("/dev/zero")
    os.mkfifo(folder / "waits.py")
    return folder
