"""Tools for problem set 4. There is nothing to fill in here; use them from the notebook.

get_MNIST_data            the digits, split and centred, ready for training
eval_numerical_gradient   a slow, trustworthy gradient to compare yours with
visualize_grid            many small grey images as one picture
"""

import hashlib
import http.client
import math
import os
import time
import zipfile
from pathlib import Path

import numpy as np

# ------------------------------------------------------------------ MNIST

HERE = Path(__file__).resolve().parent

# Where train, validation and test begin in MNIST's own order (60,000 + 10,000 images of 28 x 28).
SPLIT = {"train": slice(0, 50_000), "val": slice(50_000, 60_000), "test": slice(60_000, 70_000)}
NUM_IMAGES, NUM_PIXELS = 70_000, 28 * 28

# sha256 over the six arrays (see `_fingerprint`): every pixel and every label is the expected one.
# It is taken over the arrays and not over a file, so it holds for any way of storing them.
EXPECTED_SHA256 = "418bac7722e03cb9e120c953de2d5b159fa59ccb404487410113dcdb6defdf03"

DOWNLOAD_ATTEMPTS = 4
SECONDS_BETWEEN_ATTEMPTS = 3.0


class DataError(RuntimeError):
    """MNIST could not be had, or is not the MNIST of this problem set; the message says what to do."""


def get_MNIST_data():
    """Return X_train, y_train, X_val, y_val, X_test, y_test.

    The images are float64 arrays of shape (50000, 784), (10000, 784) and (10000, 784): the raw pixels
    0..255 (not divided by 255), minus the mean image of the training set. The labels are int64 arrays
    of shape (50000,), (10000,) and (10000,) with values 0..9. Together they take about 440 MB.

    The data are read from the first of these files that exists: the one that the environment variable
    MNIST_NPZ names, `mnist.npz` beside this module, `../data/mnist.npz`, `../ps4/data/mnist.npz`. Where there is none, MNIST is
    downloaded from OpenML (this needs scikit-learn, and takes a minute or two) and stored for the next
    time. A checksum is compared either way, so a damaged file or a broken download cannot slip in.
    """
    arrays = _stored_arrays()
    if arrays is None:
        arrays = _download()
        _store(arrays)
    return _centred(arrays)


def _candidates():
    named = os.environ.get("MNIST_NPZ")
    beside = [HERE / "mnist.npz", HERE.parent / "data" / "mnist.npz", HERE.parent / "ps4" / "data" / "mnist.npz"]
    return [Path(named).expanduser(), *beside] if named else beside


def _stored_arrays():
    """The six arrays from the first file that exists, or None where there is no file."""
    path = next((path for path in _candidates() if path.is_file()), None)
    if path is None:
        return None
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in _names()}
        _verify(arrays)
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile, DataError) as problem:
        raise DataError(
            f"{path} cannot be used: {problem}. Copy it again from the course, "
            "or delete it and MNIST will be downloaded."
        ) from problem
    return arrays


def _download():
    """The six arrays from OpenML, tried several times: a failed or incomplete download is common."""
    try:
        from sklearn.datasets import fetch_openml  # only here: whoever has the file needs no scikit-learn
    except ImportError as problem:
        raise DataError(
            f"there is no mnist.npz beside {HERE / 'utils.py'}, and downloading MNIST needs scikit-learn: "
            "run `pip install scikit-learn`, or put the course's mnist.npz there"
        ) from problem

    print("No mnist.npz here: downloading MNIST from OpenML. This happens once and takes a minute or two.")
    for attempt in range(1, DOWNLOAD_ATTEMPTS + 1):
        try:
            # cache=False: what is kept is our own checked file, never a half-finished download.
            # liac-arff: the other parser needs pandas.
            answer = fetch_openml("mnist_784", version=1, as_frame=False, cache=False, parser="liac-arff")
            arrays = _split(answer.data, answer.target)
            _verify(arrays)
            return arrays
        except (OSError, http.client.HTTPException, ValueError, DataError) as problem:
            print(f"Attempt {attempt} of {DOWNLOAD_ATTEMPTS} failed: {problem}")
            last_problem = problem
            if attempt < DOWNLOAD_ATTEMPTS:
                time.sleep(SECONDS_BETWEEN_ATTEMPTS)
    raise DataError(
        f"MNIST could not be downloaded in {DOWNLOAD_ATTEMPTS} attempts; the last one failed with: "
        f"{last_problem}. OpenML is sometimes down for a while: try again later, or put the course's "
        f"mnist.npz beside {HERE / 'utils.py'}."
    ) from last_problem


