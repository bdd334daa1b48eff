# loses: q2.3.batches
# loses on mnist: q2.5.sigmoid.accuracy q2.5.relu.accuracy
# says: batch_size is ignored: take max(N // batch_size, 1) steps an epoch, of batch_size rows each.
# --- replace
        iterations_per_epoch = max(num_train // batch_size, 1)
# --- by
        iterations_per_epoch = 1
# --- replace
                rows = order[it * batch_size:(it + 1) * batch_size]
# --- by
                rows = order
