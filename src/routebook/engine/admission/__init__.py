"""The way in to a model: queues, limits over all kernels, reservations, who may try after a cooldown."""
