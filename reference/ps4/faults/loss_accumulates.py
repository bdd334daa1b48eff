# loses: q2.1.published q2.1.loss q2.4.forward.published q2.4.forward.loss
# says: the first call was right, so loss keeps something between calls
# --- replace
        loss = data_loss + reg_loss
# --- by
        self.total = getattr(self, 'total', 0.0) + data_loss
        loss = self.total + reg_loss