def _split(images, labels):
    """OpenML's one table of 70,000 rows, cut into the six arrays."""
    images, labels = np.asarray(images), np.asarray(labels)
    if images.shape != (NUM_IMAGES, NUM_PIXELS) or labels.shape != (NUM_IMAGES,):
        raise DataError(
            f"the data are incomplete: images of shape {images.shape} and labels of shape {labels.shape}, "
            f"where MNIST has {(NUM_IMAGES, NUM_PIXELS)} and {(NUM_IMAGES,)}"
        )
    images, labels = images.astype(np.uint8), labels.astype(np.int64).astype(np.uint8)
    arrays = {}
    for part, rows in SPLIT.items():
        arrays[f"X_{part}"], arrays[f"y_{part}"] = images[rows], labels[rows]
    return arrays


def _store(arrays):
    """Write the arrays for the next time, under their final name only when complete."""
    path = _candidates()[0]
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(unfinished, "wb") as file:
            np.savez_compressed(file, **arrays)
        os.replace(unfinished, path)
    except OSError as problem:
        unfinished.unlink(missing_ok=True)
        print(f"MNIST is loaded but could not be stored in {path} ({problem}): the next call downloads it again.")


def _centred(arrays):
    mean_image = arrays["X_train"].mean(axis=0, dtype=np.float64)
    answer = []
    for part in SPLIT:
        images = arrays[f"X_{part}"].astype(np.float64)
        images -= mean_image
        answer += [images, arrays[f"y_{part}"].astype(np.int64)]
    return tuple(answer)


def _names():
    return [f"{kind}_{part}" for part in SPLIT for kind in ("X", "y")]


def _verify(arrays):
    found = _fingerprint(arrays)
    if found != EXPECTED_SHA256:
        raise DataError(
            f"the checksum is wrong: sha256 {found[:12]}… where {EXPECTED_SHA256[:12]}… is expected, "
            "so some pixels or labels are not MNIST's"
        )


def _fingerprint(arrays):
    """sha256 over name, dtype, shape and bytes of each array, in a fixed order."""
    digest = hashlib.sha256()
    for name in _names():
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array)
    return digest.hexdigest()


# ------------------------------------------------------------------ gradients

def eval_numerical_gradient(f, x, verbose=False, h=1e-5):
    """Approximate the gradient of f at x by central differences.

    f        a function that takes the array x and returns a number
    x        a float array of any shape; its entries are moved in place, one at a time, and put back
             exactly, so `f` may as well ignore its argument and read the same array from elsewhere
             (net.params["W1"], say)
    verbose  print every partial derivative
    h        how far to move: the slope is (f(x + h) - f(x - h)) / (2 h)

    Returns an array of x's shape. It takes two calls of f for each entry: for tiny networks only.
    """
    if not (isinstance(x, np.ndarray) and np.issubdtype(x.dtype, np.floating)):
        raise TypeError("x must be a numpy array of floats: whole numbers cannot be moved by 1e-5")
    gradient = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        kept = x[index]
        try:
            x[index] = kept + h
            above = float(f(x))
            x[index] = kept - h
            below = float(f(x))
        finally:
            x[index] = kept
        gradient[index] = (above - below) / (2 * h)
        if verbose:
            print(index, gradient[index])
    return gradient


# ------------------------------------------------------------------ pictures

def visualize_grid(images, ubound=255.0, padding=1):
    """Lay N grey images out in one picture, row by row, as nearly square as N allows.

    images   array of shape (N, H, W)
    ubound   the brightest value: each image is stretched on its own to 0..ubound
    padding  black pixels between neighbours

    Returns a float array of shape (rows*H + (rows-1)*padding, columns*W + (columns-1)*padding), where
    columns = ceil(sqrt(N)) and rows = ceil(N / columns). Places that are left over stay black, and so
    does an image that is the same everywhere.
    """
    images = np.asarray(images, dtype=np.float64)
    if images.ndim != 3 or images.size == 0:
        raise ValueError(f"images must have the shape (N, H, W) with nothing empty, not {images.shape}")
    number, height, width = images.shape
    columns = math.ceil(math.sqrt(number))
    rows = math.ceil(number / columns)

    grid = np.zeros((rows * (height + padding) - padding, columns * (width + padding) - padding))
    for place, image in enumerate(images):
        row, column = divmod(place, columns)
        top, left = row * (height + padding), column * (width + padding)
        darkest, spread = image.min(), np.ptp(image)
        if spread > 0:
            grid[top : top + height, left : left + width] = ubound * ((image - darkest) / spread)
    return grid
