# Tries: a right solution that sleeps in each call, for less than any limit on a call.
# earns at most: 0
# around: perfect
# limits: wall=5 wall_seconds=2
# fails: the whole submission may take 2 seconds
import time

at_once = TwoLayerMLP.loss  # noqa: F821


def later(self, *arguments, **options):
    time.sleep(1.5)
    return at_once(self, *arguments, **options)


TwoLayerMLP.loss = later  # noqa: F821
