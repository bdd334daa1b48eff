# loses: q2.1.published
# says: The regularisation is subtracted from the loss; add it.
# --- replace
        loss = data_loss + reg_loss
# --- by
        loss = data_loss - reg_loss
