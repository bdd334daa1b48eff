# Tries: files that unpack outside their folder: by dots, by a root, by a drive, by backslashes.
# earns at most: 0
# refused: points outside the folder
# leaves: /tmp/@MARK@.py
import zipfile


def make(folder, perfect, mark):
    path = folder / "hand-in.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("mlp.py", perfect)
        for name in (f"../../{mark}.py", f"/tmp/{mark}.py", f"C:\\{mark}.py", f"..\\..\\{mark}.py"):
            packed.writestr(name, "owned = True")
    return path
