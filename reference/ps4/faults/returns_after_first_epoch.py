# loses: q2.3.decay q2.3.batches q2.3.histories
# says: train() returns after the first epoch: return once all num_epochs epochs are done.
# --- replace
        return {
            'loss_history': loss_history,
            'grad_magnitude_history': grad_magnitude_history,
            'train_acc_history': train_acc_history,
            'val_acc_history': val_acc_history,
        }
# --- by
            return {
                'loss_history': loss_history,
                'grad_magnitude_history': grad_magnitude_history,
                'train_acc_history': train_acc_history,
                'val_acc_history': val_acc_history,
            }
