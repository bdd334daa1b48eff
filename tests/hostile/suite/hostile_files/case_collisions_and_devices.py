# Tries: names that differ by case only, and names of devices.
# earns at most: 34, a right solution lies beside it
import zipfile


def make(folder, perfect, mark):
    path = folder / "hand-in.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in ("mlp.py", "MLP.py", "Mlp.PY", "con.py", "NUL", "aux.txt", "com1.py", "prn.json"):
            packed.writestr(name, perfect if name == "mlp.py" else "x = 1")
    return path
