# loses: q2.1.published q2.1.loss
# says: The regularisation term is counted once for every sample: add it once, after the mean over the samples.
# --- replace
        loss = data_loss + reg_loss
# --- by
        loss = data_loss + N * reg_loss
