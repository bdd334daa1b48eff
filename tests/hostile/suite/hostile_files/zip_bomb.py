# Tries: a zip of kilobytes that unpacks to gigabytes, whatever its entries say.
# earns at most: 0
# refused: unpacks to more|MiB
import zipfile


def make(folder, perfect, mark):
    path = folder / "hand-in.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("mlp.py", perfect)
        for number in range(12):
            with packed.open(f"zeros{number}.py", "w", force_zip64=True) as out:
                for _ in range(19):
                    out.write(bytes(1 << 20))
    return path
