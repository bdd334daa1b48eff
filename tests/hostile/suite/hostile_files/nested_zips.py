# Tries: zips in zips in zips, beside a right solution.
# earns at most: 34, a right solution lies beside it
import io
import zipfile


def make(folder, perfect, mark):
    path = folder / "hand-in.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("mlp.py", perfect)
        inner = b"x"
        for depth in range(20):
            buffer = io.BytesIO()
            with zipfile.ZipFile(buffer, "w") as nested:
                nested.writestr(f"{depth}.zip", inner)
            inner = buffer.getvalue()
        packed.writestr("more.zip", inner)
    return path
