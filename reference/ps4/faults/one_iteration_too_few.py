# loses: q2.3.step q2.3.decay q2.3.batches q2.3.histories
# says: An epoch has one iteration too few: it has max(N // batch_size, 1).
# --- replace
            for it in range(iterations_per_epoch):
# --- by
            for it in range(iterations_per_epoch - 1):
