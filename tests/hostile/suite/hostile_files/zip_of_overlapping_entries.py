# Tries: a directory that names one entry ten thousand times.
# earns at most: 0
# refused: unpacks to more|more than
import zipfile


def make(folder, perfect, mark):
    path = folder / "hand-in.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for number in range(10_000):
            packed.writestr(f"{number}.py", "")
    return path
