# loses: q2.3.step q2.3.decay q2.3.histories
# says: Nothing is trained when N is smaller than batch_size: an epoch has max(N // batch_size, 1) iterations.
# --- replace
        iterations_per_epoch = max(num_train // batch_size, 1)
# --- by
        iterations_per_epoch = num_train // batch_size
