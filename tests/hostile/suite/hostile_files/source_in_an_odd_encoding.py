# Tries: a source that names an encoding in which its text means something else.
# earns at most: 0


def make(folder, perfect, mark):
    path = folder / "mlp.py"
    path.write_bytes(b"# coding: unicode_escape\nclass TwoLayerMLP: pass\n\\x0aimport os\\x0aos._exit(0)\n")
    return path
