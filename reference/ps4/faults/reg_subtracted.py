# loses: q2.1.published q2.1.loss
# says: The regularisation term is subtracted from the loss: add it.
# --- replace
        loss = data_loss + reg_loss
# --- by
        loss = data_loss - reg_loss
