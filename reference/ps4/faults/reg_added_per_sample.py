# loses: q2.1.published
# says: The regularisation is added once for every example: add it once, to the mean over the examples.
# --- replace
        loss = data_loss + reg_loss
# --- by
        loss = data_loss + N * reg_loss
