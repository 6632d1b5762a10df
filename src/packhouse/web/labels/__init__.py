"""The pages of labels and shipments."""
